use std::panic::{AssertUnwindSafe, catch_unwind};

use cloakroom_testkit::laws::{self, LAWS, Pace};
use cloakroom_testkit::suite::{self, CHECKS};

use super::support::Place;

/// Every sentence of the contract, each on a fresh schema. One test for all, as each test has a
/// process of its own and a server takes seconds to start; what fails is named.
fn the_contract_holds_at(place: &Place) {
    let failed = CHECKS.iter().map(|check| check.name).filter(|name| {
        catch_unwind(AssertUnwindSafe(|| suite::run(name, || place.store()))).is_err()
    });
    let failed: Vec<_> = failed.collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

/// Every law, with two nodes that take turns.
fn the_laws_hold_at(place: &Place, pace: Pace) {
    let failed = LAWS.iter().map(|law| law.name).filter(|name| {
        catch_unwind(AssertUnwindSafe(|| laws::run(name, pace, || shared(place)))).is_err()
    });
    let failed: Vec<_> = failed.collect();
    assert!(failed.is_empty(), "{failed:#?}");
    let deadlocks = place.ask("SELECT sum(deadlocks) FROM pg_stat_database");
    assert_eq!(deadlocks, "0", "transactions waited for each other in a circle");
}

async fn shared(place: &Place) -> cloakroom_testkit::SharedStore {
    std::sync::Arc::new(place.two_nodes().await)
}

#[test]
fn every_sentence_of_the_contract_holds() {
    let Some(place) = Place::start() else { return };
    the_contract_holds_at(&place);
}

#[test]
fn every_sentence_of_the_contract_holds_through_a_pooler() {
    let Some(place) = Place::behind_a_pooler() else { return };
    the_contract_holds_at(&place);
}

#[test]
fn every_law_holds_stepped() {
    let Some(place) = Place::start() else { return };
    the_laws_hold_at(&place, Pace::Stepped);
}

#[test]
fn every_law_holds_in_parallel() {
    let Some(place) = Place::start() else { return };
    the_laws_hold_at(&place, Pace::Parallel);
}

#[test]
fn every_law_holds_through_a_pooler() {
    let Some(place) = Place::behind_a_pooler() else { return };
    the_laws_hold_at(&place, Pace::Parallel);
}

#[test]
fn random_acts_come_to_what_they_come_to_in_the_reference_store() {
    let Some(place) = Place::start() else { return };
    cloakroom_testkit::model::run(|| place.store());
}

#[test]
fn law_4_the_files_hold_no_presented_secret() {
    let Some(place) = Place::start() else { return };
    super::support::runtime().block_on(async {
        let store = place.store().await;
        let schema = store.database().schema().to_owned();
        let dump = || everything(&place, &schema);
        suite::a_dump_holds_no_presented_secret(store, dump).await;
    });
}

/// All rows of all tables, and the server's log.
fn everything(place: &Place, schema: &str) -> Vec<u8> {
    let query = format!("SELECT schema_to_xml('{schema}', true, false, '')");
    let mut all = place.ask(&query).into_bytes();
    all.extend(place.server.log().into_bytes());
    all
}
