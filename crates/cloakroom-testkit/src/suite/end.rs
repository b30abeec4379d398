use std::time::Duration;

use cloakroom_core::{End, EndReason, Ended, Guard, Selector, SessionId, Touch, Updated};

use crate::fixtures::{Draft, IDLE, START, at, guard, logout, offer, rotation, user, write};
use crate::subject::Subject;

async fn logins(store: &Subject, name: &str, count: usize) -> Vec<SessionId> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(store.add(Draft::of(name)).await);
    }
    ids
}

async fn live_among(store: &Subject, ids: &[SessionId]) -> usize {
    let mut live = 0;
    for id in ids {
        live += usize::from(store.is_live(*id, at(1)).await);
    }
    live
}

pub(super) async fn the_end_of_one_session_ends_that_one(store: Subject) {
    let ids = logins(&store, "ada", 3).await;
    assert_eq!(store.end_session(ids[1], at(1)).await, Ended { count: 1, epoch: 0 });
    assert!(!store.is_live(ids[1], at(1)).await);
    assert_eq!(live_among(&store, &ids).await, 2);
}

pub(super) async fn the_end_of_a_user_ends_all_of_that_user(store: Subject) {
    let ada = logins(&store, "ada", 3).await;
    let bob = logins(&store, "bob", 2).await;
    let visitor = store.add(Draft::anonymous()).await;
    assert_eq!(store.end(logout(Selector::User(user("ada")), at(1))).await.count, 3);
    assert_eq!(live_among(&store, &ada).await, 0);
    assert_eq!(live_among(&store, &bob).await, 2);
    assert!(store.is_live(visitor, at(1)).await);
}

pub(super) async fn the_end_of_all_but_one_gives_that_one_the_new_epoch(store: Subject) {
    let ada = logins(&store, "ada", 4).await;
    let bob = logins(&store, "bob", 1).await;
    let ended = store.end(logout(Selector::UserExcept(user("ada"), ada[2]), at(1))).await;
    assert_eq!(ended.count, 3);
    assert_eq!(live_among(&store, &ada).await, 1);
    assert_eq!(store.record(ada[2], at(1)).await.epoch, ended.epoch);
    assert_eq!(store.epoch(user("ada")).await, ended.epoch);
    assert_eq!(store.record(bob[0], at(1)).await.epoch, 0);
    let written = store.update(guard(ada[2], at(1)), vec![write("k", "1")]).await;
    assert!(matches!(written, Updated::Done { .. }), "the session kept can be written");
}

pub(super) async fn excepting_another_users_session_spares_nobody(store: Subject) {
    let ada = logins(&store, "ada", 2).await;
    let bob = logins(&store, "bob", 1).await;
    for kept in [bob[0], SessionId::new(None, START)] {
        store.end(logout(Selector::UserExcept(user("ada"), kept), at(1))).await;
    }
    assert_eq!(live_among(&store, &ada).await, 0);
    assert_eq!(store.record(bob[0], at(1)).await.epoch, 0, "bob's epoch is bob's");
}

pub(super) async fn the_end_of_everyone_ends_visitors_too(store: Subject) {
    let ada = logins(&store, "ada", 2).await;
    let bob = logins(&store, "bob", 1).await;
    let visitor = store.add(Draft::anonymous()).await;
    let ended = store.end(logout(Selector::Everyone, at(1))).await;
    assert_eq!(ended, Ended { count: 4, epoch: 0 });
    assert_eq!(live_among(&store, &[ada, bob, vec![visitor]].concat()).await, 0);
    let counts = store.counts(at(1)).await;
    assert_eq!((counts.sessions, counts.anonymous), (0, 0));
}

pub(super) async fn every_one_of_several_acknowledged_ends_holds(store: Subject) {
    let ids = logins(&store, "ada", 12).await;
    for (number, id) in ids.iter().enumerate() {
        assert_eq!(store.end_session(*id, at(1)).await.count, 1, "end number {number}");
    }
    for (number, id) in ids.iter().enumerate() {
        assert!(!store.is_live(*id, at(1)).await, "end number {number} was forgotten");
        assert!(store.ended(*id).await.is_some(), "end number {number} left no history");
    }
}

