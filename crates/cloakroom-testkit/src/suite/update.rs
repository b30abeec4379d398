use cloakroom_core::{
    DataChange, DataLimits, Guard, Inserted, Keys, Selector, SessionId, Timestamp, Updated,
};

use crate::fixtures::{
    Draft, IDLE, START, at, digest, guard, logout, portrait, remove, rotation, write, write_if,
};
use crate::subject::{Subject, eventually};

fn versions(updated: Updated) -> Vec<u64> {
    match updated {
        Updated::Done { versions } => versions,
        other => panic!("an update came to {other:?}"),
    }
}

fn conflict(key: &str) -> Updated {
    Updated::Conflict { key: key.to_owned() }
}

async fn refused(store: &Subject, id: SessionId, now: Timestamp) {
    let counts = store.counts(now).await;
    let changes = vec![write("k", "2"), write("new", "3")];
    assert_eq!(store.update(guard(id, now), changes).await, Updated::Gone);
    assert!(!store.is_live(id, now).await, "the update brought a session about");
    assert_eq!(store.read(id, now, Keys::All).await, None);
    assert_eq!(store.counts(now).await, counts);
}

pub(super) async fn an_update_of_an_ended_session_is_gone_and_creates_nothing(store: Subject) {
    let id = store.add(Draft::of("ada").data("k", "1")).await;
    store.end_session(id, at(1)).await;
    refused(&store, id, at(2)).await;
}

pub(super) async fn an_update_of_an_expired_session_is_gone_and_creates_nothing(store: Subject) {
    let id = store.add(Draft::of("ada").data("k", "1")).await;
    refused(&store, id, START.after(IDLE)).await;
    assert_eq!(store.value(id, at(1), "k").await.as_deref(), Some("1"));
}

pub(super) async fn an_update_of_an_unknown_session_is_gone_and_creates_nothing(store: Subject) {
    let draft = Draft::of("ada");
    let id = draft.clone().build().record.id;
    refused(&store, id, at(1)).await;
    assert_eq!(store.insert(draft.build()).await, Inserted::Done { ended: vec![] });
    assert_eq!(store.data(id, at(1)).await, [], "what was refused turns up later");
}

pub(super) async fn an_update_under_another_generation_is_gone(store: Subject) {
    let id = store.add(Draft::of("ada").data("k", "1").with(|record| record.generation = 5)).await;
    for generation in [0, 4, 6] {
        let stale = Guard { id, generation, now: at(1) };
        assert_eq!(store.update(stale, vec![write("k", "2")]).await, Updated::Gone);
    }
    assert_eq!(store.value(id, at(1), "k").await.as_deref(), Some("1"));
    let current = Guard { id, generation: 5, now: at(1) };
    versions(store.update(current, vec![write("k", "2")]).await);
}

pub(super) async fn an_update_begun_before_a_rotation_is_gone(store: Subject) {
    let id = store.add(Draft::of("ada")).await;
    let begun = store.guard(id, at(1)).await;
    store.rotate(begun, rotation(1, "new")).await;
    assert_eq!(store.update(begun, vec![write("k", "1")]).await, Updated::Gone);
    assert_eq!(store.record(id, at(1)).await.digest, digest("new"));
    assert_eq!(store.data(id, at(1)).await, []);
}

pub(super) async fn an_update_returns_the_versions_that_reads_show(store: Subject) {
    let id = store.add(Draft::of("ada").data("b", "0")).await;
    let changes = vec![write("c", "1"), write("a", "2"), write("b", "3")];
    let new = versions(store.update(guard(id, START), changes).await);
    for (key, version) in ["c", "a", "b"].into_iter().zip(&new) {
        assert_eq!(store.entry(id, START, key).await.version, *version, "{key}");
    }
    assert_eq!(new.len(), 3);
}

pub(super) async fn a_write_of_the_version_read_is_done(store: Subject) {
    let id = store.add(Draft::of("ada").data("k", "1")).await;
    let first = store.entry(id, START, "k").await.version;
    let written = store.update(guard(id, START), vec![write_if("k", first, "2")]).await;
    assert_ne!(versions(written), [first], "a write changes the version");
    assert_eq!(store.value(id, START, "k").await.as_deref(), Some("2"));
}

pub(super) async fn a_write_of_a_version_that_changed_is_a_conflict(store: Subject) {
    let id = store.add(Draft::of("ada").data("k", "1")).await;
    let first = store.entry(id, START, "k").await.version;
    store.set(id, START, "k", "2").await;
    let late = store.update(guard(id, START), vec![write_if("k", first, "3")]).await;
    assert_eq!(late, conflict("k"));
    assert_eq!(store.value(id, START, "k").await.as_deref(), Some("2"));
}

