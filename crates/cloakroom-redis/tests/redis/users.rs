//! Users with very many sessions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cloakroom_core::{
    Carry, Change, EndReason, Inserted, LimitPolicy, Selector, SessionId, Store, Timestamp,
};
use cloakroom_redis::RedisStore;
use cloakroom_testkit::Subject;
use cloakroom_testkit::fixtures::{Draft, START, at, logout, user};
use cloakroom_testkit::servers::{Flavor, Redis};

use crate::alone::open;

/// What the store lets a user have.
const MOST: u64 = 1_000;

async fn add(store: &Subject, count: u64, now: Timestamp) -> Vec<SessionId> {
    let mut ids = Vec::new();
    while (ids.len() as u64) < count {
        let adding = (0..250.min(count - ids.len() as u64)).map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.add(Draft::of("ada").at(now)).await })
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
async fn as_many_sessions_as_a_user_may_have_end_in_one_step() {
    let Some(redis) = Redis::start(Flavor::Redis) else { return };
    let store = Subject::new(open(&redis).await);
    let ids = add(&store, MOST, START).await;
    let kept = ids[220];
    let ended = store.end(logout(Selector::UserExcept(user("ada"), kept), at(1))).await;
    assert_eq!((ended.count, ended.epoch), (MOST - 1, 1));
    for id in ids {
        assert_eq!(store.is_live(id, at(1)).await, id == kept);
        assert_eq!(store.ended(id).await.is_some(), id != kept);
    }
    assert_eq!(store.counts(at(1)).await.sessions, 1);
    assert_eq!(ends_of_users(&store).await, 1);
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
    let before = add(&subject, 300, START).await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_oldest_session_of_a_user_with_very_many_ends_at_the_next_login() {
    let Some(redis) = Redis::start(Flavor::Redis) else { return };
    let store = Subject::new(open(&redis).await);
    let ids = add(&store, MOST, START).await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logins_at_once_of_a_user_with_very_many_sessions_all_come_through() {
    let Some(redis) = Redis::start(Flavor::Redis) else { return };
    let store = Subject::new(open(&redis).await);
    let before = add(&store, MOST, START).await;
    let after = add(&store, 300, at(1)).await;
    assert_eq!(store.counts(START).await.sessions, MOST);
    for (index, id) in before.iter().enumerate() {
        assert_eq!(store.is_live(*id, at(1)).await, index >= after.len(), "{index}");
    }
}

#[tokio::test]
async fn a_login_that_replaces_one_ends_no_other_and_expired_ones_go_first() {
    let Some(redis) = Redis::start(Flavor::Redis) else { return };
    let store = Subject::new(open(&redis).await);
    let second = Duration::from_secs(1);
    let expired = store.add(Draft::of("ada").idle(second)).await;
    let ids = add(&store, MOST - 1, at(1)).await;
    let next = Draft::of("ada").at(at(2)).replacing(ids[400], Carry::Nothing).build();
    assert_eq!(store.insert(next).await, Inserted::Done { ended: Vec::new() });
    assert!(!store.is_live(ids[400], at(2)).await && store.is_live(ids[0], at(2)).await);
    let next = store.insert(Draft::of("ada").at(at(2)).build()).await;
    assert_eq!(next, Inserted::Done { ended: Vec::new() });
    assert!(store.is_live(ids[0], at(2)).await);
    assert_eq!(store.ended(expired).await.map(|it| it.reason), Some(EndReason::Idle));
}
