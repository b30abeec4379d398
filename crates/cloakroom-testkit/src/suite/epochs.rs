use cloakroom_core::{Carry, End, Inserted, Selector};

use crate::fixtures::{Draft, START, at, logout, user};
use crate::subject::Subject;

pub(super) async fn an_epoch_begins_at_zero_and_rises_when_a_user_is_ended(store: Subject) {
    assert_eq!(store.epoch(user("ada")).await, 0);
    store.add(Draft::of("ada")).await;
    assert_eq!(store.epoch(user("ada")).await, 0, "a login ends nothing");
    let ended = store.end(logout(Selector::User(user("ada")), at(1))).await;
    assert!(ended.epoch > 0);
    assert_eq!(store.epoch(user("ada")).await, ended.epoch);
    assert_eq!(store.epoch(user("bob")).await, 0, "another user's epoch stays");
}

pub(super) async fn a_login_begun_before_its_user_was_ended_is_superseded(store: Subject) {
    let old = store.epoch(user("ada")).await;
    let new = store.end(logout(Selector::User(user("ada")), START)).await.epoch;
    let visitor = store.add(Draft::anonymous()).await;
    let late = Draft::of("ada").epoch(old).replacing(visitor, Carry::Everything).build();
    let id = late.record.id;
    assert_eq!(store.insert(late).await, Inserted::Superseded);
    assert!(!store.is_live(id, at(1)).await);
    assert!(store.is_live(visitor, at(1)).await, "a refused login replaces nothing");
    store.add(Draft::of("ada").epoch(new)).await;
    store.add(Draft::of("bob").epoch(0)).await;
}

pub(super) async fn a_login_begun_before_everyone_was_ended_is_superseded(store: Subject) {
    store.add(Draft::of("ada")).await;
    store.end(logout(Selector::Everyone, at(1))).await;
    for name in ["ada", "never-seen"] {
        let late = Draft::of(name).at(at(2)).epoch(0).build();
        assert_eq!(store.insert(late).await, Inserted::Superseded, "{name}");
        let epoch = store.epoch(user(name)).await;
        assert!(epoch > 0, "the epoch of {name} did not rise");
        store.add(Draft::of(name).at(at(3)).epoch(epoch)).await;
    }
}

pub(super) async fn a_login_begun_before_all_others_were_ended_is_superseded(store: Subject) {
    let kept = store.add(Draft::of("ada")).await;
    let ended = store.end(logout(Selector::UserExcept(user("ada"), kept), at(1))).await;
    assert!(ended.epoch > 0);
    let late = Draft::of("ada").at(at(2)).epoch(0).build();
    assert_eq!(store.insert(late).await, Inserted::Superseded);
}

pub(super) async fn visitors_have_no_epoch_to_be_superseded_by(store: Subject) {
    store.end(logout(Selector::Everyone, START)).await;
    store.add(Draft::anonymous().at(at(1))).await;
}

pub(super) async fn an_epoch_is_raised_at_least_to_the_one_given(store: Subject) {
    let end = |epoch| End { epoch, ..logout(Selector::User(user("ada")), START) };
    assert!(store.end(end(Some(40))).await.epoch >= 40);
    assert!(store.epoch(user("ada")).await >= 40);
    let superseded = store.insert(Draft::of("ada").epoch(39).build()).await;
    assert_eq!(superseded, Inserted::Superseded);
}

pub(super) async fn a_login_of_a_higher_epoch_raises_that_of_its_user(store: Subject) {
    store.end(logout(Selector::Everyone, START)).await;
    let of_epoch = |epoch| Draft::of("ada").at(at(1)).epoch(epoch);
    let first = store.add(of_epoch(7)).await;
    assert_eq!(store.epoch(user("ada")).await, 7);
    assert_eq!(store.insert(of_epoch(5).build()).await, Inserted::Superseded);
    let kept = store.add(of_epoch(7)).await;
    assert_eq!(store.epoch(user("bob")).await, 1, "another user's epoch stays");

    let ended = store.end(logout(Selector::UserExcept(user("ada"), kept), at(2))).await;
    assert_eq!((ended.count, ended.epoch), (1, 8));
    assert!(!store.is_live(first, at(2)).await && store.is_live(kept, at(2)).await);
    assert_eq!(store.insert(Draft::of("ada").epoch(7).build()).await, Inserted::Superseded);
    let ended = store.end(logout(Selector::User(user("ada")), at(3))).await;
    assert_eq!((ended.count, ended.epoch), (1, 9), "the one that was kept has an epoch below");
}

pub(super) async fn a_session_of_a_lower_epoch_is_spared_where_it_is_excepted(store: Subject) {
    let kept = store.add(Draft::of("ada")).await;
    let other = store.add(Draft::of("ada").epoch(3)).await;
    let ended = store.end(logout(Selector::UserExcept(user("ada"), kept), at(1))).await;
    assert_eq!((ended.count, ended.epoch), (1, 4));
    assert!(store.is_live(kept, at(1)).await && !store.is_live(other, at(1)).await);
}

pub(super) async fn an_epoch_never_goes_back(store: Subject) {
    let mut last = 0;
    let orders = [
        (Selector::User(user("ada")), Some(40)),
        (Selector::User(user("ada")), Some(3)),
        (Selector::Everyone, None),
        (Selector::User(user("bob")), None),
        (Selector::User(user("ada")), None),
        (Selector::User(user("ada")), Some(1)),
        (Selector::Everyone, None),
    ];
    for (second, (selector, epoch)) in orders.into_iter().enumerate() {
        let now = at(second as u64);
        store.end(End { epoch, ..logout(selector.clone(), now) }).await;
        let now = store.epoch(user("ada")).await;
        assert!(now >= last, "from {last} to {now} by {selector:?} {epoch:?}");
        last = now;
    }
}

pub(super) async fn ending_one_session_raises_no_epoch(store: Subject) {
    let id = store.add(Draft::of("ada")).await;
    assert_eq!(store.end_session(id, at(1)).await.epoch, 0);
    assert_eq!(store.epoch(user("ada")).await, 0);
    store.add(Draft::of("ada").at(at(2)).epoch(0)).await;
}
