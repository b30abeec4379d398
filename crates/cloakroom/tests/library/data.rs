//! The application's data: typed, by key, each call a commit of its own.

use axum::http::StatusCode;
use cloakroom::{DataLimits, Error, Policy, Session, User};
use cloakroom_testkit::Operation;

use crate::support::{Browser, Fault, Scene, on_every_store};

on_every_store!(
    a_session_that_is_not_touched_costs_no_call_of_the_store,
    a_request_verifies_its_credential_once,
    reading_without_a_cookie_writes_no_row,
    the_first_write_begins_an_anonymous_session,
    a_plain_write_of_what_was_read_is_refused_when_it_changed_meanwhile,
    a_plain_write_of_what_was_read_succeeds_when_nothing_changed,
    a_write_of_what_was_not_read_and_a_deliberate_overwrite_succeed,
    a_removal_of_what_was_read_is_refused_when_it_changed_meanwhile,
    an_update_is_never_refused_for_what_others_wrote,
    an_update_of_several_keys_is_all_or_nothing,
    an_update_that_changes_nothing_begins_no_session,
    data_beyond_the_limits_is_refused_with_the_limits_named,
    a_value_of_another_type_is_an_error_and_stays,
    a_key_that_cannot_be_one_is_refused,
    once_the_answer_has_begun_no_credential_is_made,
    a_login_that_is_done_only_after_the_answer_has_begun_is_ended_again,
    once_the_answer_has_begun_a_logout_still_ends_the_session,
    writes_in_the_background_outlive_the_answer,
);

async fn a_session_that_is_not_touched_costs_no_call_of_the_store(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    scene.advance_minutes(61);
    scene.probe.calls();
    let reply = browser.act(async |_session: Session| "untouched").await;
    assert_eq!((reply.body.as_str(), reply.credential()), ("untouched", None));
    browser.get("/public").await;
    assert_eq!(scene.probe.calls(), []);
}

async fn a_request_verifies_its_credential_once(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    scene.probe.calls();
    let busy = async |session: Session| {
        session.user().await?;
        session.id().await?;
        session.get::<u8>("a").await?;
        session.insert("a", 1).await?;
        session.user().await
    };
    let reply = browser.act(async move |session: Session| busy(session).await.map(drop)).await;
    assert_eq!(reply.status, 200);
    assert_eq!(scene.probe.calls(), [Operation::Load, Operation::Read, Operation::Update]);
}

/// Law 13: anonymous reads cost no rows.
async fn reading_without_a_cookie_writes_no_row(scene: Scene) {
    let mut browser = scene.browser();
    let reads = async |session: Session| {
        session.user().await?;
        session.get::<String>("cart").await?;
        session.remove("cart").await
    };
    assert_eq!(browser.act(reads).await.status, 200);
    browser.get("/who").await;
    browser.get("/home").await;
    assert_eq!((browser.cookie, scene.rows().await), (None, 0));
    assert_eq!(scene.probe.calls(), []);
}

async fn the_first_write_begins_an_anonymous_session(scene: Scene) {
    let mut browser = scene.browser();
    let reply = browser.post("/data/cart/book").await;
    assert!(reply.credential().is_some_and(|token| token.starts_with("clk_")));
    assert_eq!(browser.post("/data/wish/pen").await.credential(), None);
    assert_eq!(browser.get("/data/cart").await.body, "book");
    assert_eq!((browser.who().await.as_str(), scene.rows().await), ("nobody", 1));
}

/// What another request writes while this one runs.
async fn meanwhile(other: &Browser, path: &str) {
    assert_eq!(other.clone().post(path).await.status, 200);
}

/// Law 3: no acknowledged write is lost.
async fn a_plain_write_of_what_was_read_is_refused_when_it_changed_meanwhile(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    for start in ["", "old"] {
        if !start.is_empty() {
            browser.post("/data/x/old").await;
        }
        let other = browser.clone();
        let slow = async move |session: Session| {
            session.get::<String>("x").await?;
            meanwhile(&other, "/data/x/theirs").await;
            let refused = session.insert("x", "mine").await;
            assert!(session.insert("x", "mine").await.is_err(), "trying again does not help");
            refused
        };
        let reply = browser.act(slow).await;
        assert_eq!((reply.status, reply.code().as_str()), (StatusCode::CONFLICT, "conflict"));
        assert_eq!(browser.get("/data/x").await.body, "theirs");
    }
}

async fn a_plain_write_of_what_was_read_succeeds_when_nothing_changed(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    let other = browser.clone();
    let twice = async move |session: Session| {
        session.get::<String>("x").await?;
        session.insert("x", "first").await?;
        meanwhile(&other, "/data/y/theirs").await;
        session.insert("x", "second").await?;
        session.remove("x").await?;
        session.insert("x", "third").await
    };
    assert_eq!(browser.act(twice).await.status, 200);
    assert_eq!(browser.get("/data/x").await.body, "third");
}

