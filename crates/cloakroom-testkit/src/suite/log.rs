use std::collections::BTreeSet;
use std::time::Duration;

use cloakroom_core::{
    Bucket, Carry, Change, EndReason, Inserted, LimitPolicy, LogEntry, LogPage, Position, Selector,
    SessionId, Touch, Updated,
};

use crate::fixtures::{
    ABSOLUTE, Draft, IDLE, START, at, guard, logout, offer, promote, rotation, sweep, user, write,
};
use crate::subject::Subject;

/// Everything that became visible behind `after`, page by page, and where that ends.
async fn follow(store: &Subject, after: Option<Position>, limit: u32) -> (Vec<LogEntry>, Position) {
    let mut page = store.log_after(after, limit).await;
    let mut found = Vec::new();
    loop {
        let (next, more) = (page.next.clone(), page.more);
        assert!(!more || !page.entries.is_empty(), "an empty page says that there is more");
        found.append(&mut page.entries);
        if !more {
            return (found, next);
        }
        assert!(found.len() < 10_000, "the pages of the log never end");
        page = store.log_after(Some(next.clone()), limit).await;
        assert!(!page.gap, "a position that the log gave is a gap");
        assert!(page.next.covers(&next), "{} is not behind {next}", page.next);
    }
}

/// What a log says. A store may write what concerns everyone once into each part of it.
fn changes(entries: Vec<LogEntry>) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    for LogEntry { change, .. } in entries {
        if !matches!(change, Change::EveryoneEnded(_)) || !changes.contains(&change) {
            changes.push(change);
        }
    }
    changes
}

async fn logged(store: &Subject) -> Vec<Change> {
    changes(follow(store, None, 100).await.0)
}

/// What `act` writes into the log.
async fn written_by<T>(store: &Subject, act: impl Future<Output = T>) -> Vec<Change> {
    let (_, before) = follow(store, None, 100).await;
    act.await;
    changes(follow(store, Some(before), 100).await.0)
}

async fn assert_silent<T>(store: &Subject, what: &str, act: impl Future<Output = T>) {
    assert_eq!(written_by(store, act).await, [], "{what}");
}

fn user_ended(name: &str, epoch: u64, except: Option<SessionId>) -> Change {
    Change::UserEnded { user: user(name), epoch, except }
}

fn everyone_of(changes: &[Change]) -> Vec<u64> {
    let everyone = changes.iter().filter_map(|change| match change {
        Change::EveryoneEnded(epoch) => Some(*epoch),
        _ => None,
    });
    everyone.collect()
}

pub(super) async fn the_log_of_a_fresh_store_is_empty(store: Subject) {
    let page = store.log_after(None, 10).await;
    assert_eq!((page.entries.len(), page.more, page.gap), (0, false, false));
    let again = store.log_after(Some(page.next.clone()), 10).await;
    assert_eq!((again.entries.len(), again.more, again.gap), (0, false, false));
    assert_eq!(again.next, page.next);
}

pub(super) async fn the_end_of_one_session_enters_the_log(store: Subject) {
    for draft in [Draft::of("ada"), Draft::anonymous()] {
        let id = store.add(draft).await;
        let written = written_by(&store, store.end_session(id, at(1))).await;
        assert_eq!(written, [Change::Ended(id)]);
    }
}

pub(super) async fn the_end_of_a_user_enters_the_log_as_one_entry(store: Subject) {
    for _ in 0..3 {
        store.add(Draft::of("ada")).await;
    }
    store.add(Draft::of("bob")).await;
    let end = store.end(logout(Selector::User(user("ada")), at(1)));
    assert_eq!(written_by(&store, end).await, [user_ended("ada", 1, None)]);
}

pub(super) async fn the_end_of_all_but_one_enters_the_log_with_that_one(store: Subject) {
    let kept = store.add(Draft::of("ada")).await;
    store.add(Draft::of("ada")).await;
    let selector = Selector::UserExcept(user("ada"), kept);
    let written = written_by(&store, store.end(logout(selector, at(1)))).await;
    assert_eq!(written, [user_ended("ada", 1, Some(kept))]);
}

pub(super) async fn the_end_of_everyone_enters_the_log_with_a_rising_number(store: Subject) {
    store.add(Draft::of("ada")).await;
    store.add(Draft::anonymous()).await;
    for second in 1..4 {
        store.end(logout(Selector::Everyone, at(second))).await;
    }
    let written = logged(&store).await;
    let everyone: BTreeSet<u64> = everyone_of(&written).into_iter().collect();
    assert_eq!((written.len(), everyone.len()), (3, 3), "{written:?}");
    assert!(everyone.into_iter().all(|epoch| epoch > 0));
}

