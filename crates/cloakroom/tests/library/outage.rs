//! When the store fails, the application says so, and nobody is logged out (law 5).

use cloakroom::{EndReason, Policy, Session, StoreError};
use cloakroom_testkit::Operation;

use crate::support::{Browser, Fault, Reply, Scene, on_every_store, opened};

on_every_store!(
    while_the_store_is_down_nothing_is_known_and_no_cookie_is_touched,
    while_the_store_is_down_public_pages_work,
    a_login_that_fails_gives_no_credential,
    a_login_whose_answer_is_lost_gives_no_credential,
    a_logout_that_fails_is_reported_and_keeps_the_cookie,
    a_logout_is_tried_again_until_it_is_definite,
    ending_all_sessions_is_tried_again_too,
    an_end_that_may_have_been_done_is_unknown_whatever_comes_after,
    a_write_that_fails_is_reported_and_changes_nothing,
    a_write_whose_answer_is_lost_is_not_acknowledged,
    a_renewal_that_fails_costs_nobody_their_session,
    a_store_that_cannot_be_written_still_knows_who_it_is,
    a_stolen_credential_is_not_accepted_because_the_end_failed,
    a_visitor_is_not_given_a_session_while_their_last_one_is_in_doubt,
    too_many_visitors_are_refused_and_users_are_not,
    a_store_that_does_not_answer_is_not_waited_for,
);

fn assert_unavailable(reply: &Reply) {
    assert_eq!((reply.status.as_u16(), reply.code()), (503, "sessions-unavailable".into()));
    assert_eq!((reply.header("retry-after"), reply.credential()), (Some("2"), None));
    assert!(!reply.body.contains("injected"), "the cause is for the log: {}", reply.body);
}

/// Law 5: a fault never looks like a logout.
async fn while_the_store_is_down_nothing_is_known_and_no_cookie_is_touched(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    scene.probe.take_down();
    for path in ["/who", "/home", "/data/x"] {
        assert_unavailable(&browser.get(path).await);
    }
    for path in ["/login/bob", "/logout", "/rotate", "/data/x/1", "/count/n", "/end-all"] {
        assert_unavailable(&browser.post(path).await);
    }
    scene.probe.repair();
    assert_eq!(browser.who().await, "alice");
}

async fn while_the_store_is_down_public_pages_work(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    scene.probe.take_down();
    assert_eq!(browser.get("/public").await.body, "public");
    assert_eq!(browser.act(async |_: Session| "untouched").await.body, "untouched");
    let mut visitor = scene.browser();
    assert_eq!(visitor.who().await, "nobody", "without a credential nothing needs to be asked");
    visitor.cookie = Some("garbage".to_owned());
    assert_eq!(visitor.who().await, "nobody");
}

async fn a_login_that_fails_gives_no_credential(scene: Scene) {
    for operation in [Operation::Epoch, Operation::Insert] {
        let mut browser = scene.browser();
        scene.probe.fail(operation, Fault::Failed, 1);
        assert_unavailable(&browser.post("/login/alice").await);
        assert_eq!(scene.rows().await, 0);
    }
    let mut browser = scene.logged_in("bob").await;
    scene.probe.fail(Operation::Insert, Fault::Failed, 1);
    assert_unavailable(&browser.post("/login/alice").await);
    assert_eq!(browser.who().await, "bob", "the session before it is as it was");
}

async fn a_login_whose_answer_is_lost_gives_no_credential(scene: Scene) {
    let mut browser = scene.browser();
    scene.probe.fail(Operation::Insert, Fault::AnswerLost, 1);
    assert_unavailable(&browser.post("/login/alice").await);
    assert_eq!(browser.who().await, "nobody");
    browser.log_in("alice").await;
    assert_eq!(browser.who().await, "alice");
}

