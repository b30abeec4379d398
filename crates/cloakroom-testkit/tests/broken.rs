//! The suite fails each broken store by the name of the duty it breaks, and passes a sound one.

use cloakroom_core::{MemoryStore, SessionStore};
use cloakroom_testkit::broken::{BROKEN, ClearTextSecret};
use cloakroom_testkit::suite::{CHECKS, Failure, a_dump_holds_no_presented_secret};
use cloakroom_testkit::{Kept, SharedStore, Wrapped, laws, model, suite};

fn names(failures: &[Failure]) -> Vec<&str> {
    failures.iter().map(|failure| failure.name).collect()
}

/// Hands a shared store out as one that is owned.
fn owned(store: SharedStore) -> impl SessionStore {
    Kept::shared((), store)
}

#[tokio::test(start_paused = true)]
async fn the_contract_fails_each_broken_store_by_name() {
    for broken in BROKEN {
        let failures = suite::failures(async || owned((broken.fresh)())).await;
        let found = names(&failures);
        println!("{}: {found:#?}", broken.name);
        for check in broken.checks {
            assert!(found.contains(check), "{}: {check} passes", broken.name);
        }
        assert!(found.len() < CHECKS.len() / 4, "{} fails nearly all: {found:?}", broken.name);
    }
}

#[tokio::test]
async fn the_laws_fail_each_broken_store_by_name() {
    for broken in BROKEN {
        let failures = laws::failures(async || owned((broken.fresh)())).await;
        let found = names(&failures);
        println!("{}: {found:#?}", broken.name);
        for law in broken.laws {
            assert!(found.contains(law), "{}: {law} passes", broken.name);
        }
    }
}

#[tokio::test]
async fn the_contract_and_the_laws_pass_the_reference_store() {
    assert_eq!(suite::failures(async || MemoryStore::new()).await, []);
    assert_eq!(laws::failures(async || MemoryStore::new()).await, []);
}

#[tokio::test]
async fn a_dump_of_the_reference_store_holds_no_secret() {
    let store = MemoryStore::new();
    a_dump_holds_no_presented_secret(store.clone(), store).await;
}

#[tokio::test]
async fn a_clear_text_secret_is_found_in_the_dump() {
    let store = ClearTextSecret::default();
    let check = a_dump_holds_no_presented_secret(Wrapped(store.clone()), store);
    let failed = tokio::spawn(check).await.expect_err("the secret is found");
    let panic = failed.into_panic();
    let message = panic.downcast_ref::<String>().expect("a check says what it found");
    assert!(message.contains("after a login") && message.contains("raw bytes"), "{message}");
}

#[test]
fn every_check_a_broken_store_must_fail_exists() {
    for broken in BROKEN {
        assert!(!(broken.checks.is_empty() && broken.laws.is_empty()), "{}", broken.name);
        for name in broken.checks {
            assert!(CHECKS.iter().any(|check| check.name == *name), "{name}");
        }
        for name in broken.laws {
            assert!(laws::LAWS.iter().any(|law| law.name == *name), "{name}");
        }
    }
}

#[test]
fn every_check_has_a_name_of_its_own() {
    let mut names: Vec<_> = CHECKS.iter().map(|check| check.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), CHECKS.len());
}

#[tokio::test]
async fn the_model_finds_each_broken_store_that_one_task_can_find() {
    let alone =
        ["upsert on update", "last write wins", "forgotten end", "touch that rewrites data"];
    for broken in BROKEN.iter().filter(|broken| alone.contains(&broken.name)) {
        let fresh = async || owned((broken.fresh)());
        let mut found = None;
        for seed in 0..10 {
            found = found.or(model::difference(&fresh, seed).await);
        }
        println!("{}: {}", broken.name, found.expect("the model finds it"));
    }
}
