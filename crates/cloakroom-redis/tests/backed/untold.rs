//! Changes that Redis was not told of.

use cloakroom_core::Selector;
use cloakroom_redis::{Backed, Options};
use cloakroom_testkit::fixtures::{at, digest, guard, logout, offer, rotation, user};
use cloakroom_testkit::servers::Proxy;
use cloakroom_testkit::{Subject, eventually};

use crate::scene::{Node, Scene};

/// A node whose connection to Redis can be cut, and one that keeps its own.
async fn nodes(scene: &Scene) -> (Node, Proxy, Node) {
    let proxy = Proxy::before(scene.redis.port());
    let options = Options::new(proxy.instead_in(&scene.redis.url())).checking_keys();
    (scene.node_at(options).await, proxy, scene.node().await)
}

#[tokio::test]
async fn an_end_that_redis_was_not_told_of_before_a_crash_holds_here_at_once_and_soon_elsewhere() {
    for selector in 0..3 {
        let Some(scene) = Scene::new() else { return };
        let (here, proxy, there) = nodes(&scene).await;
        let id = there.cached().await;
        here.warm(id).await;
        let selector = match selector {
            0 => Selector::Session(id),
            1 => Selector::User(user("ada")),
            _ => Selector::Everyone,
        };
        proxy.cut();
        assert_eq!(here.subject.end(logout(selector, at(1))).await.count, 1);
        assert!(!here.is_live(id).await, "it is not ended here");
        // It never comes to tell Redis.
        drop(here);
        let ending = async {
            eventually("it is ended there", || async { !there.is_live(id).await }).await;
        };
        let most = Backed::BOUND + std::time::Duration::from_millis(500);
        tokio::time::timeout(most, ending).await.expect("it ends there within the bound");
        assert!(there.store.is_caching());
    }
}

#[tokio::test]
async fn an_end_by_a_process_that_knows_no_redis_is_seen_soon() {
    let Some(scene) = Scene::new() else { return };
    let node = scene.node().await;
    let (one, other) = (node.cached().await, node.cached().await);
    let truth = Subject::from(scene.sqlite());
    truth.end_session(one, at(1)).await;
    truth.rotate(guard(other, at(1)), rotation(1, "rotated")).await;
    eventually("it is ended", || async { !node.is_live(one).await }).await;
    let rotated = || async { node.subject.record(other, at(1)).await.generation == 1 };
    eventually("it is rotated", rotated).await;
}

#[tokio::test]
async fn a_renewal_that_redis_could_not_be_told_of_is_told_later() {
    let Some(scene) = Scene::new() else { return };
    let (here, proxy, there) = nodes(&scene).await;
    let id = there.cached().await;
    proxy.cut();
    here.subject.renew(guard(id, at(1)), offer(0, "next")).await;
    let offered = here.subject.record(id, at(1)).await.renewal.next;
    assert_eq!(offered, Some(digest("next")), "the cache is used here");
    assert!(!here.store.is_caching());
    proxy.heal();
    let told = || async { there.subject.record(id, at(1)).await.renewal.next.is_some() };
    eventually("the other node sees it", told).await;
    here.caching().await;
}

#[tokio::test]
async fn a_node_that_cannot_read_the_log_does_not_use_the_cache() {
    let Some(scene) = Scene::new() else { return };
    let node = scene.node().await;
    let id = node.cached().await;
    node.faults.set(cloakroom_testkit::Operation::Log, cloakroom_testkit::Fault::Failed);
    eventually("the cache is not used", || async { !node.store.is_caching() }).await;
    assert!(node.is_live(id).await);
    node.faults.heal();
    node.caching().await;
}

#[tokio::test]
async fn what_happened_while_every_node_was_down_is_applied_by_the_first_that_comes() {
    let Some(scene) = Scene::new() else { return };
    let node = scene.node().await;
    let id = node.cached().await;
    drop(node);
    Subject::from(scene.sqlite()).end_session(id, at(1)).await;
    let node = scene.node().await;
    assert!(!node.is_live(id).await);
}