pub(super) async fn an_end_that_raised_an_epoch_enters_the_log_even_if_it_found_nobody(
    store: Subject,
) {
    let ada = written_by(&store, store.end(logout(Selector::User(user("ada")), at(1)))).await;
    assert_eq!(ada, [user_ended("ada", 1, None)]);
    let everyone = written_by(&store, store.end(logout(Selector::Everyone, at(2)))).await;
    assert_eq!(everyone_of(&everyone).len(), 1);
    let mut end = logout(Selector::User(user("ada")), at(3));
    end.epoch = Some(9);
    assert_eq!(written_by(&store, store.end(end)).await, [user_ended("ada", 9, None)]);
}

pub(super) async fn an_end_by_the_limit_enters_the_log(store: Subject) {
    let first = store.add(Draft::of("ada").at(at(0))).await;
    let second = store.add(Draft::of("ada").at(at(1))).await;
    let third = Draft::of("ada").at(at(2)).limit(1, LimitPolicy::EndOldest);
    let mut written = written_by(&store, store.add(third)).await;
    written.sort_by_key(|change| format!("{change:?}"));
    assert_eq!(written, [Change::Ended(first), Change::Ended(second)]);
}

pub(super) async fn a_replacement_enters_the_log(store: Subject) {
    let visitor = store.add(Draft::anonymous()).await;
    let login = Draft::of("ada").replacing(visitor, Carry::Everything);
    assert_eq!(written_by(&store, store.add(login)).await, [Change::Ended(visitor)]);
    let first = store.add(Draft::of("ada")).await;
    let again = Draft::of("ada").replacing(first, Carry::Nothing);
    assert_eq!(written_by(&store, store.add(again)).await, [Change::Ended(first)]);
}

pub(super) async fn a_rotation_enters_the_log_with_the_new_generation(store: Subject) {
    let id = store.add(Draft::of("ada").with(|record| record.generation = 4)).await;
    let mut writer = guard(id, at(1));
    writer.generation = 4;
    let written = written_by(&store, store.rotate(writer, rotation(1, "new"))).await;
    assert_eq!(written, [Change::Rotated(id, 5)]);
}

pub(super) async fn a_change_of_groups_enters_the_log_once(store: Subject) {
    store.add(Draft::of("ada")).await;
    store.add(Draft::of("ada")).await;
    let groups = vec!["readers".to_owned()];
    let written = written_by(&store, store.regroup(user("ada"), groups, at(1))).await;
    assert_eq!(written, [Change::UserChanged(user("ada"))]);
}

pub(super) async fn an_end_that_ended_nothing_leaves_no_entry(store: Subject) {
    let unknown = SessionId::new(Some(&user("ada")), START);
    assert_silent(&store, "an unknown session", store.end_session(unknown, at(1))).await;
    let ended = store.add(Draft::of("ada")).await;
    store.end_session(ended, at(1)).await;
    assert_silent(&store, "an ended session", store.end_session(ended, at(2))).await;
    let expired = store.add(Draft::of("ada")).await;
    let late = START.after(IDLE);
    assert_silent(&store, "an expired session", store.end_session(expired, late)).await;
}

pub(super) async fn what_is_refused_leaves_no_entry(store: Subject) {
    let id = store.add(Draft::of("ada")).await;
    let now = at(1);
    let conflict = Draft::of("ada").id(id).build();
    assert_silent(&store, "a conflict", store.insert(conflict)).await;
    let over = Draft::of("ada").replacing(id, Carry::Nothing);
    store.add(Draft::of("ada")).await;
    let refused = over.limit(1, LimitPolicy::Refuse).build();
    assert_silent(&store, "a login at the limit", async {
        assert_eq!(store.insert(refused).await, Inserted::LimitReached);
    })
    .await;
    assert_silent(&store, "another counter", store.rotate(guard(id, now), rotation(7, "x"))).await;
    let mut stale = guard(id, now);
    stale.generation = 3;
    assert_silent(&store, "another generation", store.rotate(stale, rotation(1, "x"))).await;
    let nobody = store.regroup(user("nobody"), vec!["g".to_owned()], now);
    assert_silent(&store, "groups of nobody", nobody).await;
    let late = START.after(IDLE);
    let expired = store.regroup(user("ada"), vec!["g".to_owned()], late);
    assert_silent(&store, "groups in expired sessions", expired).await;
}

pub(super) async fn what_changes_no_right_leaves_no_entry(store: Subject) {
    let id = store.add(Draft::of("ada")).await;
    let now = at(1);
    assert_silent(&store, "an insert", store.add(Draft::of("ada"))).await;
    assert_silent(&store, "a visit", store.add(Draft::anonymous())).await;
    let written = store.update(guard(id, now), vec![write("k", "1")]);
    assert_silent(&store, "data", async {
        assert!(matches!(written.await, Updated::Done { .. }));
    })
    .await;
    assert_silent(&store, "an offer", store.renew(guard(id, now), offer(0, "next"))).await;
    assert_silent(&store, "a renewal", store.renew(guard(id, now), promote("next"))).await;
    let touch = store.touch(at(2), vec![Touch { id, seen_at: at(2) }]);
    assert_silent(&store, "a touch", touch).await;
    let late = sweep(START.after(ABSOLUTE), 10);
    assert_silent(&store, "a sweep", async {
        assert_eq!(store.sweep(late).await.sessions, 3);
    })
    .await;
}

