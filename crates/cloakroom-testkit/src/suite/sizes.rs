use cloakroom_core::{DataLimits, Updated};

use crate::fixtures::{Draft, START, guard, remove, write};
use crate::subject::Subject;

const TIGHT: DataLimits = DataLimits { keys: 2, bytes: 20 };

fn is_done(updated: &Updated) -> bool {
    matches!(updated, Updated::Done { .. })
}

pub(super) async fn an_update_beyond_the_keys_is_too_large_and_changes_nothing(store: Subject) {
    let id = store.add(Draft::of("ada").data("a", "1")).await;
    let before = store.data(id, START).await;
    let changes = vec![write("a", "2"), write("b", "1"), write("c", "1")];
    let refused = store.update_within(guard(id, START), changes, TIGHT).await;
    assert_eq!(refused, Updated::TooLarge { keys: 3, bytes: 6 });
    assert_eq!(store.data(id, START).await, before);
}

pub(super) async fn an_update_beyond_the_bytes_is_too_large_and_changes_nothing(store: Subject) {
    let id = store.add(Draft::of("ada").data("key", "1234567")).await;
    let before = store.data(id, START).await;
    let changes = vec![write("ä", "\"123456\"")];
    let refused = store.update_within(guard(id, START), changes, DataLimits { bytes: 19, ..TIGHT });
    assert_eq!(refused.await, Updated::TooLarge { keys: 2, bytes: 20 });
    assert_eq!(store.data(id, START).await, before);
}

pub(super) async fn data_may_reach_its_limits_exactly(store: Subject) {
    let id = store.add(Draft::of("ada").data("key", "1234567")).await;
    let changes = vec![write("ä", "\"123456\"")];
    assert!(is_done(&store.update_within(guard(id, START), changes, TIGHT).await));
}

pub(super) async fn what_an_update_removes_or_replaces_makes_room(store: Subject) {
    let id = store.add(Draft::of("ada").data("a", "123456789").data("b", "12345678")).await;
    let replaced = vec![write("b", "1"), write("a", "1234567890123456")];
    assert!(is_done(&store.update_within(guard(id, START), replaced, TIGHT).await));
    let moved = vec![remove("a"), write("c", "1234567890123456")];
    assert!(is_done(&store.update_within(guard(id, START), moved, TIGHT).await));
}
