use cloakroom_core::{Guard, Rotation, SessionId, Updated};

use crate::fixtures::{
    Draft, IDLE, START, at, digest, guard, offer, portrait, promote, rotation, write,
};
use crate::subject::Subject;

const DONE: Updated = Updated::Done { versions: Vec::new() };

fn conflict() -> Updated {
    Updated::Conflict { key: String::new() }
}

async fn renewed_once(store: &Subject) -> SessionId {
    let id = store.add(Draft::of("ada").data("k", "1")).await;
    store.renew(guard(id, at(1)), offer(0, "second")).await;
    store.renew(guard(id, at(1)), promote("second")).await;
    store.renew(guard(id, at(2)), offer(1, "third")).await;
    id
}

pub(super) async fn a_rotation_kills_the_old_credential_its_parent_and_its_successor(
    store: Subject,
) {
    let id = renewed_once(&store).await;
    assert_eq!(store.rotate(guard(id, at(3)), rotation(2, "rotated")).await, DONE);
    let record = store.record(id, at(3)).await;
    assert_eq!(record.digest, digest("rotated"));
    assert_eq!((record.renewal.next, record.renewal.previous), (None, None));
    assert_eq!((record.renewal.counter, record.renewal.since), (2, at(3)));
    let current = store.guard(id, at(3)).await;
    assert_eq!(store.renew(current, promote("third")).await, conflict());
    assert_eq!(store.renew(current, promote("second")).await, conflict());
}

pub(super) async fn a_rotation_raises_the_generation_by_one_and_keeps_the_rest(store: Subject) {
    let id = store.add(Draft::of("ada").data("k", "1").with(|record| record.generation = 4)).await;
    let before = store.record(id, at(1)).await;
    let data = store.data(id, at(1)).await;
    let from = Guard { id, generation: 4, now: at(1) };
    assert_eq!(store.rotate(from, rotation(1, "rotated")).await, DONE);
    let mut expected = (*before).clone();
    expected.generation = 5;
    expected.digest = digest("rotated");
    expected.renewal.counter = 1;
    expected.renewal.since = at(1);
    assert_eq!(portrait(&*store.record(id, at(1)).await), portrait(&expected));
    assert_eq!(store.data(id, at(1)).await, data);
}

pub(super) async fn a_rotation_records_a_proof_of_identity_if_there_was_one(store: Subject) {
    let id = store.add(Draft::of("ada")).await;
    let proven = Rotation { authenticated_at: Some(at(7)), ..rotation(1, "second") };
    store.rotate(guard(id, at(8)), proven).await;
    assert_eq!(store.record(id, at(8)).await.authenticated_at, Some(at(7)));
    store.rotate(store.guard(id, at(9)).await, rotation(2, "third")).await;
    assert_eq!(store.record(id, at(9)).await.authenticated_at, Some(at(7)));
}

pub(super) async fn a_rotation_with_another_counter_is_a_conflict(store: Subject) {
    let id = renewed_once(&store).await;
    let before = portrait(&*store.record(id, at(3)).await);
    for counter in [0, 1, 3] {
        assert_eq!(store.rotate(guard(id, at(3)), rotation(counter, "x")).await, conflict());
    }
    assert_eq!(portrait(&*store.record(id, at(3)).await), before);
}

pub(super) async fn a_rotation_of_a_session_that_is_not_live_is_gone(store: Subject) {
    let expired = store.add(Draft::of("ada")).await;
    let ended = store.add(Draft::of("ada")).await;
    store.end_session(ended, START).await;
    let unknown = SessionId::new(None, START);
    for (id, now) in [(expired, START.after(IDLE)), (ended, at(1)), (unknown, at(1))] {
        assert_eq!(store.rotate(guard(id, now), rotation(1, "x")).await, Updated::Gone);
        assert!(!store.is_live(id, now).await);
    }
}

pub(super) async fn of_two_rotations_from_one_state_the_second_is_gone(store: Subject) {
    let id = store.add(Draft::of("ada")).await;
    let from = store.guard(id, at(1)).await;
    assert_eq!(store.rotate(from, rotation(1, "first")).await, DONE);
    assert_eq!(store.rotate(from, rotation(1, "second")).await, Updated::Gone);
    assert_eq!(store.rotate(from, rotation(2, "second")).await, Updated::Gone);
    assert_eq!(store.record(id, at(1)).await.digest, digest("first"));
    assert_eq!(store.update(from, vec![write("k", "1")]).await, Updated::Gone);
}
