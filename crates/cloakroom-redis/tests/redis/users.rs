//! Users with very many sessions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cloakroom_core::{Change, Inserted, LimitPolicy, Selector, SessionId, Store};
use cloakroom_redis::RedisStore;
use cloakroom_testkit::Subject;
use cloakroom_testkit::fixtures::{Draft, START, at, logout, user};
use cloakroom_testkit::servers::{Flavor, Redis};

use crate::alone::open;

/// What the store lets a user have.
const MOST: u64 = 1_000;

async fn add(store: &Subject, count: u64) -> Vec<SessionId> {
    let mut ids = Vec::new();
    while (ids.len() as u64) < count {
        let adding = (0..250.min(count - ids.len() as u64)).map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.add(Draft::of("ada")).await })
        });
        for id in adding.collect::<Vec<_>>() {
            ids.push(id.await.expect("it is added"));
        }
    }
    ids.sort_unstable();
    ids
}

async fn ends_of_users(store: &Subject) -> usize {
    let entries = store.log_after(None, 10_000).await.entries.into_iter();
    entries.filter(|entry| matches!(entry.change, Change::UserEnded { .. })).count()
}

#[tokio::test]
async fn many_sessions_of_a_user_end_in_steps_each_of_which_is_in_the_log() {
    let Some(redis) = Redis::start(Flavor::Redis) else { return };
    let store = Subject::new(open(&redis).await);
    let ids = add(&store, 450).await;
    let kept = ids[220];
    let ended = store.end(logout(Selector::UserExcept(user("ada"), kept), at(1))).await;
    assert_eq!((ended.count, ended.epoch), (449, 1));
    for id in ids {
        assert_eq!(store.is_live(id, at(1)).await, id == kept);
        assert_eq!(store.ended(id).await.is_some(), id != kept);
    }
    assert_eq!(store.counts(at(1)).await.sessions, 1);
    assert_eq!(ends_of_users(&store).await, 3);
}

/// Logs in again and again, until told to stop.
fn logins(store: &RedisStore, stop: &Arc<AtomicBool>) -> tokio::task::JoinHandle<()> {
    let (store, stop) = (store.clone(), Arc::clone(stop));
    tokio::spawn(async move {
        while !stop.load(Ordering::Relaxed) {
            let epoch = store.epoch(user("ada")).await.expect("it answers");
            let new = Draft::of("ada").at(at(1)).epoch(epoch).build();
            store.insert(new).await.expect("it answers");
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logins_meanwhile_do_not_hold_up_the_end_of_a_user() {
    let Some(redis) = Redis::start(Flavor::Redis) else { return };
    let store = open(&redis).await;
    let subject = Subject::new(store.clone());
    let before = add(&subject, 300).await;
    let stop = Arc::new(AtomicBool::new(false));
    let logins = [0; 8].map(|_| logins(&store, &stop));
    for round in 1..=10 {
        let ended = store.end(logout(Selector::User(user("ada")), at(1))).await;
        let ended = ended.expect("no login holds it up");
        assert_eq!(ended.epoch, round);
        for summary in subject.sessions_of(user("ada"), at(1)).await {
            if let Some(record) = subject.load(summary.id, at(1)).await {
                assert!(record.epoch >= round, "one of an older login is left");
            }
        }
    }
    stop.store(true, Ordering::Relaxed);
    for login in logins {
        login.await.unwrap();
    }
    for id in before {
        assert!(!subject.is_live(id, at(1)).await);
    }
}

/// As a node leaves it that has raised the epoch and not yet come to the session.
#[tokio::test]
async fn a_session_that_another_end_has_condemned_is_not_spared() {
    let Some(redis) = Redis::start(Flavor::Redis) else { return };
    let store = Subject::new(open(&redis).await);
    let id = store.add(Draft::of("ada")).await;
    let epochs = format!("cloakroom:{{{:02}}}:epochs", id.bucket().index());
    redis.run(&["HSET", &epochs, "ada", "1"]);
    let ended = store.end(logout(Selector::UserExcept(user("ada"), id), at(1))).await;
    assert_eq!((ended.count, ended.epoch), (1, 2));
    assert!(!store.is_live(id, at(1)).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_oldest_session_of_a_user_with_very_many_ends_at_the_next_login() {
    let Some(redis) = Redis::start(Flavor::Redis) else { return };
    let store = Subject::new(open(&redis).await);
    let ids = add(&store, MOST).await;
    assert_eq!(store.counts(START).await.sessions, MOST);
    let next = store.insert(Draft::of("ada").at(at(1)).build()).await;
    assert_eq!(next, Inserted::Done { ended: vec![ids[0]] });
    assert!(!store.is_live(ids[0], at(1)).await && store.is_live(ids[1], at(1)).await);
    let refusing = |most| Draft::of("ada").at(at(2)).limit(most, LimitPolicy::Refuse).build();
    assert_eq!(store.insert(refusing(1_000_000)).await, Inserted::LimitReached);
    assert_eq!(store.counts(START).await.sessions, MOST);
    assert_eq!(store.regroup(user("ada"), vec!["few".to_owned()], at(2)).await, MOST);
    let limited = Draft::of("ada").at(at(2)).limit(2, LimitPolicy::EndLeastRecentlyUsed);
    store.insert(limited.build()).await;
    assert_eq!(store.counts(START).await.sessions, 2);
}
