use std::time::Duration;

use cloakroom_core::{EndReason, SessionId, Sweep, Swept};

use crate::fixtures::{ABSOLUTE, Draft, IDLE, START, at, sweep, user};
use crate::subject::Subject;

async fn staggered(store: &Subject, count: u64) -> Vec<SessionId> {
    let mut ids = Vec::new();
    for minute in 1..=count {
        ids.push(store.add(Draft::of("ada").idle(Duration::from_secs(60 * minute))).await);
    }
    ids
}

async fn is_swept(store: &Subject, id: SessionId) -> bool {
    store.ended(id).await.is_some()
}

pub(super) async fn a_sweep_moves_expired_sessions_into_the_history(store: Subject) {
    let idle = store.add(Draft::of("ada")).await;
    let absolute = store.add(Draft::of("bob").absolute(IDLE / 2)).await;
    let live = store.add(Draft::of("ada").idle(ABSOLUTE)).await;
    let swept = store.sweep(sweep(START.after(IDLE), 10)).await;
    assert_eq!(swept, Swept { sessions: 2, idle: 1, ..Swept::default() });
    let cases = [
        (idle, EndReason::Idle, START.after(IDLE)),
        (absolute, EndReason::Absolute, START.after(IDLE / 2)),
    ];
    for (id, reason, deadline) in cases {
        let ended = store.ended(id).await.expect("it is in the history");
        assert_eq!((ended.reason, ended.ended_at), (reason, deadline));
        assert_eq!(ended.ended_by, None);
    }
    assert!(store.is_live(live, START.after(IDLE)).await);
    assert!(store.ended(live).await.is_none());
}

pub(super) async fn a_sweep_begins_exactly_at_the_deadline(store: Subject) {
    let id = store.add(Draft::of("ada")).await;
    let before = START.after(IDLE).before(Duration::from_millis(1));
    assert_eq!(store.sweep(sweep(before, 10)).await.sessions, 0);
    assert!(store.is_live(id, before).await);
    assert_eq!(store.sweep(sweep(START.after(IDLE), 10)).await.sessions, 1);
}

pub(super) async fn a_sweep_is_bounded_and_takes_what_expired_first(store: Subject) {
    let mut ids = staggered(&store, 6).await;
    // The one inserted first is used, so that order of insertion and of expiry differ.
    let used = ids.remove(0);
    let touch = cloakroom_core::Touch { id: used, seen_at: at(59) };
    store.touch(at(59), vec![touch]).await;
    let now = at(299);
    let first = store.sweep(sweep(now, 2)).await;
    assert_eq!((first.sessions, first.backlog, first.oldest), (2, 2, Some(at(180))));
    assert!(is_swept(&store, used).await && is_swept(&store, ids[0]).await);
    assert!(!is_swept(&store, ids[1]).await);
    let second = store.sweep(sweep(now, 2)).await;
    assert_eq!((second.sessions, second.backlog, second.oldest), (2, 0, None));
    assert_eq!(store.sweep(sweep(now, 2)).await, Swept::default());
    assert!(store.is_live(ids[4], now).await);
}

pub(super) async fn a_backlog_is_counted_up_to_ten_times_the_limit(store: Subject) {
    staggered(&store, 14).await;
    let swept = store.sweep(sweep(START.after(ABSOLUTE), 1)).await;
    assert_eq!((swept.sessions, swept.backlog, swept.oldest), (1, 10, Some(at(120))));
}

pub(super) async fn visitors_that_expire_leave_no_history(store: Subject) {
    let id = store.add(Draft::anonymous()).await;
    let swept = store.sweep(sweep(START.after(IDLE), 10)).await;
    assert_eq!(swept.sessions, 1);
    assert!(store.ended(id).await.is_none());
    assert!(!store.is_live(id, START).await);
    assert_eq!(store.counts(START).await.anonymous, 0);
}

pub(super) async fn a_sweep_drops_old_history_in_bounded_steps(store: Subject) {
    let mut ids = Vec::new();
    for second in 0..6 {
        let id = store.add(Draft::of("ada")).await;
        store.end_session(id, at(second)).await;
        ids.push(id);
    }
    let order = Sweep { now: at(10), history_before: at(4), limit: 3 };
    assert_eq!(store.sweep(order).await.history, 3);
    assert_eq!(store.sweep(order).await.history, 1);
    assert_eq!(store.sweep(order).await.history, 0);
    for (second, id) in ids.into_iter().enumerate() {
        assert_eq!(is_swept(&store, id).await, second >= 4, "the end at second {second}");
    }
}

pub(super) async fn the_history_of_visitors_is_dropped_after_ten_minutes(store: Subject) {
    let visitor = store.add(Draft::anonymous()).await;
    let user = store.add(Draft::of("ada")).await;
    store.end_session(visitor, at(0)).await;
    store.end_session(user, at(0)).await;
    let order = |second| Sweep { now: at(second), history_before: START, limit: 10 };
    assert_eq!(store.sweep(order(600)).await.history, 0);
    assert!(is_swept(&store, visitor).await);
    assert_eq!(store.sweep(order(601)).await.history, 1);
    assert!(!is_swept(&store, visitor).await);
    assert!(is_swept(&store, user).await);
}

pub(super) async fn a_sweep_leaves_the_data_of_live_sessions(store: Subject) {
    let live = store.add(Draft::of("ada").idle(ABSOLUTE).data("k", "1")).await;
    store.add(Draft::of("ada").data("k", "2")).await;
    store.sweep(sweep(START.after(IDLE), 10)).await;
    assert_eq!(store.value(live, START.after(IDLE), "k").await.as_deref(), Some("1"));
    assert_eq!(store.sessions_of(user("ada"), START.after(IDLE)).await.len(), 1);
}
