use cloakroom_core::Updated;

use crate::fixtures::{Draft, IDLE, START, at, portrait, user, write};
use crate::subject::Subject;

fn groups(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

pub(super) async fn a_regroup_changes_the_groups_of_all_live_sessions_of_a_user(store: Subject) {
    let first = store.add(Draft::of("ada").data("k", "1")).await;
    let second = store.add(Draft::of("ada").with(|record| record.generation = 6)).await;
    let mut expected = [store.record(first, START).await, store.record(second, START).await];
    assert_eq!(store.regroup(user("ada"), groups(&["b", "a"]), at(1)).await, 2);
    for (id, before) in [first, second].into_iter().zip(&mut expected) {
        let mut record = (**before).clone();
        record.groups = groups(&["b", "a"]);
        record.generation += 1;
        assert_eq!(portrait(&*store.record(id, at(1)).await), portrait(&record));
    }
    assert_eq!(store.value(first, at(1), "k").await.as_deref(), Some("1"));
}

pub(super) async fn a_regroup_leaves_other_users_and_visitors_alone(store: Subject) {
    let bob = store.add(Draft::of("bob")).await;
    let visitor = store.add(Draft::anonymous()).await;
    assert_eq!(store.regroup(user("ada"), groups(&["admins"]), at(1)).await, 0);
    for id in [bob, visitor] {
        let record = store.record(id, at(1)).await;
        assert_eq!((record.generation, record.groups.len()), (0, 0));
    }
}

pub(super) async fn a_regroup_passes_over_sessions_that_are_not_live(store: Subject) {
    store.add(Draft::of("ada")).await;
    let ended = store.add(Draft::of("ada")).await;
    store.end_session(ended, START).await;
    let count = store.regroup(user("ada"), groups(&["admins"]), START.after(IDLE)).await;
    assert_eq!(count, 0);
    assert!(!store.is_live(ended, at(1)).await);
}

pub(super) async fn a_write_begun_under_old_groups_is_gone(store: Subject) {
    let id = store.add(Draft::of("ada")).await;
    let begun = store.guard(id, at(1)).await;
    store.regroup(user("ada"), groups(&[]), at(1)).await;
    assert_eq!(store.update(begun, vec![write("k", "1")]).await, Updated::Gone);
    assert_eq!(store.data(id, at(1)).await, []);
}