/// Law 5: an end is definite, or reported as unknown.
async fn a_logout_that_fails_is_reported_and_keeps_the_cookie(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    scene.probe.calls();
    scene.probe.fail(Operation::End, Fault::Failed, u32::MAX);
    assert_unavailable(&browser.post("/logout").await);
    assert_eq!(
        scene.probe.calls(),
        [Operation::Load, Operation::End, Operation::End, Operation::End]
    );
    scene.probe.repair();
    assert_eq!(browser.who().await, "alice", "the user sees that they are not logged out");
    assert_eq!(browser.post("/logout").await.credential().as_deref(), Some(""));
    assert_eq!(browser.who().await, "nobody");
}

/// Law 5: an end is retried.
async fn a_logout_is_tried_again_until_it_is_definite(scene: Scene) {
    for fault in [Fault::Failed, Fault::AnswerLost] {
        for times in [1, 2] {
            let mut browser = scene.logged_in("alice").await;
            let mut copy = browser.clone();
            scene.probe.fail(Operation::End, fault, times);
            let reply = browser.post("/logout").await;
            assert_eq!((reply.status.as_u16(), reply.credential().as_deref()), (200, Some("")));
            assert_eq!(copy.who().await, "nobody");
        }
    }
}

async fn ending_all_sessions_is_tried_again_too(scene: Scene) {
    let mut phone = scene.logged_in("alice").await;
    let mut laptop = scene.logged_in("alice").await;
    scene.probe.fail(Operation::End, Fault::AnswerLost, 1);
    assert_eq!(laptop.post("/end-all").await.status, 200);
    assert_eq!((phone.who().await.as_str(), laptop.who().await.as_str()), ("nobody", "nobody"));
    laptop.log_in("alice").await;
    assert_eq!(laptop.who().await, "alice");
}

/// Law 5: "not done" is said only where nothing was.
async fn an_end_that_may_have_been_done_is_unknown_whatever_comes_after(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    scene.probe.fail(Operation::End, Fault::AnswerLostThenFailed, u32::MAX);
    let everyone = browser.cloakroom.sessions().end_everyone(EndReason::Admin, None).await;
    assert!(matches!(everyone, Err(StoreError::Unknown { .. })), "{everyone:?}");
    scene.probe.repair();
    assert_eq!(browser.who().await, "nobody");
    scene.probe.fail(Operation::End, Fault::Failed, u32::MAX);
    let everyone = browser.cloakroom.sessions().end_everyone(EndReason::Admin, None).await;
    assert!(matches!(everyone, Err(StoreError::Failed { .. })), "{everyone:?}");
}

async fn a_write_that_fails_is_reported_and_changes_nothing(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    browser.post("/data/x/old").await;
    scene.probe.fail(Operation::Update, Fault::Failed, 1);
    assert_unavailable(&browser.post("/data/x/new").await);
    assert_eq!(browser.get("/data/x").await.body, "old");
    scene.probe.fail(Operation::Read, Fault::Failed, 1);
    assert_unavailable(&browser.get("/data/x").await);
    scene.probe.fail(Operation::Update, Fault::Failed, 1);
    assert_unavailable(&browser.post("/count/n").await);
    assert_eq!(browser.post("/count/n").await.body, "1");
}

async fn a_write_whose_answer_is_lost_is_not_acknowledged(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    scene.probe.fail(Operation::Update, Fault::AnswerLost, 1);
    assert_unavailable(&browser.post("/count/n").await);
    assert_eq!(browser.post("/count/n").await.body, "2", "it was done all the same");
}

/// Laws 5 and 8: the credential that was presented stays good.
async fn a_renewal_that_fails_costs_nobody_their_session(scene: Scene) {
    for fault in [Fault::Failed, Fault::AnswerLost] {
        let mut browser = scene.logged_in("alice").await;
        scene.advance_minutes(61);
        scene.probe.fail(Operation::Renew, fault, 1);
        let reply = browser.get("/who").await;
        assert_eq!((reply.body.as_str(), reply.credential()), ("alice", None));
        assert!(browser.get("/who").await.credential().is_some());
        scene.probe.fail(Operation::Renew, fault, 1);
        assert_eq!(browser.who().await, "alice", "the successor counts although it is not noted");
        assert_eq!(browser.who().await, "alice");
        assert_eq!(browser.who().await, "alice");
    }
}