async fn a_write_of_what_was_not_read_and_a_deliberate_overwrite_succeed(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    let other = browser.clone();
    let blind = async move |session: Session| {
        session.user().await?;
        meanwhile(&other, "/data/unread/theirs").await;
        session.insert("unread", "mine").await?;
        session.get::<String>("read").await?;
        meanwhile(&other, "/data/read/theirs").await;
        session.overwrite("read", "mine").await
    };
    assert_eq!(browser.act(blind).await.status, 200);
    assert_eq!(browser.get("/data/unread").await.body, "mine");
    assert_eq!(browser.get("/data/read").await.body, "mine");
}

/// Law 3: a removal is a write.
async fn a_removal_of_what_was_read_is_refused_when_it_changed_meanwhile(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    browser.post("/data/x/old").await;
    let other = browser.clone();
    let slow = async move |session: Session| {
        session.get::<String>("x").await?;
        meanwhile(&other, "/data/x/theirs").await;
        session.remove("x").await
    };
    assert_eq!(browser.act(slow).await.code(), "conflict");
    assert_eq!(browser.get("/data/x").await.body, "theirs");
    let blind = async |session: Session| session.remove("x").await;
    assert_eq!(browser.act(blind).await.status, 200);
    assert_eq!(browser.get("/data/x").await.body, "");
}

/// Law 3: compare-and-set with retry.
async fn an_update_is_never_refused_for_what_others_wrote(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    browser.post("/count/n").await;
    let other = browser.clone();
    let slow = async move |session: Session| {
        session.get::<u64>("n").await?;
        meanwhile(&other, "/count/n").await;
        let updated = session.update("n", |n: Option<u64>| n.unwrap_or(0) + 1).await?;
        session.insert("n", updated + 10).await
    };
    assert_eq!(browser.act(slow).await.status, 200, "after an update the key counts as read");
    assert_eq!(browser.post("/count/n").await.body, "14");
}

/// Law 3: several keys in one commit.
async fn an_update_of_several_keys_is_all_or_nothing(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    let transfer = |amount: i64| {
        async move |session: Session| {
            let moved = session.update_many(&["from", "to"], |values| {
                let (from, to): (i64, i64) =
                    (values.get("from")?.unwrap_or(10), values.get("to")?.unwrap_or(0));
                values.set("from", &(from - amount))?;
                if amount > from {
                    return Err(Error::NotLoggedIn);
                }
                values.set("to", &(to + amount))
            });
            moved.await
        }
    };
    let sum = async |session: Session| {
        let (from, to) = (session.get::<i64>("from").await?, session.get::<i64>("to").await?);
        Ok::<_, Error>(format!("{from:?} {to:?}"))
    };
    assert_eq!(browser.act(transfer(4)).await.status, 200);
    assert_eq!(browser.act(transfer(7)).await.status, 401);
    assert_eq!(browser.look(sum).await.body, "Some(6) Some(4)");
    let unnamed = async |session: Session| {
        session.update_many(&["from"], |values| values.set("to", &99)).await
    };
    assert_eq!(browser.act(unnamed).await.status, 500);
    let moved = async |session: Session| {
        session
            .update_many(&["from", "to"], |values| {
                values.remove("from")?;
                values.set("to", &10)
            })
            .await
    };
    assert_eq!(browser.act(moved).await.status, 200);
    assert_eq!(browser.look(sum).await.body, "None Some(10)");
}

async fn an_update_that_changes_nothing_begins_no_session(scene: Scene) {
    let mut browser = scene.browser();
    let idle = async |session: Session| session.update_many(&["a", "b"], |_| Ok(())).await;
    let reply = browser.act(idle).await;
    assert_eq!((reply.status.as_u16(), reply.credential()), (200, None));
    let fails = async |session: Session| {
        session
            .update_many(&["a"], |values| {
                values.set("a", &1)?;
                Err(Error::NotLoggedIn)
            })
            .await
    };
    assert_eq!(browser.act(fails).await.credential(), None);
    assert_eq!(scene.rows().await, 0);
}