pub(super) async fn version_zero_expects_an_absent_key(store: Subject) {
    let id = store.add(Draft::of("ada")).await;
    let create = || vec![write_if("k", 0, "1")];
    versions(store.update(guard(id, START), create()).await);
    assert_eq!(store.update(guard(id, START), create()).await, conflict("k"));
    store.update(guard(id, START), vec![remove("k")]).await;
    versions(store.update(guard(id, START), create()).await);
}

pub(super) async fn a_removal_can_expect_a_version(store: Subject) {
    let id = store.add(Draft::of("ada").data("k", "1")).await;
    let version = store.entry(id, START, "k").await.version;
    let removal = |version| vec![DataChange { json: None, ..write_if("k", version, "") }];
    let stale = store.update(guard(id, START), removal(version + 1)).await;
    assert_eq!(stale, conflict("k"));
    assert_eq!(store.value(id, START, "k").await.as_deref(), Some("1"));
    assert_eq!(versions(store.update(guard(id, START), removal(version)).await).len(), 1);
    assert_eq!(store.value(id, START, "k").await, None);
    assert_eq!(store.update(guard(id, START), removal(version)).await, conflict("k"));
}

pub(super) async fn a_deliberate_overwrite_expects_nothing(store: Subject) {
    let id = store.add(Draft::of("ada").data("k", "1")).await;
    for change in [write("k", "2"), write("new", "3"), remove("k"), remove("never")] {
        versions(store.update(guard(id, START), vec![change]).await);
    }
    assert_eq!(store.value(id, START, "k").await, None);
    assert_eq!(store.value(id, START, "new").await.as_deref(), Some("3"));
}

pub(super) async fn an_update_writes_all_of_its_changes_or_none(store: Subject) {
    let id = store.add(Draft::of("ada").data("a", "1").data("b", "1").data("c", "1")).await;
    let before = store.data(id, START).await;
    let stale = u64::MAX >> 1;
    let changes =
        vec![write("a", "2"), remove("b"), write_if("c", stale, "2"), write_if("d", stale, "2")];
    let refused = store.update(guard(id, START), changes).await;
    assert_eq!(refused, conflict("c"), "the first key that is not as expected");
    assert_eq!(store.data(id, START).await, before);
}

pub(super) async fn an_update_leaves_other_keys_alone(store: Subject) {
    let id = store.add(Draft::of("ada").data("a", "1").data("b", "2").data("c", "3")).await;
    let before = store.data(id, START).await;
    store.set(id, START, "b", "9").await;
    store.update(guard(id, START), vec![remove("c")]).await;
    let after = store.data(id, START).await;
    assert_eq!(after.len(), 2);
    assert_eq!(after[0], before[0]);
    assert_eq!(after[1].json.as_deref(), Some("9"));
}

pub(super) async fn a_version_once_used_is_never_used_again(store: Subject) {
    let id = store.add(Draft::of("ada").data("k", "0")).await;
    let mut used = vec![store.entry(id, START, "k").await.version];
    for round in 0..6 {
        if round % 2 == 0 {
            store.update(guard(id, START), vec![remove("k")]).await;
        }
        let version = store.set(id, START, "k", "1").await;
        assert!(!used.contains(&version), "version {version} came twice: {used:?}");
        used.push(version);
    }
    for version in &used[..used.len() - 1] {
        let late = store.update(guard(id, START), vec![write_if("k", *version, "2")]).await;
        assert_eq!(late, conflict("k"), "a version of long ago still holds");
    }
}

pub(super) async fn an_update_changes_nothing_but_data(store: Subject) {
    let id = store.add(Draft::of("ada")).await;
    let before = portrait(&*store.record(id, START).await);
    store.set(id, at(30), "k", "1").await;
    assert_eq!(portrait(&*store.record(id, at(30)).await), before);
}

pub(super) async fn a_write_whose_answer_is_dropped_still_happens(store: Subject) {
    let store = &store;
    let new = Draft::of("ada").build();
    let id = new.record.id;
    drop(store.store().insert(new));
    eventually("the insert", || store.is_live(id, START)).await;
    drop(store.store().update(guard(id, START), vec![write("k", "1")], DataLimits::default()));
    eventually("the update", || async move { store.data(id, START).await.len() == 1 }).await;
    drop(store.store().rotate(guard(id, START), rotation(1, "new")));
    let rotated = || async move { store.record(id, START).await.digest == digest("new") };
    eventually("the rotation", rotated).await;
    drop(store.store().end(logout(Selector::Session(id), START)));
    eventually("the end", || async move { !store.is_live(id, START).await }).await;
}
