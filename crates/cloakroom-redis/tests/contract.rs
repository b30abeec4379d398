//! Redis and Valkey keep the contract of stores and the laws.

mod support;

use std::sync::Arc;

use cloakroom_core::{MemoryStore, SessionStore};
use cloakroom_testkit::servers::{Flavor, Redis};
use cloakroom_testkit::suite::a_dump_holds_no_presented_secret;
use cloakroom_testkit::{Kept, SharedStore};

/// A new store; where the program is missing, which was noted, one that passes.
async fn fresh(flavor: Flavor) -> impl SessionStore {
    let Some(redis) = Redis::start(flavor) else {
        let instead: SharedStore = Arc::new(MemoryStore::new());
        return Kept::shared(None::<Redis>, instead);
    };
    let store: SharedStore = Arc::new(support::open(&redis).await);
    Kept::shared(Some(redis), store)
}

mod redis {
    async fn fresh() -> impl cloakroom_core::SessionStore {
        super::fresh(super::Flavor::Redis).await
    }

    cloakroom_testkit::contract!(fresh);
    cloakroom_testkit::laws!(fresh);

    #[test]
    fn random_acts_come_to_what_they_come_to_in_the_reference_store() {
        cloakroom_testkit::model::run(fresh);
    }
}

mod valkey {
    async fn fresh() -> impl cloakroom_core::SessionStore {
        super::fresh(super::Flavor::Valkey).await
    }

    cloakroom_testkit::contract!(fresh);
    cloakroom_testkit::laws!(fresh);

    #[test]
    fn random_acts_come_to_what_they_come_to_in_the_reference_store() {
        cloakroom_testkit::model::run(fresh);
    }
}

#[tokio::test]
async fn law_4_the_snapshot_holds_no_presented_secret() {
    let Some(redis) = Redis::start(Flavor::Redis) else { return };
    let store = support::open(&redis).await;
    let dump = move || {
        redis.run(&["CONFIG", "SET", "rdbcompression", "no"]);
        redis.run(&["SAVE"]);
        std::fs::read(redis.dir().join("dump.rdb")).expect("it was saved")
    };
    a_dump_holds_no_presented_secret(store, dump).await;
}
