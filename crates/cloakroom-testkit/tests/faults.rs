//! Faults come when they are ordered, and do what they say.

use std::sync::Arc;

use cloakroom_core::{MemoryStore, Selector, StoreError};
use cloakroom_testkit::fixtures::{Draft, START, at, logout};
use cloakroom_testkit::{Fault, Faults, Operation, Subject};

#[tokio::test]
async fn a_store_without_faults_is_the_store_itself() {
    let (store, faults) = Faults::around(Arc::new(MemoryStore::new()));
    let subject = Subject::from(store);
    let id = subject.add(Draft::of("ada")).await;
    assert!(subject.is_live(id, at(1)).await);
    assert_eq!((faults.calls(Operation::Insert), faults.all_calls()), (1, 2));
}

#[tokio::test]
async fn an_outage_is_an_error_and_ends_nothing() {
    let (store, faults) = Faults::around(Arc::new(MemoryStore::new()));
    let subject = Subject::from(store.clone());
    let id = subject.add(Draft::of("ada")).await;
    faults.set_outage();
    let error = store.load(id, at(1)).await.expect_err("the store is down");
    assert!(matches!(error, StoreError::Failed { operation: "load", .. }));
    assert!(store.end(logout(Selector::Everyone, at(1))).await.is_err());
    faults.heal();
    assert!(subject.is_live(id, at(1)).await);
}

#[tokio::test]
async fn an_unknown_outcome_is_either_done_or_not() {
    let (store, faults) = Faults::around(Arc::new(MemoryStore::new()));
    let subject = Subject::from(store.clone());
    let id = subject.add(Draft::of("ada")).await;
    for (fault, live) in [(Fault::UnknownNotDone, true), (Fault::UnknownDone, false)] {
        faults.set(Operation::End, fault);
        let error = store.end(logout(Selector::Session(id), at(1))).await;
        assert!(matches!(error, Err(StoreError::Unknown { .. })), "{error:?}");
        assert_eq!(subject.is_live(id, START).await, live, "{fault:?}");
    }
}

#[tokio::test]
async fn a_held_operation_waits_until_it_is_released() {
    let (store, faults) = Faults::around(Arc::new(MemoryStore::new()));
    let subject = Subject::from(store);
    let id = subject.add(Draft::of("ada")).await;
    let hold = faults.hold(Operation::End);
    let ending = tokio::spawn({
        let subject = subject.clone();
        async move { subject.end_session(id, at(1)).await.count }
    });
    hold.reached(1).await;
    assert!(subject.is_live(id, at(1)).await);
    hold.release();
    assert_eq!(ending.await.expect("the end does not panic"), 1);
    assert!(!subject.is_live(id, at(1)).await);
}
