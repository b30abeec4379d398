//! The store in memory keeps the contract and the laws, with a journal and without.

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