async fn data_beyond_the_limits_is_refused_with_the_limits_named(scene: Scene) {
    let data = DataLimits { keys: 2, bytes: 100 };
    let cloakroom =
        scene.builder().policy(Policy { data, ..Policy::default() }).open().await.unwrap();
    for user in [Some("alice"), None] {
        let mut browser = Browser::at(&cloakroom);
        if let Some(user) = user {
            browser.log_in(user).await;
        }
        let big = async |session: Session| session.insert("big", "x".repeat(200)).await;
        let reply = browser.act(big).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (413, "session-data-too-large".into()));
        assert!(reply.body.contains("keys: 2") && reply.body.contains("bytes: 100"), "{reply:?}");
        assert!(reply.body.contains("1 keys and 205 bytes"), "{reply:?}");
        for path in ["/data/a/1", "/data/b/2", "/data/a/3"] {
            assert_eq!(browser.post(path).await.status, 200);
        }
        assert_eq!(browser.post("/data/c/1").await.status, 413);
        let many = async |session: Session| {
            session
                .update_many(&["b", "c", "d"], |values| {
                    values.remove("b")?;
                    values.set("c", &1)?;
                    values.set("d", &1)
                })
                .await
        };
        assert_eq!(browser.act(many).await.status, 413);
        assert_eq!(browser.get("/data/b").await.body, "2", "nothing of it was done");
    }
}

async fn a_value_of_another_type_is_an_error_and_stays(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    browser.post("/data/x/text").await;
    let wrong = async |session: Session| {
        let error = session.get::<u32>("x").await.unwrap_err();
        let updated = session.update("x", |n: Option<u32>| n.unwrap_or(0)).await;
        assert!(updated.is_err());
        error
    };
    let reply = browser.look(wrong).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (500, "internal-error".into()));
    assert!(!reply.body.contains("text"), "the value is for the log, not the client");
    let text = async |session: Session| session.get::<u32>("x").await.unwrap_err().to_string();
    assert!(browser.look(text).await.body.contains("\"x\" does not fit"));
    assert_eq!(browser.get("/data/x").await.body, "text");
}

async fn a_key_that_cannot_be_one_is_refused(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    let try_all = async |session: Session| {
        for key in ["", "a\nb", &"k".repeat(129)] {
            assert!(session.get::<u8>(key).await.is_err());
            assert!(session.insert(key, 1).await.is_err());
            assert!(session.overwrite(key, 1).await.is_err());
            assert!(session.remove(key).await.is_err());
            assert!(session.update(key, |_: Option<u8>| 1).await.is_err());
        }
    };
    assert_eq!(browser.act(try_all).await.status, 200);
}

/// Gives the session away to what runs after the answer.
async fn session_after_the_answer(browser: &mut Browser) -> Session {
    let (sender, receiver) = std::sync::mpsc::channel();
    let keep = async move |session: Session| {
        session.user().await.unwrap();
        sender.send(session).unwrap();
    };
    assert_eq!(browser.act(keep).await.status, 200);
    receiver.recv().unwrap()
}

/// Law 9: what the client cannot get is not left behind.
async fn once_the_answer_has_begun_no_credential_is_made(scene: Scene) {
    let mut visitor = scene.browser();
    let session = session_after_the_answer(&mut visitor).await;
    let late = session.log_in(User::new("alice").unwrap()).await;
    assert!(matches!(late, Err(Error::HeadersSent)));
    assert!(matches!(session.insert("x", 1).await, Err(Error::HeadersSent)));
    let counted = session.update("x", |_: Option<u8>| 1).await;
    assert!(matches!(counted, Err(Error::HeadersSent)));
    assert_eq!(scene.rows().await, 0);

    let mut browser = scene.logged_in("alice").await;
    let session = session_after_the_answer(&mut browser).await;
    assert!(matches!(session.rotate().await, Err(Error::HeadersSent)));
    assert_eq!(browser.who().await, "alice");
}

/// Law 9: a credential that nobody holds is not left live.
async fn a_login_that_is_done_only_after_the_answer_has_begun_is_ended_again(scene: Scene) {
    let (sender, receiver) = std::sync::mpsc::channel();
    let probe = scene.probe.clone();
    probe.fail(Operation::Insert, Fault::AnswerLate, 1);
    let leaves_a_task = async move |session: Session| {
        let login = async move { session.log_in(User::new("alice").unwrap()).await };
        sender.send(tokio::spawn(login)).unwrap();
        while !probe.calls().contains(&Operation::Insert) {
            tokio::task::yield_now().await;
        }
    };
    assert_eq!(scene.browser().act(leaves_a_task).await.credential(), None);
    scene.probe.repair();
    let late = receiver.recv().unwrap().await.unwrap();
    assert!(matches!(late, Err(Error::HeadersSent)));
    assert_eq!(scene.rows().await, 0);
}

/// Law 5: an end is done, or reported; the cookie that stays is worth nothing.
async fn once_the_answer_has_begun_a_logout_still_ends_the_session(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    let session = session_after_the_answer(&mut browser).await;
    session.log_out().await.unwrap();
    assert_eq!(browser.who().await, "nobody");
}

async fn writes_in_the_background_outlive_the_answer(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    let session = session_after_the_answer(&mut browser).await;
    session.insert("x", "late").await.unwrap();
    assert_eq!(browser.get("/data/x").await.body, "late");
}
