//! Redis and Valkey keep the contract of stores and the laws.

mod support;

use cloakroom_core::{MemoryStore, SessionStore};
use cloakroom_testkit::{Kept, SharedStore};
use std::sync::Arc;
use support::Server;

/// A new store; where the program is missing, which was noted, a store that passes.
async fn fresh(program: &str) -> impl SessionStore {
    let Some(server) = Server::start(program, &["--save", "", "--appendonly", "no"]) else {
        let instead: SharedStore = Arc::new(MemoryStore::new());
        return Kept::shared(None, instead);
    };
    let store: SharedStore = Arc::new(server.open().await);
    Kept::shared(Some(server), store)
}

mod redis {
    async fn fresh() -> impl cloakroom_core::SessionStore {
        super::fresh("redis-server").await
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
        super::fresh("valkey-server").await
    }

    cloakroom_testkit::contract!(fresh);
    cloakroom_testkit::laws!(fresh);

    #[test]
    fn random_acts_come_to_what_they_come_to_in_the_reference_store() {
        cloakroom_testkit::model::run(fresh);
    }
}
