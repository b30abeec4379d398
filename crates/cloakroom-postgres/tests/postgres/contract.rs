use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread;

use cloakroom_testkit::laws::{self, LAWS, Pace};
use cloakroom_testkit::suite::{self, CHECKS};

use super::support::Place;

/// Every sentence of the contract, each on a fresh schema. One test for all, as each test has a
/// process of its own and a server takes seconds to start; what fails is named.
fn the_contract_holds_at(place: &Place) {
    let names = CHECKS.iter().map(|check| check.name).collect();
    assert_all(names, |name| suite::run(name, || place.store()));
}

/// Every law, with two nodes that take turns.
fn the_laws_hold_at(place: &Place, pace: Pace) {
    let names = LAWS.iter().map(|law| law.name).collect();
    assert_all(names, |name| laws::run(name, pace, || shared(place)));
    let deadlocks = place.ask("SELECT sum(deadlocks) FROM pg_stat_database");
    assert_eq!(deadlocks, "0", "transactions waited for each other in a circle");
}

/// Runs them a few at a time: most of the time they wait for the server.
fn assert_all(names: Vec<&'static str>, run: impl Fn(&'static str) + Sync) {
    let (waiting, failed) = (Mutex::new(names), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(name) = next(&waiting) {
                    if catch_unwind(AssertUnwindSafe(|| run(name))).is_err() {
                        failed.lock().expect("nobody panics with it").push(name);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("nobody panics with it");
    assert!(failed.is_empty(), "{failed:#?}");
}

fn next(waiting: &Mutex<Vec<&'static str>>) -> Option<&'static str> {
    waiting.lock().expect("nobody panics with it").pop()
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
