//! What an observer is told, and what is counted.

use std::sync::{Arc, Mutex};

use cloakroom::{
    EndReason, Happening, LimitPolicy, LoginOutcome, Observer, Policy, Selector, SessionLimit,
};
use cloakroom_testkit::Operation;

use crate::support::{Browser, Fault, Scene, on_every_store, opened};

on_every_store!(
    each_login_end_rotation_and_renewal_is_told_once,
    ends_that_a_login_causes_are_told_with_their_reason,
    theft_is_told_with_its_user,
    what_is_rejected_is_told_and_counted,
    what_a_sweep_removes_is_told_and_counted_by_reason,
    a_refused_login_is_told_and_counted,
    faults_of_the_store_are_counted_by_operation_and_kind,
);

/// Writes down what it is told, a word or two each.
#[derive(Debug, Default)]
struct Diary(Mutex<Vec<String>>);

impl Diary {
    fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Observer for Diary {
    fn happened(&self, happening: Happening<'_>) {
        let name = |user: Option<&cloakroom::UserId>| match user {
            Some(user) => user.to_string(),
            None => "nobody".to_owned(),
        };
        let told = match happening {
            Happening::Began { record } => format!("began {}", name(record.user.as_ref())),
            Happening::LoginRefused { user, outcome } => format!("{user} {}", outcome.as_str()),
            Happening::Ended { selector, user, reason, count, .. } => {
                let which = match selector {
                    Selector::Session(_) => "one",
                    _ => "all",
                };
                format!("ended {which} of {}: {count} {reason}", name(user))
            }
            Happening::Expired { idle, absolute } => format!("expired {idle} {absolute}"),
            Happening::Renewed { record } => format!("renewed {}", name(record.user.as_ref())),
            Happening::Rotated { authenticated, .. } => format!("rotated {authenticated}"),
            Happening::Rejected { rejection, session } => {
                format!("rejected {} {}", rejection.as_str(), session.is_some())
            }
            _ => "something new".to_owned(),
        };
        self.0.lock().unwrap().push(told);
    }
}

fn watched(scene: &Scene, policy: Policy) -> (Browser, Arc<Diary>) {
    let diary = Arc::new(Diary::default());
    let cloakroom = opened(scene.builder().policy(policy).observer(diary.clone()));
    (Browser::at(&cloakroom), diary)
}

async fn each_login_end_rotation_and_renewal_is_told_once(scene: Scene) {
    let (mut browser, diary) = watched(&scene, Policy::default());
    browser.post("/data/cart/book").await;
    browser.log_in("alice").await;
    assert_eq!(diary.told(), ["began nobody", "began alice", "ended one of nobody: 1 replaced"]);
    browser.post("/rotate").await;
    browser.post("/again").await;
    assert_eq!(diary.told(), ["rotated false", "rotated true"]);
    scene.advance_minutes(61);
    browser.who().await;
    assert_eq!(diary.told(), [""; 0], "a successor that was only sent is none yet");
    browser.who().await;
    assert_eq!(diary.told(), ["renewed alice"]);
    browser.post("/logout").await;
    assert_eq!(diary.told(), ["ended one of alice: 1 logout"]);
    let meters = browser.cloakroom.sessions().meters();
    assert_eq!(meters.logins(LoginOutcome::Success), 1);
    assert_eq!((meters.ends(EndReason::Replaced), meters.ends(EndReason::Logout)), (1, 1));
}

async fn ends_that_a_login_causes_are_told_with_their_reason(scene: Scene) {
    let limit = Some(SessionLimit { most: 1, policy: LimitPolicy::EndOldest });
    let (mut browser, diary) = watched(&scene, Policy { limit, ..Policy::default() });
    browser.log_in("alice").await;
    let mut other = Browser::at(&browser.cloakroom);
    other.log_in("alice").await;
    assert_eq!(diary.told(), ["began alice", "began alice", "ended one of alice: 1 limit"]);
    other.post("/end-all").await;
    assert_eq!(diary.told(), ["ended all of alice: 1 logout"]);
}

async fn theft_is_told_with_its_user(scene: Scene) {
    let (mut browser, diary) = watched(&scene, Policy::default());
    browser.log_in("alice").await;
    let mut thief = browser.copy();
    scene.advance_minutes(61);
    browser.who().await;
    browser.who().await;
    scene.advance_minutes(2);
    diary.told();
    thief.who().await;
    assert_eq!(diary.told(), ["ended one of alice: 1 theft", "rejected theft true"]);
}

async fn what_is_rejected_is_told_and_counted(scene: Scene) {
    let (mut browser, diary) = watched(&scene, Policy::default());
    browser.log_in("alice").await;
    let before = browser.copy();
    browser.post("/rotate").await;
    diary.told();
    before.clone().who().await;
    browser.with_cookies("/who", b"__Host-session=clk_forged").await;
    let gone = browser.copy();
    browser.post("/logout").await;
    gone.clone().who().await;
    let rejected: Vec<_> =
        diary.told().into_iter().filter(|told| told.starts_with("rejected")).collect();
    let expected = ["rejected mismatch true", "rejected forged false", "rejected unknown true"];
    assert_eq!(rejected, expected);
    let page = page(&browser).await;
    for verdict in ["rejected_mismatch", "rejected_forged", "rejected_unknown"] {
        let line = format!("cloakroom_verifications_total{{verdict=\"{verdict}\"}} 1\n");
        assert!(page.contains(&line), "{line} in {page}");
    }
}

async fn what_a_sweep_removes_is_told_and_counted_by_reason(scene: Scene) {
    let (mut browser, diary) = watched(&scene, Policy { sweep_batch: 1, ..Policy::default() });
    browser.post("/remember/alice").await;
    for name in ["bob", "carol"] {
        Browser::at(&browser.cloakroom).log_in(name).await;
    }
    for _ in 0..3 {
        scene.advance_minutes(30 * 24 * 60 - 1);
        browser.who().await;
    }
    diary.told();
    scene.advance_minutes(60);
    browser.cloakroom.sessions().sweep().await.unwrap();
    assert_eq!(diary.told(), ["expired 2 1"]);
    let meters = browser.cloakroom.sessions().meters();
    assert_eq!((meters.ends(EndReason::Idle), meters.ends(EndReason::Absolute)), (2, 1));
}

async fn a_refused_login_is_told_and_counted(scene: Scene) {
    let limit = Some(SessionLimit { most: 1, policy: LimitPolicy::Refuse });
    let (mut browser, diary) = watched(&scene, Policy { limit, ..Policy::default() });
    browser.log_in("alice").await;
    let mut other = Browser::at(&browser.cloakroom);
    assert_eq!(other.post("/login/alice").await.status, 409);
    scene.probe.fail(Operation::Insert, Fault::Failed, 1);
    assert_eq!(other.post("/login/bob").await.status, 503);
    assert_eq!(diary.told(), ["began alice", "alice session_limit", "bob error"]);
    let meters = browser.cloakroom.sessions().meters();
    let outcomes = [LoginOutcome::Success, LoginOutcome::SessionLimit, LoginOutcome::Error];
    assert_eq!(outcomes.map(|outcome| meters.logins(outcome)), [1, 1, 1]);
}

async fn faults_of_the_store_are_counted_by_operation_and_kind(scene: Scene) {
    let (mut browser, _) = watched(&scene, Policy::default());
    browser.log_in("alice").await;
    scene.probe.fail(Operation::Load, Fault::Failed, 2);
    browser.get("/who").await;
    browser.get("/who").await;
    scene.probe.fail(Operation::Rotate, Fault::AnswerLost, 1);
    browser.post("/rotate").await;
    scene.probe.fail(Operation::Counts, Fault::Failed, 1);
    let page = page(&browser).await;
    for line in [
        "cloakroom_store_errors_total{operation=\"load\",kind=\"failed\"} 2\n",
        "cloakroom_store_errors_total{operation=\"rotate\",kind=\"unknown\"} 1\n",
        "cloakroom_verifications_total{verdict=\"error\"} 2\n",
        "cloakroom_store_seconds_count{operation=\"insert\"} 1\n",
    ] {
        assert!(page.contains(line), "{line} in {page}");
    }
    assert!(!page.contains("cloakroom_sessions_live{"), "nobody knows");
}

async fn page(browser: &Browser) -> String {
    let families = browser.cloakroom.sessions().metrics().await;
    families.iter().map(ToString::to_string).collect()
}
