use cloakroom_core::{EndReason, Selector};
use cloakroom_testkit::fixtures::{Draft, START, at, logout, sweep, user};
use cloakroom_testkit::servers::{Flavor, Redis};
use cloakroom_testkit::{Subject, eventually};

use crate::alone::open;

#[tokio::test]
async fn many_sessions_end_at_once_and_come_into_the_history_in_steps() {
    let Some(redis) = Redis::start(Flavor::Redis) else { return };
    let store = Subject::new(open(&redis).await);
    let inserts = (0..1_500).map(|number| {
        let store = store.clone();
        let draft = match number % 3 {
            0 => Draft::anonymous(),
            _ => Draft::of(&format!("user-{}", number % 7)),
        };
        tokio::spawn(async move { store.add(draft).await })
    });
    let mut ids = Vec::new();
    for insert in inserts.collect::<Vec<_>>() {
        ids.push(insert.await.unwrap());
    }
    let ended = store.end(logout(Selector::Everyone, at(1))).await;
    assert_eq!(ended.count, 1_500);
    assert!(store.live_ids(at(1)).await.is_empty());
    let counts = store.counts(at(1)).await;
    assert_eq!((counts.sessions, counts.anonymous), (0, 0));
    let store = &store;
    for id in ids {
        assert!(!store.is_live(id, at(1)).await);
        eventually("it is in the history", || async move { store.ended(id).await.is_some() }).await;
    }
    // None of what was left behind is counted twice.
    let swept = store.sweep(sweep(at(2), 1_000)).await;
    assert_eq!((swept.sessions, swept.backlog), (0, 0));
    store.add(Draft::of("user-1").at(at(3)).epoch(1)).await;
    assert_eq!(store.counts(at(3)).await.sessions, 1);
}

/// As a process leaves it that died behind the acknowledgement.
#[tokio::test]
async fn a_sweep_finishes_what_a_dead_process_left_of_an_end_of_everyone() {
    let Some(redis) = Redis::start(Flavor::Redis) else { return };
    let store = Subject::new(open(&redis).await);
    let id = store.add(Draft::of("ada")).await;
    let late = store.add(Draft::anonymous()).await;
    for bucket in [id.bucket(), late.bucket()] {
        let meta = format!("cloakroom:{{{:02}}}:meta", bucket.index());
        let why = r#"{"reason":"admin","by":"root"}"#;
        let at = at(1).unix_millis().to_string();
        redis.run(&[
            "HSET",
            &meta,
            "everyone",
            "1",
            "sessions",
            "0",
            "anonymous",
            "0",
            "doomed",
            "1",
            "doom_at",
            &at,
            "doom_why",
            why,
            "doom_ids",
            "-",
            "doom_visitors",
            "-",
        ]);
    }
    assert!(!store.is_live(id, at(2)).await && !store.is_live(late, at(2)).await);
    assert!(store.sessions_of(user("ada"), at(2)).await.is_empty());
    let swept = store.sweep(sweep(at(3), 10)).await;
    assert_eq!(swept.sessions, 0, "what was ended did not expire");
    for id in [id, late] {
        let ended = store.ended(id).await.unwrap();
        assert_eq!((ended.reason, ended.ended_at), (EndReason::Admin, at(1)));
        assert_eq!(ended.ended_by.as_deref(), Some("root"));
    }
    let counts = store.counts(START).await;
    assert_eq!((counts.sessions, counts.anonymous), (0, 0));
    // The place of the visitor is free again.
    store.add(Draft::anonymous().at(at(4)).anonymous_cap(1)).await;
}
