//! One Redis, and nodes on two databases.

use cloakroom_redis::{Backed, OpenError, Options};
use cloakroom_testkit::eventually;
use cloakroom_testkit::servers::Proxy;

use crate::scene::{Node, Scene};
use crate::support::options;

/// Where the name of the database is.
const NAME: &str = "cloakroom:{cache}:backing";

#[tokio::test]
async fn the_cache_of_another_database_is_refused() {
    let (Some(scene), Some(other)) = (Scene::new(), Scene::new()) else { return };
    let named = |name: &str| options(&scene.redis).backing_name(name);
    let node = scene.node_at(named("one")).await;
    let refused = Backed::open(named("two"), other.sqlite()).await;
    assert!(matches!(refused, Err(OpenError::OtherBacking { .. })), "{refused:?}");
    scene.node_at(named("one")).await.cached().await;
    assert!(node.store.is_caching());
    let elsewhere = named("two").prefix("elsewhere");
    Node::open(elsewhere, other.sqlite()).await.caching().await;
}

#[tokio::test]
async fn a_node_that_finds_the_cache_of_another_database_later_reads_its_own_until_it_is_free() {
    let (Some(scene), Some(other)) = (Scene::new(), Scene::new()) else { return };
    let node = scene.node_at(options(&scene.redis).backing_name("one")).await;
    let proxy = Proxy::before(scene.redis.port());
    proxy.cut();
    let late = Options::new(proxy.instead_in(&scene.redis.url())).backing_name("two");
    let late = Node::open(late, other.sqlite()).await;
    proxy.heal();
    let id = late.subject.add(cloakroom_testkit::fixtures::Draft::of("ada")).await;
    for _ in 0..50 {
        assert!(late.is_live(id).await && !late.store.is_caching());
    }
    node.cached().await;
    drop(node);
    scene.redis.run(&["PEXPIRE", NAME, "1"]);
    eventually("the cache is free", || async { late.store.is_caching() }).await;
}
