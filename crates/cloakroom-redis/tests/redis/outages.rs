use std::error::Error;
use std::time::{Duration, Instant};

use cloakroom_core::{Selector, SessionId, Store, StoreError};
use cloakroom_redis::{Options, RedisStore};
use cloakroom_testkit::fixtures::{Draft, START, at, logout};
use cloakroom_testkit::servers::{Flavor, Proxy, Redis};
use cloakroom_testkit::{Subject, eventually};

use crate::alone::open;

/// Waits until the store answers again.
pub(crate) async fn recovered(store: &RedisStore) {
    let id = SessionId::new(None, START);
    eventually("it answers again", || async move { store.load(id, START).await.is_ok() }).await;
}

fn told(error: &StoreError) -> String {
    error.source().map(ToString::to_string).unwrap_or_default()
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_by_a_server_that_syncs_always() {
    let builder = Redis::builder(Flavor::Redis).option("appendonly", "yes");
    let Some(mut redis) = builder.option("appendfsync", "always").start() else { return };
    let store = open(&redis).await;
    let subject = Subject::new(store.clone());
    for round in 0..3 {
        let live = subject.add(Draft::of("ada").data("k", "1")).await;
        let ended = subject.add(Draft::of("ada")).await;
        subject.end_session(ended, at(1)).await;
        redis.kill();
        redis.start_again();
        recovered(&store).await;
        assert!(subject.is_live(live, at(1)).await, "round {round}");
        assert_eq!(subject.value(live, at(1), "k").await.as_deref(), Some("1"));
        assert!(!subject.is_live(ended, at(1)).await, "round {round}");
    }
}

#[tokio::test]
async fn a_lost_answer_to_a_write_is_unknown_and_to_a_read_asked_for_again() {
    let Some(redis) = Redis::start(Flavor::Redis) else { return };
    let proxy = Proxy::before(redis.port());
    let store = RedisStore::open(Options::new(proxy.instead_in(&redis.url()))).await.unwrap();
    let subject = Subject::new(store.clone());
    let other = subject.add(Draft::of("ada")).await;
    subject.end_session(other, START).await;
    let id = subject.add(Draft::of("ada")).await;
    proxy.lose_answer_to(id.to_string());
    assert!(store.load(id, START).await.unwrap().is_some());
    proxy.lose_answer_to("logout");
    let lost = store.end(logout(Selector::Session(id), START)).await;
    assert!(matches!(lost, Err(StoreError::Unknown { .. })), "{lost:?}");
    assert_eq!(store.end(logout(Selector::Session(id), START)).await.unwrap().count, 0);
    assert!(store.load(id, START).await.unwrap().is_none());
}

#[tokio::test]
async fn a_server_that_hangs_fails_soon_then_at_once_and_is_found_again() {
    let Some(redis) = Redis::start(Flavor::Redis) else { return };
    let store = open(&redis).await;
    let subject = Subject::new(store.clone());
    let id = subject.add(Draft::of("ada")).await;
    redis.pause();
    let start = Instant::now();
    let waiting = (0..50).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { store.load(id, START).await.is_err() })
    });
    for failed in waiting.collect::<Vec<_>>() {
        assert!(failed.await.unwrap());
    }
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    let store = &store;
    eventually("it fails at once", || async move {
        let start = Instant::now();
        store.load(id, START).await.is_err() && start.elapsed() < Duration::from_millis(100)
    })
    .await;
    redis.resume();
    let start = Instant::now();
    recovered(store).await;
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert!(subject.is_live(id, START).await);
}

#[tokio::test]
async fn a_server_that_is_gone_is_refused_with_words_and_found_again() {
    let Some(mut redis) = Redis::start(Flavor::Redis) else { return };
    let store = open(&redis).await;
    redis.kill();
    let id = SessionId::new(None, START);
    let error = store.load(id, START).await.unwrap_err();
    assert!(told(&error).contains("Redis"), "{}", told(&error));
    redis.start_again();
    recovered(&store).await;
}

#[tokio::test]
async fn scripts_that_the_server_forgot_are_sent_again() {
    let Some(redis) = Redis::start(Flavor::Redis) else { return };
    let subject = Subject::new(open(&redis).await);
    let id = subject.add(Draft::of("ada")).await;
    redis.run(&["SCRIPT", "FLUSH"]);
    subject.set(id, START, "k", "1").await;
    redis.run(&["SCRIPT", "FLUSH"]);
    assert_eq!(subject.end_session(id, START).await.count, 1);
}

#[tokio::test]
async fn a_primary_that_becomes_a_replica_is_noticed_though_nobody_writes() {
    let Some(redis) = Redis::start(Flavor::Redis) else { return };
    let other = Redis::start(Flavor::Redis).unwrap();
    let store = open(&redis).await;
    let id = SessionId::new(None, START);
    redis.run(&["REPLICAOF", "127.0.0.1", &other.port().to_string()]);
    let store = &store;
    eventually("nothing is read", || async move { store.load(id, START).await.is_err() }).await;
}

#[tokio::test]
async fn a_primary_that_becomes_a_replica_fails_writes_clearly() {
    let Some(redis) = Redis::start(Flavor::Redis) else { return };
    let other = Redis::start(Flavor::Redis).unwrap();
    let store = open(&redis).await;
    redis.run(&["REPLICAOF", "127.0.0.1", &other.port().to_string()]);
    let refused = store.insert(Draft::of("ada").build()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Failed { .. }), "{refused:?}");
    assert!(told(&refused).contains("replica"), "{}", told(&refused));
    let id = SessionId::new(None, START);
    let store = &store;
    // What a replica has may be old.
    eventually("nothing is read", || async move { store.load(id, START).await.is_err() }).await;
    redis.run(&["REPLICAOF", "NO", "ONE"]);
    recovered(store).await;
    Subject::new(store.clone()).add(Draft::of("ada")).await;
}
