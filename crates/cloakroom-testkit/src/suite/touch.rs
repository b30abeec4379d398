use std::time::Duration;

use cloakroom_core::{SessionId, Timestamp, Touch};

use crate::fixtures::{Draft, IDLE, START, at, portrait};
use crate::subject::Subject;

fn touch(id: SessionId, seen_at: Timestamp) -> Vec<Touch> {
    vec![Touch { id, seen_at }]
}

pub(super) async fn a_touch_moves_last_seen_and_changes_nothing_else(store: Subject) {
    let id = store.add(Draft::of("ada")).await;
    let mut expected = (*store.record(id, START).await).clone();
    assert_eq!(store.touch(at(60), touch(id, at(50))).await, 1);
    expected.last_seen_at = at(50);
    assert_eq!(portrait(&*store.record(id, at(60)).await), portrait(&expected));
}

pub(super) async fn a_touch_never_changes_data(store: Subject) {
    let id = store.add(Draft::of("ada").data("a", "1").data("b", "2")).await;
    let before = store.data(id, START).await;
    store.touch(at(60), touch(id, at(60))).await;
    assert_eq!(store.data(id, at(60)).await, before);
}

pub(super) async fn a_touch_never_moves_last_seen_backwards(store: Subject) {
    let id = store.add(Draft::of("ada").at(at(100))).await;
    for seen_at in [at(99), at(100), START] {
        assert_eq!(store.touch(at(200), touch(id, seen_at)).await, 0, "nothing moved");
        assert_eq!(store.record(id, at(200)).await.last_seen_at, at(100));
    }
}

pub(super) async fn a_touch_moves_the_idle_deadline_and_not_the_absolute_one(store: Subject) {
    let id = store.add(Draft::of("ada").absolute(IDLE * 3 / 2)).await;
    let half = START.after(IDLE / 2);
    store.touch(half, touch(id, half)).await;
    assert!(store.is_live(id, START.after(IDLE)).await);
    store.touch(START.after(IDLE), touch(id, START.after(IDLE))).await;
    assert!(!store.is_live(id, START.after(IDLE * 3 / 2)).await);
}

pub(super) async fn a_touch_never_revives_an_expired_session(store: Subject) {
    let id = store.add(Draft::of("ada")).await;
    let deadline = START.after(IDLE);
    let before = deadline.before(Duration::from_millis(1));
    for seen_at in [before, deadline, deadline.after(IDLE)] {
        assert_eq!(store.touch(deadline, touch(id, seen_at)).await, 0);
        assert!(!store.is_live(id, deadline).await);
    }
    assert_eq!(store.record(id, before).await.last_seen_at, START);
}

pub(super) async fn a_touch_of_an_ended_or_unknown_session_creates_nothing(store: Subject) {
    let ended = store.add(Draft::of("ada")).await;
    store.end_session(ended, at(1)).await;
    for id in [ended, SessionId::new(None, START)] {
        assert_eq!(store.touch(at(2), touch(id, at(2))).await, 0);
        assert!(!store.is_live(id, at(2)).await);
    }
    assert_eq!(store.counts(at(2)).await.sessions, 0);
    assert_eq!(store.ended(ended).await.map(|ended| ended.last_seen_at), Some(START));
}

pub(super) async fn a_batch_of_touches_moves_each_that_can_move(store: Subject) {
    let mut touches = Vec::new();
    let mut ids = Vec::new();
    for second in 1..=40 {
        let id = store.add(Draft::anonymous()).await;
        ids.push(id);
        touches.push(Touch { id, seen_at: at(second) });
    }
    store.end_session(ids[0], START).await;
    touches[1].seen_at = START;
    touches.push(Touch { id: SessionId::new(None, START), seen_at: at(5) });
    assert_eq!(store.touch(at(60), touches).await, 38);
    for (second, id) in (3..=40).zip(&ids[2..]) {
        assert_eq!(store.record(*id, at(60)).await.last_seen_at, at(second));
    }
    assert_eq!(store.touch(at(60), vec![]).await, 0);
}
