//! Logins that take the place of a session in another bucket, with whoever made them dying midway.

use std::sync::Arc;

use cloakroom_core::{Carry, EndReason, Inserted, Keys, SessionId, Store, StoreError, Updated};
use cloakroom_redis::{Options, RedisStore};
use cloakroom_testkit::fixtures::{Draft, at, guard, write};
use cloakroom_testkit::servers::{Flavor, Proxy, Redis};
use cloakroom_testkit::{Subject, eventually};

use crate::alone::open;

/// A store, another one whose connection can be cut, and a visitor in a bucket other than ada's.
struct Scene {
    here: Subject,
    far: RedisStore,
    proxy: Proxy,
    visitor: SessionId,
    redis: Redis,
}

impl Scene {
    async fn new() -> Option<Self> {
        let redis = Redis::start(Flavor::Redis)?;
        let proxy = Proxy::before(redis.port());
        let here = Subject::new(open(&redis).await);
        let far = Options::new(proxy.instead_in(&redis.url())).checking_keys();
        let far = RedisStore::open(far).await.expect("it is opened");
        let visitor = loop {
            let id = here.add(Draft::anonymous().data("cart", "[1]")).await;
            if id.bucket() != Draft::of("ada").build().record.id.bucket() {
                break id;
            }
        };
        Some(Self { here, far, proxy, visitor, redis })
    }

    fn login(&self) -> Draft {
        Draft::of("ada").at(at(1)).replacing(self.visitor, Carry::Everything)
    }

    async fn write(&self) -> Updated {
        self.here.update(guard(self.visitor, at(2)), vec![write("cart", "[2]")]).await
    }
}

#[tokio::test]
async fn a_login_that_died_before_its_insert_leaves_the_session_it_would_replace() {
    let Some(scene) = Scene::new().await else { return };
    let login = scene.login();
    // Only the insert names the user.
    scene.proxy.lose_request("ada");
    let lost = scene.far.insert(login.clone().build()).await;
    assert!(matches!(lost, Err(StoreError::Unknown { .. })), "{lost:?}");
    assert!(scene.here.is_live(scene.visitor, at(2)).await);
    // The write waits until the claim is settled.
    assert!(matches!(scene.write().await, Updated::Done { .. }));
    let late = scene.here.insert(login.build()).await;
    assert_eq!(late, Inserted::Conflict, "a late insert of the lost login came through");
    assert!(scene.here.is_live(scene.visitor, at(2)).await);
    assert_eq!(scene.here.value(scene.visitor, at(2), "cart").await.as_deref(), Some("[2]"));
}

#[tokio::test]
async fn a_claim_is_settled_on_a_full_server() {
    let Some(scene) = Scene::new().await else { return };
    scene.proxy.lose_request("ada");
    let lost = scene.far.insert(scene.login().build()).await;
    assert!(matches!(lost, Err(StoreError::Unknown { .. })), "{lost:?}");
    scene.redis.run(&["CONFIG", "SET", "maxmemory", "1"]);
    let (scene, id) = (&scene, scene.visitor);
    let record = format!("cloakroom:{{{:02}}}:s:{id}", id.bucket().index());
    let is_claimed = || scene.redis.run(&["GETRANGE", &record, "1", "1"]).text() == Some("c");
    assert!(is_claimed());
    eventually("it is settled", || async {
        assert!(scene.here.is_live(id, at(2)).await);
        !is_claimed()
    })
    .await;
}

#[tokio::test]
async fn a_login_that_died_after_its_insert_is_finished_by_whoever_comes() {
    for by_writing in [true, false] {
        let Some(scene) = Scene::new().await else { return };
        let login = scene.login().build();
        let new = login.record.id;
        scene.proxy.lose_answer_to("ada");
        let lost = scene.far.insert(login).await;
        assert!(matches!(lost, Err(StoreError::Unknown { .. })), "{lost:?}");
        if by_writing {
            assert_eq!(scene.write().await, Updated::Gone);
        } else {
            let (here, old) = (&scene.here, scene.visitor);
            eventually("it ends", || async move { !here.is_live(old, at(2)).await }).await;
        }
        assert!(!scene.here.is_live(scene.visitor, at(2)).await);
        let ended = scene.here.ended(scene.visitor).await.unwrap();
        assert_eq!(ended.reason, EndReason::Replaced);
        assert_eq!(scene.here.value(new, at(2), "cart").await.as_deref(), Some("[1]"));
        assert_eq!(scene.here.counts(at(2)).await.anonymous, 0);
    }
}

#[tokio::test]
async fn no_acknowledged_write_is_lost_to_a_login_in_another_bucket() {
    let Some(redis) = Redis::start(Flavor::Redis) else { return };
    let store = Arc::new(open(&redis).await);
    for round in 0..40 {
        let old = Subject::new((*store).clone()).add(Draft::anonymous()).await;
        let name = format!("user-{round}");
        let login = Draft::of(&name).at(at(1)).replacing(old, Carry::Everything).build();
        let new = login.record.id;
        let writer = tokio::spawn({
            let store = Arc::clone(&store);
            async move {
                let mut written = 0;
                for number in 1..200 {
                    let change = vec![write("n", &number.to_string())];
                    let limits = cloakroom_core::DataLimits::default();
                    match store.update(guard(old, at(1)), change, limits).await.unwrap() {
                        Updated::Done { .. } => written = number,
                        Updated::Gone => break,
                        other => panic!("{other:?}"),
                    }
                }
                written
            }
        });
        assert_eq!(store.insert(login).await.unwrap(), Inserted::Done { ended: vec![] });
        let written = writer.await.unwrap();
        let data = store.read(new, at(1), Keys::All).await.unwrap().unwrap();
        let carried = data.first().and_then(|entry| entry.json.as_deref()?.parse().ok());
        assert_eq!(carried.unwrap_or(0), written, "what was acknowledged last was not carried");
    }
}