pub(super) async fn an_end_is_recorded_with_its_reason_and_who_ordered_it(store: Subject) {
    let id = store.add(Draft::of("ada").with(|record| {
        record.client.address = Some("192.0.2.7".to_owned());
        record.client.user_agent = Some("Browser".to_owned());
    }));
    let id = id.await;
    store.touch(at(30), vec![Touch { id, seen_at: at(30) }]).await;
    let end = End {
        reason: EndReason::Admin,
        by: Some("root".to_owned()),
        ..logout(Selector::Session(id), at(60))
    };
    store.end(end).await;
    let ended = store.ended(id).await.expect("it is in the history");
    assert_eq!((ended.id, ended.reason, ended.ended_at), (id, EndReason::Admin, at(60)));
    assert_eq!((ended.created_at, ended.last_seen_at), (START, at(30)));
    assert_eq!(ended.ended_by.as_deref(), Some("root"));
    assert_eq!((ended.user, ended.user_name.as_deref()), (Some(user("ada")), Some("ada")));
    assert_eq!(ended.client_address.as_deref(), Some("192.0.2.7"));
    assert_eq!(ended.user_agent.as_deref(), Some("Browser"));
}

pub(super) async fn every_reason_survives_the_history(store: Subject) {
    let reasons = [
        EndReason::Absolute,
        EndReason::Admin,
        EndReason::Capacity,
        EndReason::Idle,
        EndReason::KeyRetired,
        EndReason::Limit,
        EndReason::Logout,
        EndReason::PasswordChange,
        EndReason::Replaced,
        EndReason::Theft,
        EndReason::UserDisabled,
    ];
    for reason in reasons {
        let id = store.add(Draft::anonymous()).await;
        store.end(End { reason, ..logout(Selector::Session(id), at(1)) }).await;
        assert_eq!(store.ended(id).await.map(|ended| ended.reason), Some(reason));
    }
}

pub(super) async fn an_end_made_twice_counts_once_and_keeps_the_first_reason(store: Subject) {
    let id = store.add(Draft::of("ada")).await;
    store.end_session(id, at(1)).await;
    let selectors = [
        Selector::Session(id),
        Selector::User(user("ada")),
        Selector::UserExcept(user("ada"), id),
        Selector::Everyone,
    ];
    for selector in selectors {
        let again = End { reason: EndReason::Admin, ..logout(selector.clone(), at(2)) };
        assert_eq!(store.end(again).await.count, 0, "{selector:?}");
    }
    let ended = store.ended(id).await.expect("it is in the history");
    assert_eq!((ended.reason, ended.ended_at), (EndReason::Logout, at(1)));
    assert!(!store.is_live(id, at(2)).await);
}

pub(super) async fn the_end_of_an_unknown_session_is_no_fault(store: Subject) {
    let id = SessionId::new(None, START);
    assert_eq!(store.end_session(id, at(1)).await, Ended { count: 0, epoch: 0 });
    assert!(store.ended(id).await.is_none());
    let nobody = store.end(logout(Selector::User(user("nobody")), at(1))).await;
    assert_eq!(nobody.count, 0);
}

pub(super) async fn an_ended_session_takes_no_write_of_any_kind(store: Subject) {
    let id = store.add(Draft::of("ada").data("k", "1")).await;
    store.renew(guard(id, START), offer(0, "second")).await;
    store.end_session(id, at(1)).await;
    for generation in [0, 1] {
        let late = Guard { id, generation, now: at(2) };
        assert_eq!(store.update(late, vec![write("k", "2")]).await, Updated::Gone);
        assert_eq!(store.rotate(late, rotation(1, "x")).await, Updated::Gone);
        assert_eq!(store.renew(late, offer(0, "second")).await, Updated::Gone);
    }
    assert_eq!(store.touch(at(2), vec![Touch { id, seen_at: at(2) }]).await, 0);
    assert_eq!(store.regroup(user("ada"), vec!["admins".to_owned()], at(2)).await, 0);
    assert!(!store.is_live(id, at(2)).await);
    assert_eq!(store.counts(at(2)).await.sessions, 0);
}

pub(super) async fn an_expired_session_ends_as_expired_and_is_not_counted(store: Subject) {
    let idle = store.add(Draft::of("ada")).await;
    let absolute = store.add(Draft::of("ada").absolute(Duration::from_secs(60))).await;
    let visitor = store.add(Draft::anonymous()).await;
    let late = START.after(IDLE).after(Duration::from_secs(7));
    assert_eq!(store.end_session(idle, late).await.count, 0);
    assert_eq!(store.end(logout(Selector::User(user("ada")), late)).await.count, 0);
    assert_eq!(store.end(logout(Selector::Everyone, late)).await.count, 0);
    let cases =
        [(idle, EndReason::Idle, START.after(IDLE)), (absolute, EndReason::Absolute, at(60))];
    for (id, reason, deadline) in cases {
        let ended = store.ended(id).await.expect("it is in the history");
        assert_eq!((ended.reason, ended.ended_at), (reason, deadline));
        assert!(!store.is_live(id, START).await);
    }
    assert!(store.ended(visitor).await.is_none(), "visitors that expire leave no history");
}
