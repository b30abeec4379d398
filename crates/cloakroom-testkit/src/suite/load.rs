use std::time::Duration;

use cloakroom_core::{SessionId, Timestamp};

use crate::fixtures::{Draft, START, at};
use crate::subject::Subject;

const MILLISECOND: Duration = Duration::from_millis(1);

async fn ends_exactly_at(store: &Subject, id: SessionId, deadline: Timestamp) {
    assert!(store.is_live(id, deadline.before(MILLISECOND)).await);
    assert!(!store.is_live(id, deadline).await);
    assert!(!store.is_live(id, deadline.after(Duration::from_secs(9_999_999))).await);
}

pub(super) async fn a_session_is_live_until_its_idle_deadline(store: Subject) {
    let id = store.add(Draft::of("ada").idle(Duration::from_secs(60))).await;
    ends_exactly_at(&store, id, at(60)).await;
}

pub(super) async fn a_session_is_live_until_its_absolute_deadline(store: Subject) {
    let id = store.add(Draft::of("ada").absolute(Duration::from_secs(60))).await;
    ends_exactly_at(&store, id, at(60)).await;
}

pub(super) async fn a_session_that_ended_is_not_loaded(store: Subject) {
    for draft in [Draft::of("ada"), Draft::anonymous()] {
        let id = store.add(draft).await;
        store.end_session(id, at(1)).await;
        assert!(!store.is_live(id, at(1)).await);
        assert!(!store.is_live(id, START).await, "an earlier moment brings nothing back");
    }
}

pub(super) async fn a_session_that_never_was_is_not_loaded(store: Subject) {
    assert!(!store.is_live(SessionId::new(None, START), START).await);
    assert!(!store.is_live(SessionId::from_bytes([0; 16]), START).await);
}
