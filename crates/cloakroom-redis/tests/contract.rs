//! Redis and Valkey keep the contract of stores and the laws, alone and before SQLite.

#[path = "support/alone.rs"]
mod alone_on;
mod support;

use std::sync::Arc;

use cloakroom_core::{MemoryStore, SessionStore};
use cloakroom_redis::Backed;
use cloakroom_sqlite::SqliteStore;
use cloakroom_testkit::servers::{Flavor, Redis, TempDir};
use cloakroom_testkit::suite::a_dump_holds_no_presented_secret;
use cloakroom_testkit::{Kept, SharedStore, eventually};

/// A new store; where the program is missing, which was noted, one that passes.
async fn alone(flavor: Flavor) -> impl SessionStore {
    let Some(redis) = Redis::start(flavor) else {
        let instead: SharedStore = Arc::new(MemoryStore::new());
        return Kept::shared(None::<Redis>, instead);
    };
    let store: SharedStore = Arc::new(alone_on::open(&redis).await);
    Kept::shared(Some(redis), store)
}

async fn backed(flavor: Flavor) -> impl SessionStore {
    let directory = TempDir::new("redis-backed");
    let sqlite: SharedStore =
        Arc::new(SqliteStore::open(directory.join("sessions.db")).expect("a new file opens"));
    let Some(redis) = Redis::start(flavor) else {
        return Kept::shared((directory, None::<Redis>), sqlite);
    };
    let store = Backed::open(support::options(&redis), sqlite).await.expect("it is opened");
    let caching = store.clone();
    eventually("the cache is in use", || async { caching.is_caching() }).await;
    let store: SharedStore = Arc::new(store);
    Kept::shared((directory, Some(redis)), store)
}

macro_rules! keeps_the_contract {
    ($module:ident, $make:ident, $flavor:ident) => {
        mod $module {
            async fn fresh() -> impl cloakroom_core::SessionStore {
                super::$make(super::Flavor::$flavor).await
            }

            cloakroom_testkit::contract!(fresh);
            cloakroom_testkit::laws!(fresh);

            #[test]
            fn random_acts_come_to_what_they_come_to_in_the_reference_store() {
                cloakroom_testkit::model::run(fresh);
            }
        }
    };
}

keeps_the_contract!(redis, alone, Redis);
keeps_the_contract!(valkey, alone, Valkey);
keeps_the_contract!(redis_backed, backed, Redis);
keeps_the_contract!(valkey_backed, backed, Valkey);

#[tokio::test]
async fn law_4_the_snapshot_holds_no_presented_secret() {
    let Some(redis) = Redis::start(Flavor::Redis) else { return };
    let store = alone_on::open(&redis).await;
    let dump = move || {
        redis.run(&["CONFIG", "SET", "rdbcompression", "no"]);
        redis.run(&["SAVE"]);
        std::fs::read(redis.dir().join("dump.rdb")).expect("it was saved")
    };
    a_dump_holds_no_presented_secret(store, dump).await;
}
