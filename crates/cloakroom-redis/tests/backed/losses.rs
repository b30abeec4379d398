//! What is lost of Redis costs nothing but time.

use std::time::{Duration, Instant};

use cloakroom_core::Selector;
use cloakroom_redis::{OpenError, Options};
use cloakroom_testkit::fixtures::{Draft, at, logout, user};
use cloakroom_testkit::servers::{Flavor, Redis};
use cloakroom_testkit::{Operation, eventually};

use crate::scene::{Node, Scene};
use crate::support::options;

#[tokio::test]
async fn a_record_is_read_from_the_backing_store_once() {
    let Some(scene) = Scene::new() else { return };
    let node = scene.node().await;
    let id = node.cached().await;
    let (asked, hits) = (node.faults.calls(Operation::Load), node.store.counts_of_reads().hits);
    for _ in 0..20 {
        assert!(node.is_live(id).await);
    }
    assert_eq!(node.faults.calls(Operation::Load), asked);
    assert_eq!(node.store.counts_of_reads().hits, hits + 20);
    let other = scene.node().await;
    assert!(other.is_live(id).await);
    assert_eq!(other.faults.calls(Operation::Load), 0, "another node reads it from the cache");
}

#[tokio::test]
async fn a_session_that_looks_unused_is_looked_up_in_the_backing_store() {
    let Some(scene) = Scene::new() else { return };
    let node = scene.node().await;
    let id = node.cached().await;
    let truth = cloakroom_testkit::Subject::from(scene.sqlite());
    let late = at(3_000);
    truth.touch(late, vec![cloakroom_core::Touch { id, seen_at: late }]).await;
    // In the cache it has expired by now.
    assert!(node.subject.is_live(id, at(3_700)).await);
}

#[tokio::test]
async fn a_server_set_back_by_a_restart_brings_no_ended_session_back() {
    let Some(mut scene) = Scene::new() else { return };
    let node = scene.node().await;
    let (one, all) = (node.cached().await, node.cached().await);
    scene.redis.run(&["SAVE"]);
    node.subject.end_session(one, at(1)).await;
    assert!(!node.is_live(one).await);
    scene.redis.kill();
    // While it is down too.
    assert!(!node.is_live(one).await && node.is_live(all).await);
    node.subject.end(logout(Selector::User(user("ada")), at(1))).await;
    scene.redis.start_again();
    let keys = scene.redis.run(&["DBSIZE"]);
    assert_ne!(keys, cloakroom_testkit::servers::Reply::Integer(0), "it was not set back");
    let other = scene.node().await;
    node.caching().await;
    for node in [&node, &other] {
        assert!(!node.is_live(one).await && !node.is_live(all).await);
    }
}

#[tokio::test]
async fn a_failover_to_a_replica_that_lags_brings_no_ended_session_back() {
    let Some(scene) = Scene::new() else { return };
    let node = scene.node().await;
    let id = node.cached().await;
    let replica = scene.redis.replica().unwrap();
    replica.run(&["REPLICAOF", "NO", "ONE"]);
    node.subject.end_session(id, at(1)).await;
    assert!(!node.is_live(id).await);
    let after = scene.node_at(options(&replica)).await;
    assert!(!after.is_live(id).await);
    // The node that does not know of the failover ends one more.
    let second = after.cached().await;
    node.subject.end_session(second, at(1)).await;
    eventually("it is ended there too", || async { !after.is_live(second).await }).await;
}

#[tokio::test]
async fn a_server_set_back_by_following_another_brings_no_ended_session_back() {
    let Some(scene) = Scene::new() else { return };
    let node = scene.node().await;
    let (id, live) = (node.cached().await, node.cached().await);
    let replica = scene.redis.replica().unwrap();
    replica.run(&["REPLICAOF", "NO", "ONE"]);
    node.subject.end_session(id, at(1)).await;
    // What the log came to here is taken back.
    node.reads_the_log().await;
    scene.redis.follow(&replica);
    scene.redis.run(&["REPLICAOF", "NO", "ONE"]);
    node.reads_the_log().await;
    node.warm(live).await;
    assert!(!node.is_live(id).await);
}

#[tokio::test]
async fn reads_and_writes_go_on_while_redis_is_hung_or_down() {
    let Some(mut scene) = Scene::new() else { return };
    let node = scene.node().await;
    for is_hung in [true, false] {
        let (live, ended) = (node.cached().await, node.cached().await);
        match is_hung {
            true => scene.redis.pause(),
            false => scene.redis.kill(),
        }
        let start = Instant::now();
        assert!(node.is_live(live).await);
        node.subject.end_session(ended, at(1)).await;
        assert!(!node.is_live(ended).await);
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
        eventually("reads are quick", || async {
            let start = Instant::now();
            assert!(node.is_live(live).await);
            start.elapsed() < Duration::from_millis(50)
        })
        .await;
        match is_hung {
            true => scene.redis.resume(),
            false => scene.redis.start_again(),
        }
        node.caching().await;
        assert!(node.is_live(live).await && !node.is_live(ended).await);
    }
}

#[tokio::test]
async fn an_emptied_server_and_one_that_evicts_all_cost_only_reads() {
    let Some(scene) = Scene::new() else { return };
    let node = scene.node().await;
    let (live, ended) = (node.cached().await, node.cached().await);
    scene.redis.run(&["FLUSHALL"]);
    assert!(node.is_live(live).await);
    node.subject.end_session(ended, at(1)).await;
    assert!(!node.is_live(ended).await);
    scene.redis.run(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    scene.redis.run(&["CONFIG", "SET", "maxmemory", "1"]);
    for _ in 0..5 {
        assert!(node.is_live(live).await && !node.is_live(ended).await);
    }
    node.subject.end(logout(Selector::Everyone, at(1))).await;
    assert!(!node.is_live(live).await);
    scene.redis.run(&["CONFIG", "SET", "maxmemory", "0"]);
    node.caching().await;
    assert!(!node.is_live(live).await && !node.is_live(ended).await);
}

#[tokio::test]
async fn it_starts_without_redis_and_uses_it_once_it_is_there() {
    let Some(mut redis) = Redis::start(Flavor::Redis) else { return };
    redis.kill();
    let mut scene = Scene::with(redis).unwrap();
    let node = Node::open(options(&scene.redis), scene.sqlite()).await;
    let id = node.subject.add(Draft::of("ada")).await;
    assert!(node.is_live(id).await && !node.store.is_caching());
    scene.redis.start_again();
    node.caching().await;
    node.warm(id).await;
}

#[tokio::test]
async fn a_wrong_password_is_told_at_the_start() {
    let Some(redis) = Redis::builder(Flavor::Redis).password("right-one").start() else { return };
    let scene = Scene::with(redis).unwrap();
    let options = Options::new(scene.redis.url()).password("wrong-one");
    let refused = cloakroom_redis::Backed::open(options, scene.sqlite()).await.unwrap_err();
    assert!(matches!(refused, OpenError::Login { .. }), "{refused}");
    assert!(!format!("{refused} {refused:?}").contains("-one"));
}