pub(super) async fn the_acts_on_a_user_come_in_their_order(store: Subject) {
    let mut expected = Vec::new();
    for second in 1..=3 {
        let now = at(10 * second);
        let first = store.add(Draft::of("ada").at(now).epoch(8 + second)).await;
        let kept = store.add(Draft::of("ada").at(now).epoch(8 + second)).await;
        store.rotate(guard(first, now), rotation(1, "word")).await;
        store.end_session(first, now).await;
        store.regroup(user("ada"), vec![format!("group-{second}")], now).await;
        let ended = store.end(logout(Selector::UserExcept(user("ada"), kept), now)).await;
        expected.extend([
            Change::Rotated(first, 1),
            Change::Ended(first),
            Change::UserChanged(user("ada")),
            user_ended("ada", ended.epoch, Some(kept)),
        ]);
    }
    for limit in [1, 5, 100] {
        let (found, _) = follow(&store, None, limit).await;
        assert_eq!(changes(found), expected, "pages of {limit}");
    }
}

/// Ends one session of each of so many users; they fall into many buckets.
async fn end_many(store: &Subject, count: u64) -> Vec<SessionId> {
    let mut ids = Vec::new();
    for number in 0..count {
        let id = store.add(Draft::of(&format!("user-{number}"))).await;
        store.end_session(id, at(number)).await;
        ids.push(id);
    }
    ids.sort_unstable();
    ids
}

fn ended_in(entries: &[LogEntry]) -> Vec<SessionId> {
    let ids = entries.iter().filter_map(|entry| match entry.change {
        Change::Ended(id) => Some(id),
        _ => None,
    });
    let mut ids: Vec<_> = ids.collect();
    ids.sort_unstable();
    ids
}

pub(super) async fn pages_of_any_size_hold_every_entry_once(store: Subject) {
    let expected = end_many(&store, 40).await;
    for limit in [0, 1, 3, 39, 40, 41, 1000] {
        let (found, _) = follow(&store, None, limit).await;
        assert_eq!(ended_in(&found), expected, "pages of {limit}");
    }
    let page = store.log_after(None, 5).await;
    assert!(page.more);
    let most = 5 + Bucket::COUNT;
    assert!(page.entries.len() <= most, "{} entries on a page of 5", page.entries.len());
}

pub(super) async fn a_position_survives_its_text_and_shows_what_came_after_it(store: Subject) {
    end_many(&store, 10).await;
    let (_, position) = follow(&store, None, 4).await;
    let position: Position = position.to_string().parse().expect("a position reads its own text");
    let page = store.log_after(Some(position.clone()), 10).await;
    assert_eq!((page.entries.len(), page.more, page.gap), (0, false, false));
    let mut later = Vec::new();
    for name in ["eve", "ada"] {
        let id = store.add(Draft::of(name)).await;
        store.end_session(id, at(1)).await;
        later.push(id);
    }
    later.sort_unstable();
    for _ in 0..2 {
        let (found, _) = follow(&store, Some(position.clone()), 1).await;
        assert_eq!(ended_in(&found), later, "the same position again");
    }
}

/// A page behind a position that is none of the log: it says so, and begins at the beginning.
fn assert_gap(page: &LogPage, expected: &[SessionId], what: &str) {
    assert!(page.gap, "{what} is not told as a gap");
    assert_eq!(ended_in(&page.entries), expected, "{what}");
}

pub(super) async fn a_position_of_another_log_is_a_gap(store: Subject) {
    let expected = end_many(&store, 6).await;
    let (_, good) = follow(&store, None, 100).await;
    let other = Position { incarnation: good.incarnation ^ 1, parts: good.parts.clone() };
    assert_gap(&store.log_after(Some(other), 100).await, &expected, "another incarnation");
    let ahead = good.parts.iter().map(|part| part + 1_000).collect();
    let ahead = Position { incarnation: good.incarnation, parts: ahead };
    assert_gap(&store.log_after(Some(ahead), 100).await, &expected, "a position not yet reached");
    for parts in [vec![], [&good.parts[..], &[0]].concat()] {
        let wrong = Position { incarnation: good.incarnation, parts };
        assert_gap(&store.log_after(Some(wrong), 100).await, &expected, "another number of parts");
    }
    let page = store.log_after(Some(good), 100).await;
    assert_eq!((page.entries.len(), page.gap), (0, false));
}

