//! The reference store keeps the contract and the laws.

async fn fresh() -> cloakroom_core::MemoryStore {
    cloakroom_core::MemoryStore::new()
}

cloakroom_testkit::contract!(fresh);
cloakroom_testkit::laws!(fresh);

#[test]
fn the_reference_store_agrees_with_itself() {
    cloakroom_testkit::model::run(fresh);
}
