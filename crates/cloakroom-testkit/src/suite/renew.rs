use cloakroom_core::{Guard, SessionId, Updated};

use crate::fixtures::{Draft, IDLE, START, at, digest, guard, offer, portrait, promote, rotation};
use crate::subject::Subject;

const DONE: Updated = Updated::Done { versions: Vec::new() };

fn conflict() -> Updated {
    Updated::Conflict { key: String::new() }
}

pub(super) async fn an_offer_keeps_the_successor_and_changes_nothing_else(store: Subject) {
    let id = store.add(Draft::of("ada").data("k", "1")).await;
    let mut expected = (*store.record(id, START).await).clone();
    let data = store.data(id, START).await;
    assert_eq!(store.renew(guard(id, at(1)), offer(0, "second")).await, DONE);
    expected.renewal.next = Some(digest("second"));
    assert_eq!(portrait(&*store.record(id, at(1)).await), portrait(&expected));
    assert_eq!(store.data(id, at(1)).await, data);
}

pub(super) async fn an_offer_made_twice_is_done_twice(store: Subject) {
    let id = store.add(Draft::of("ada")).await;
    store.renew(guard(id, at(1)), offer(0, "second")).await;
    let before = portrait(&*store.record(id, at(1)).await);
    assert_eq!(store.renew(guard(id, at(2)), offer(0, "second")).await, DONE);
    assert_eq!(portrait(&*store.record(id, at(2)).await), before);
}

pub(super) async fn an_offer_beside_another_one_is_a_conflict(store: Subject) {
    let id = store.add(Draft::of("ada")).await;
    store.renew(guard(id, at(1)), offer(0, "second")).await;
    assert_eq!(store.renew(guard(id, at(1)), offer(0, "other")).await, conflict());
    assert_eq!(store.record(id, at(1)).await.renewal.next, Some(digest("second")));
}

pub(super) async fn an_offer_for_another_counter_is_a_conflict(store: Subject) {
    let id = store.add(Draft::of("ada").with(|record| record.renewal.counter = 3)).await;
    for counter in [0, 2, 4] {
        assert_eq!(store.renew(guard(id, at(1)), offer(counter, "next")).await, conflict());
    }
    assert_eq!(store.record(id, at(1)).await.renewal.next, None);
}

pub(super) async fn a_promotion_makes_the_successor_current_and_keeps_the_parent(store: Subject) {
    let id = store.add(Draft::of("ada").data("k", "1")).await;
    let first = store.record(id, START).await;
    let data = store.data(id, START).await;
    store.renew(guard(id, at(1)), offer(0, "second")).await;
    assert_eq!(store.renew(guard(id, at(2)), promote("second")).await, DONE);
    let mut expected = (*first).clone();
    expected.digest = digest("second");
    expected.renewal.counter = 1;
    expected.renewal.since = at(2);
    expected.renewal.previous = Some(first.digest);
    assert_eq!(portrait(&*store.record(id, at(2)).await), portrait(&expected));
    assert_eq!(store.data(id, at(2)).await, data);
}

pub(super) async fn a_promotion_made_twice_is_done_twice_and_counts_once(store: Subject) {
    let id = store.add(Draft::of("ada")).await;
    store.renew(guard(id, at(1)), offer(0, "second")).await;
    store.renew(guard(id, at(2)), promote("second")).await;
    let before = portrait(&*store.record(id, at(2)).await);
    assert_eq!(store.renew(guard(id, at(9)), promote("second")).await, DONE);
    assert_eq!(portrait(&*store.record(id, at(9)).await), before);
}

pub(super) async fn a_promotion_of_what_was_never_offered_is_a_conflict(store: Subject) {
    let id = store.add(Draft::of("ada")).await;
    assert_eq!(store.renew(guard(id, at(1)), promote("second")).await, conflict());
    store.renew(guard(id, at(1)), offer(0, "second")).await;
    assert_eq!(store.renew(guard(id, at(1)), promote("other")).await, conflict());
    assert_eq!(store.record(id, at(1)).await.renewal.counter, 0);
}

pub(super) async fn a_promotion_that_another_one_overtook_is_a_conflict(store: Subject) {
    let id = store.add(Draft::of("ada")).await;
    for (counter, word) in [(0, "second"), (1, "third")] {
        store.renew(guard(id, at(1)), offer(counter, word)).await;
        store.renew(guard(id, at(1)), promote(word)).await;
    }
    assert_eq!(store.renew(guard(id, at(2)), promote("second")).await, conflict());
    let record = store.record(id, at(2)).await;
    assert_eq!((record.digest, record.renewal.counter), (digest("third"), 2));
    assert_eq!(record.renewal.previous, Some(digest("second")));
}

pub(super) async fn a_renewal_begun_before_a_rotation_is_gone(store: Subject) {
    let id = store.add(Draft::of("ada")).await;
    let begun = guard(id, at(1));
    store.renew(begun, offer(0, "second")).await;
    store.rotate(begun, rotation(1, "rotated")).await;
    assert_eq!(store.renew(begun, promote("second")).await, Updated::Gone);
    assert_eq!(store.renew(begun, offer(1, "third")).await, Updated::Gone);
    let current = Guard { generation: 1, ..begun };
    assert_eq!(store.renew(current, offer(0, "second")).await, conflict());
    assert_eq!(store.record(id, at(1)).await.digest, digest("rotated"));
}

pub(super) async fn a_renewal_of_a_session_that_is_not_live_is_gone(store: Subject) {
    let expired = store.add(Draft::of("ada")).await;
    let ended = store.add(Draft::of("ada")).await;
    for id in [expired, ended] {
        store.renew(guard(id, START), offer(0, "second")).await;
    }
    store.end_session(ended, START).await;
    let unknown = SessionId::new(None, START);
    for (id, now) in [(expired, START.after(IDLE)), (ended, at(1)), (unknown, at(1))] {
        for step in [offer(0, "second"), promote("second")] {
            assert_eq!(store.renew(guard(id, now), step).await, Updated::Gone);
        }
        assert!(!store.is_live(id, now).await);
    }
}
