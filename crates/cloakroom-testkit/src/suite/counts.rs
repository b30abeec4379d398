use cloakroom_core::Selector;

use crate::fixtures::{Draft, IDLE, START, at, logout, sweep, user};
use crate::subject::Subject;

async fn assert_counts(store: &Subject, sessions: u64, anonymous: u64) {
    let counts = store.counts(at(60)).await;
    assert_eq!((counts.sessions, counts.anonymous), (sessions, anonymous));
}

pub(super) async fn counts_follow_logins_and_ends(store: Subject) {
    assert_counts(&store, 0, 0).await;
    let visitor = store.add(Draft::anonymous()).await;
    let first = store.add(Draft::of("ada")).await;
    store.add(Draft::of("ada")).await;
    store.add(Draft::of("bob")).await;
    assert_counts(&store, 3, 1).await;
    store.end_session(first, at(1)).await;
    store.end_session(first, at(1)).await;
    store.end_session(visitor, at(1)).await;
    assert_counts(&store, 2, 0).await;
    store.end(logout(Selector::User(user("ada")), at(2))).await;
    assert_counts(&store, 1, 0).await;
    let visitor = store.add(Draft::anonymous()).await;
    let login = Draft::of("eve").replacing(visitor, cloakroom_core::Carry::Nothing);
    store.add(login).await;
    assert_counts(&store, 2, 0).await;
    store.end(logout(Selector::Everyone, at(3))).await;
    assert_counts(&store, 0, 0).await;
}

pub(super) async fn expired_sessions_count_until_they_are_swept(store: Subject) {
    store.add(Draft::of("ada")).await;
    store.add(Draft::anonymous()).await;
    let late = START.after(IDLE);
    let counts = store.counts(late).await;
    assert_eq!((counts.sessions, counts.anonymous), (1, 1));
    store.sweep(sweep(late, 10)).await;
    let counts = store.counts(late).await;
    assert_eq!((counts.sessions, counts.anonymous), (0, 0));
}

pub(super) async fn counts_say_when_they_were_counted(store: Subject) {
    store.add(Draft::of("ada")).await;
    let counts = store.counts(at(60)).await;
    assert!(counts.as_of <= at(60), "counted in the future: {counts:?}");
}