pub(super) async fn behind_a_gap_the_log_is_followed_as_from_its_beginning(store: Subject) {
    let expected = end_many(&store, 12).await;
    let (_, good) = follow(&store, None, 100).await;
    let other = Position { incarnation: good.incarnation ^ 1, parts: good.parts };
    let (found, next) = follow(&store, Some(other), 5).await;
    assert_eq!(ended_in(&found), expected);
    assert_eq!(store.log_after(Some(next), 5).await.entries, []);
}

pub(super) async fn an_entry_stays_as_long_as_a_credential_it_concerns_could_live(store: Subject) {
    let long = Duration::from_secs(10 * 86_400);
    let deadline = START.after(long);
    let draft = || Draft::of("ada").absolute(long).idle(long);
    let id = store.add(draft()).await;
    store.rotate(guard(id, at(1)), rotation(1, "word")).await;
    store.regroup(user("ada"), vec!["g".to_owned()], at(2)).await;
    store.end_session(id, at(3)).await;
    store.add(draft()).await;
    store.end(logout(Selector::User(user("ada")), at(4))).await;
    store.add(draft().epoch(1)).await;
    store.end(logout(Selector::Everyone, at(5))).await;
    let (entries, _) = follow(&store, None, 100).await;
    assert!(entries.iter().all(|entry| entry.until >= deadline), "{entries:?}");
    let expected = changes(entries).len();
    assert_eq!(expected, 5);
    store.sweep(sweep(deadline.before(Duration::from_millis(1)), 1_000)).await;
    assert_eq!(logged(&store).await.len(), expected);
}

pub(super) async fn a_sweep_drops_the_entries_that_nobody_needs_any_more(store: Subject) {
    for _ in 0..5 {
        let id = store.add(Draft::of("ada")).await;
        store.end_session(id, at(1)).await;
    }
    let (entries, end) = follow(&store, None, 100).await;
    let until = entries.iter().map(|entry| entry.until).max().expect("five entries");
    store.sweep(sweep(until, 2)).await;
    assert!(logged(&store).await.len() >= 3, "a sweep of two dropped more");
    for _ in 0..5 {
        store.sweep(sweep(until, 2)).await;
    }
    assert_eq!(logged(&store).await, []);
    let page = store.log_after(Some(end.clone()), 10).await;
    assert!(!page.gap, "whoever had read everything has lost nothing");
    assert!(page.next.covers(&end), "the log went back");
}

pub(super) async fn numbers_are_not_used_again_once_entries_were_dropped(store: Subject) {
    let first = store.add(Draft::of("ada")).await;
    store.end_session(first, at(1)).await;
    let (entries, position) = follow(&store, None, 10).await;
    store.sweep(sweep(entries[0].until, 10)).await;
    let second = store.add(Draft::of("ada").at(entries[0].until)).await;
    store.end_session(second, entries[0].until).await;
    let page = store.log_after(Some(position), 10).await;
    assert_eq!((ended_in(&page.entries), page.gap), (vec![second], false));
}

pub(super) async fn an_acknowledged_act_is_in_the_log_at_once(store: Subject) {
    let ends = (0..24).map(|number| {
        let store = store.clone();
        tokio::spawn(async move {
            let id = store.add(Draft::of(&format!("user-{number}"))).await;
            let end = logout(Selector::Session(id), at(1));
            assert_eq!(store.end(end).await.count, 1);
            assert!(logged(&store).await.contains(&Change::Ended(id)), "acknowledged before");
        })
    });
    for end in ends.collect::<Vec<_>>() {
        end.await.expect("the end does not panic");
    }
}

pub(super) async fn a_follower_misses_nothing_of_parallel_ends(store: Subject) {
    let mut ids = Vec::new();
    for number in 0..60 {
        ids.push(store.add(Draft::of(&format!("user-{}", number % 20))).await);
    }
    let ends = ids.iter().map(|id| {
        let (store, id) = (store.clone(), *id);
        let reason = EndReason::Admin;
        let mut end = logout(Selector::Session(id), at(1));
        end.reason = reason;
        tokio::spawn(async move { store.end(end).await })
    });
    let ends: Vec<_> = ends.collect();
    let (mut seen, mut position) = (Vec::new(), None);
    while !ends.iter().all(tokio::task::JoinHandle::is_finished) {
        let page = store.log_after(position, 3).await;
        assert!(!page.gap, "a gap where nothing was lost");
        seen.extend(page.entries);
        position = Some(page.next);
        tokio::task::yield_now().await;
    }
    for end in ends {
        assert_eq!(end.await.expect("the end does not panic").count, 1);
    }
    let (rest, _) = follow(&store, position, 3).await;
    seen.extend(rest);
    ids.sort_unstable();
    assert_eq!(ended_in(&seen), ids, "each end exactly once");
}
