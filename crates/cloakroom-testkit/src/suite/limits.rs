use std::time::Duration;

use cloakroom_core::{Carry, EndReason, Inserted, LimitPolicy, SessionId, Touch};

use crate::fixtures::{Draft, IDLE, START, at, sweep, user};
use crate::subject::Subject;

async fn three_logins(store: &Subject) -> [SessionId; 3] {
    let mut ids = Vec::new();
    for second in 0..3 {
        ids.push(store.add(Draft::of("ada").at(at(second))).await);
    }
    ids.try_into().expect("there are three")
}

async fn limit_ended(store: &Subject, login: Draft) -> Vec<SessionId> {
    match store.insert(login.build()).await {
        Inserted::Done { mut ended } => {
            ended.sort_unstable();
            ended
        }
        other => panic!("a login under a limit that ends others came to {other:?}"),
    }
}

pub(super) async fn at_a_limit_that_refuses_a_login_changes_nothing(store: Subject) {
    let ids = three_logins(&store).await;
    let login = || Draft::of("ada").at(at(9));
    let refused = store.insert(login().limit(3, LimitPolicy::Refuse).build()).await;
    assert_eq!(refused, Inserted::LimitReached);
    assert_eq!(store.live_ids(at(9)).await, ids);
    let below = store.insert(login().limit(4, LimitPolicy::Refuse).build()).await;
    assert_eq!(below, Inserted::Done { ended: vec![] });
}

pub(super) async fn at_a_limit_the_oldest_session_ends(store: Subject) {
    let [oldest, second, third] = three_logins(&store).await;
    store.touch(at(5), vec![Touch { id: oldest, seen_at: at(5) }]).await;
    let login = Draft::of("ada").at(at(9)).limit(3, LimitPolicy::EndOldest);
    assert_eq!(limit_ended(&store, login).await, [oldest]);
    assert!(!store.is_live(oldest, at(9)).await);
    assert!(store.is_live(second, at(9)).await && store.is_live(third, at(9)).await);
    let ended = store.ended(oldest).await.expect("it is in the history");
    assert_eq!((ended.reason, ended.ended_at), (EndReason::Limit, at(9)));
}

pub(super) async fn at_a_limit_the_least_recently_used_session_ends(store: Subject) {
    let [oldest, second, third] = three_logins(&store).await;
    store.touch(at(5), vec![Touch { id: oldest, seen_at: at(5) }]).await;
    let login = Draft::of("ada").at(at(9)).limit(3, LimitPolicy::EndLeastRecentlyUsed);
    assert_eq!(limit_ended(&store, login).await, [second]);
    assert!(store.is_live(oldest, at(9)).await && store.is_live(third, at(9)).await);
    assert_eq!(store.ended(second).await.map(|ended| ended.reason), Some(EndReason::Limit));
}

pub(super) async fn a_lowered_limit_ends_as_many_as_it_takes(store: Subject) {
    let ids = three_logins(&store).await;
    let login = Draft::of("ada").at(at(9)).limit(1, LimitPolicy::EndOldest);
    assert_eq!(limit_ended(&store, login).await, ids);
    assert_eq!(store.live_ids(at(9)).await.len(), 1);
}

pub(super) async fn a_replaced_session_does_not_count_against_the_limit(store: Subject) {
    for policy in [LimitPolicy::Refuse, LimitPolicy::EndOldest, LimitPolicy::EndLeastRecentlyUsed] {
        let name = format!("{policy:?}");
        let other = store.add(Draft::of(&name)).await;
        let old = store.add(Draft::of(&name).at(at(1))).await;
        let login = Draft::of(&name).at(at(2)).replacing(old, Carry::Nothing).limit(2, policy);
        let inserted = store.insert(login.build()).await;
        assert_eq!(inserted, Inserted::Done { ended: vec![] }, "{policy:?}");
        assert!(store.is_live(other, at(2)).await);
    }
}

pub(super) async fn expired_sessions_do_not_count_against_the_limit(store: Subject) {
    three_logins(&store).await;
    let late = START.after(IDLE).after(Duration::from_secs(2));
    let login = Draft::of("ada").at(late).limit(1, LimitPolicy::Refuse);
    assert_eq!(store.insert(login.build()).await, Inserted::Done { ended: vec![] });
}

pub(super) async fn a_limit_binds_one_user_only(store: Subject) {
    three_logins(&store).await;
    let visitor = store.add(Draft::anonymous()).await;
    let login = Draft::of("bob").at(at(9)).limit(1, LimitPolicy::EndOldest);
    assert_eq!(limit_ended(&store, login).await, []);
    assert_eq!(store.sessions_of(user("ada"), at(9)).await.len(), 3);
    assert!(store.is_live(visitor, at(9)).await);
}

pub(super) async fn at_the_anonymous_cap_a_visitor_is_refused_and_nobody_ends(store: Subject) {
    let [ada, ..] = three_logins(&store).await;
    let first = store.add(Draft::anonymous().anonymous_cap(2)).await;
    let second = store.add(Draft::anonymous().anonymous_cap(2)).await;
    let third = Draft::anonymous().anonymous_cap(2).build();
    let id = third.record.id;
    assert_eq!(store.insert(third).await, Inserted::Full);
    for live in [ada, first, second] {
        assert!(store.is_live(live, at(3)).await);
    }
    assert!(!store.is_live(id, at(3)).await);
    let none = Draft::anonymous().anonymous_cap(0).build();
    assert_eq!(store.insert(none).await, Inserted::Full);
}

pub(super) async fn the_anonymous_cap_never_refuses_a_login(store: Subject) {
    store.add(Draft::anonymous()).await;
    let login = Draft::of("ada").anonymous_cap(0);
    assert_eq!(store.insert(login.build()).await, Inserted::Done { ended: vec![] });
}

pub(super) async fn ended_and_swept_visitors_make_room_under_the_cap(store: Subject) {
    let visitor = |now| Draft::anonymous().at(now).anonymous_cap(1);
    let first = store.add(visitor(START)).await;
    store.end_session(first, at(1)).await;
    let second = store.add(visitor(at(1))).await;
    store.add(Draft::of("ada").at(at(2)).replacing(second, Carry::Nothing)).await;
    store.add(visitor(at(3))).await;
    let late = at(3).after(IDLE);
    store.sweep(sweep(late, 10)).await;
    store.add(visitor(late)).await;
}
