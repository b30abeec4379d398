//! The store in memory: the contract and the laws, with a journal and without; its caps, its
//! files, and what is left of it after `kill -9`.
#![expect(clippy::unwrap_used, reason = "a test that finds nothing there has failed")]

mod bound;
mod caps;
mod child;
mod crash;
mod damage;
mod files;
mod journal;
mod races;
mod support;

mod plain {
    async fn fresh() -> cloakroom_core::MemoryStore {
        cloakroom_core::MemoryStore::new()
    }

    cloakroom_testkit::contract!(fresh);
    cloakroom_testkit::laws!(fresh);

    #[test]
    fn the_store_in_memory_agrees_with_the_reference() {
        cloakroom_testkit::model::run(fresh);
    }
}

mod journalled {
    use cloakroom_core::SessionStore;
    use cloakroom_testkit::Kept;

    use super::support::Place;

    async fn fresh() -> impl SessionStore {
        let place = Place::new();
        let (store, _) = place.open_journalled();
        Kept::with(place, store)
    }

    cloakroom_testkit::contract!(fresh);
    cloakroom_testkit::laws!(fresh);

    #[test]
    fn a_store_with_a_journal_agrees_with_the_reference() {
        cloakroom_testkit::model::run(fresh);
    }
}
