//! A store that reads through a cache may hold an old copy of a record. It may accept by it for as
//! long as it says, but it refuses nobody by it (laws 2 and 5).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloakroom::{
    Cloakroom, MemoryStore, Record, RevocationBound, SecretKey, SessionId, SessionStore, Timestamp,
    testing,
};
use cloakroom_core::{Answer, StoreAnswer};
use cloakroom_testkit::{Wrap, Wrapped};

use crate::support::{Browser, KEY};

/// Once told to, it loads each session as it was then.
#[derive(Clone, Debug, Default)]
struct Stale(MemoryStore, Arc<Mutex<Option<Arc<Record>>>>);

impl Wrap for Stale {
    fn inner(&self) -> &dyn SessionStore {
        &self.0
    }

    fn load(&self, id: SessionId, now: Timestamp) -> StoreAnswer<'_, Option<Arc<Record>>> {
        match &*self.1.lock().unwrap() {
            Some(old) if old.id == id => Answer::ready(Ok(Some(Arc::clone(old)))),
            _ => self.inner().load(id, now),
        }
    }

    fn reload(&self, id: SessionId, now: Timestamp) -> StoreAnswer<'_, Option<Arc<Record>>> {
        self.inner().load(id, now)
    }

    fn revocation_bound(&self) -> RevocationBound {
        RevocationBound::Within(Duration::from_secs(2))
    }
}

/// Two nodes on one store, of which the second reads through an old copy once it is kept.
async fn nodes() -> (Stale, Browser, Cloakroom) {
    let store = Stale::default();
    let open = async |store| {
        let builder = Cloakroom::store(store).key(SecretKey::from_bytes(KEY));
        builder.clock(testing::clock()).open().await.unwrap()
    };
    let here = open(Arc::new(store.0.clone()) as Arc<dyn SessionStore>).await;
    let there = open(Wrapped::shared(store.clone())).await;
    let mut browser = Browser::at(&here);
    browser.log_in("alice").await;
    (store, browser, there)
}

async fn keep(store: &Stale, there: &Cloakroom, browser: &Browser) {
    let id = there.sessions().named_by(browser.cookie.as_ref().unwrap()).unwrap();
    let record = store.inner().load(id, there.sessions().now()).await.unwrap().unwrap();
    *store.1.lock().unwrap() = Some(record);
}

#[tokio::test]
async fn a_credential_that_is_newer_than_the_copy_is_not_refused() {
    let (store, mut browser, there) = nodes().await;
    keep(&store, &there, &browser).await;
    browser.post("/rotate").await;
    assert_eq!(browser.moved_to(&there).who().await, "alice");
}

#[tokio::test]
async fn one_that_fits_neither_is_refused_and_ends_nothing() {
    let (store, mut browser, there) = nodes().await;
    let mut old = browser.copy();
    browser.post("/rotate").await;
    keep(&store, &there, &browser).await;
    browser.post("/rotate").await;
    old.keeps_cookies = false;
    assert_eq!(old.moved_to(&there).who().await, "nobody");
    assert_eq!(browser.who().await, "alice");
}

#[tokio::test]
async fn the_bound_of_the_store_is_the_bound_that_is_shown() {
    let (_, _, there) = nodes().await;
    assert_eq!(there.sessions().revocation_bound().to_string(), "within 2s");
}
