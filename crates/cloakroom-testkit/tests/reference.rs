//! The reference store keeps the contract and the laws.

use cloakroom_testkit::ReferenceStore;

async fn fresh() -> ReferenceStore {
    ReferenceStore::new()
}

cloakroom_testkit::contract!(fresh);
cloakroom_testkit::laws!(fresh);