async fn a_store_that_cannot_be_written_still_knows_who_it_is(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    scene.advance_minutes(61);
    browser.who().await;
    for operation in [Operation::Renew, Operation::Touch, Operation::Update, Operation::End] {
        scene.probe.fail(operation, Fault::Failed, u32::MAX);
    }
    for _ in 0..3 {
        scene.advance_minutes(10);
        assert_eq!(browser.who().await, "alice");
    }
    assert_unavailable(&browser.post("/data/x/1").await);
}

/// Law 5: fail closed.
async fn a_stolen_credential_is_not_accepted_because_the_end_failed(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    scene.advance_minutes(61);
    let mut thief = browser.copy();
    browser.who().await;
    browser.who().await;
    scene.advance_minutes(2);
    scene.probe.fail(Operation::End, Fault::Failed, u32::MAX);
    assert_unavailable(&thief.get("/who").await);
    assert_unavailable(&thief.post("/data/x/1").await);
    scene.probe.repair();
    assert_eq!(thief.who().await, "nobody");
    assert_eq!(browser.who().await, "nobody");
}

/// Laws 1 and 5: who may just have logged out is not given a new cookie.
async fn a_visitor_is_not_given_a_session_while_their_last_one_is_in_doubt(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    browser.keeps_cookies = false;
    browser.post("/logout").await;
    scene.advance_minutes(2);
    scene.probe.fail(Operation::Ended, Fault::Failed, 1);
    assert_unavailable(&browser.post("/data/x/1").await);
    assert_eq!(scene.rows().await, 0);
    assert!(browser.post("/data/x/1").await.credential().is_some());
}

/// Law 13: anonymous sessions have a cap of their own.
async fn too_many_visitors_are_refused_and_users_are_not(scene: Scene) {
    let policy = Policy { anonymous_cap: 2, ..Policy::default() };
    let cloakroom = scene.builder().policy(policy).open().await.unwrap();
    let mut alice = Browser::at(&cloakroom);
    alice.log_in("alice").await;
    let mut visitors = [Browser::at(&cloakroom), Browser::at(&cloakroom)];
    for visitor in &mut visitors {
        assert_eq!(visitor.post("/data/x/1").await.status, 200);
    }
    let refused = Browser::at(&cloakroom).post("/data/x/1").await;
    assert_eq!((refused.status.as_u16(), refused.code()), (503, "too-many-sessions".into()));
    assert_eq!((refused.header("retry-after"), refused.credential()), (Some("2"), None));
    Browser::at(&cloakroom).log_in("bob").await;
    visitors[0].log_in("carol").await;
    assert_eq!(Browser::at(&cloakroom).post("/data/x/1").await.status, 200);
    assert_eq!(alice.who().await, "alice");
}

/// The answer comes only after the repair, so without the bound this would wait for ever.
async fn a_store_that_does_not_answer_is_not_waited_for(scene: Scene) {
    let store_timeout = std::time::Duration::from_millis(50);
    let policy = Policy { store_timeout, ..Policy::default() };
    let cloakroom = opened(scene.builder().policy(policy));
    let mut browser = Browser::at(&cloakroom);
    browser.log_in("alice").await;
    scene.probe.fail(Operation::Load, Fault::AnswerLate, 1);
    assert_unavailable(&browser.get("/who").await);
    assert_eq!(browser.who().await, "alice");
    scene.probe.fail(Operation::End, Fault::AnswerLate, 1);
    assert_unavailable(&browser.post("/logout").await);
    scene.probe.repair();
    assert_eq!(browser.who().await, "nobody", "what was unknown had been done");
}
