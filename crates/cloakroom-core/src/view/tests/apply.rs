use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use super::log::TestLog;
use super::{FAR, NOW, claims, entry, fresh, id, id_of, mark, run, user};
use crate::view::{Claimed, Denial, Follow, Mark, RevocationView};
use crate::{Answer, Bucket, Change, LogEntry, LogPage, Position, RevocationLog, StoreAnswer};

fn loaded(log: &TestLog) -> RevocationView {
    let view = RevocationView::new();
    run(view.load(log)).unwrap();
    view
}

#[test]
fn a_view_without_a_log_sends_everybody_to_the_record() {
    let view = RevocationView::new();
    assert_eq!(view.deny(&claims(id(1), None)), Some(Denial::Stale));
    assert_eq!(view.mark(id(1).bucket()), None);
    let log = TestLog::new(1, 1);
    let at = Position { incarnation: 1, parts: vec![0] };
    assert_eq!(view.apply(&at, &log.page(Some(&at), 1)), Follow::Reload);
    assert_eq!(loaded(&log).deny(&claims(id(1), None)), None);
}

#[test]
fn a_page_again_or_an_older_one_changes_nothing() {
    let log = TestLog::new(1, 1);
    let view = loaded(&log);
    let start = view.position().unwrap();
    log.add((0..4).map(|number| entry(Change::Ended(id(number)))));
    let first = log.page(Some(&start), 2);
    let second = log.page(Some(&first.next), 2);
    for (asked, page) in [(&start, &first), (&first.next, &second), (&start, &first)] {
        assert_eq!(view.apply(asked, page), Follow::Applied);
    }
    assert_eq!(view.position(), Some(second.next));
    assert_eq!(view.usage().ended, 4);
}

#[test]
fn what_cannot_be_followed_is_told_and_changes_nothing() {
    let log = TestLog::new(1, 1);
    let view = loaded(&log);
    let start = view.position().unwrap();
    log.add((0..4).map(|number| entry(Change::Ended(id(number)))));
    let ahead = Position { incarnation: 1, parts: vec![2] };
    // Entries in between are missing.
    assert_eq!(view.apply(&ahead, &log.page(Some(&ahead), 9)), Follow::Reload);
    // Entries were dropped.
    log.set(|state| state.floor = 1);
    assert_eq!(view.apply(&start, &log.page(Some(&start), 9)), Follow::Reload);
    // The log was set back, and whoever gives the page does not say so.
    let back = TestLog::new(1, 1).page(None, 9);
    assert_eq!(view.apply(&ahead, &back), Follow::Reload);
    // It is another one.
    let other = TestLog::new(2, 1);
    assert_eq!(view.apply(&start, &other.page(None, 9)), Follow::Reload);
    assert_eq!(view.apply(&start, &other.page(Some(&start), 9)), Follow::Reload);
    assert_eq!((view.position(), view.usage().ended), (Some(start), 0));
}

#[test]
fn following_a_log_that_begins_anew_loads_it() {
    for parts in [1, Bucket::COUNT] {
        let log = TestLog::new(1, parts);
        log.add([entry(Change::Rotated(id(1), 1)), entry(Change::Rotated(id(2), 1))]);
        let view = loaded(&log);
        let other = TestLog::new(2, parts);
        other.set(|state| state.most = 1);
        other.add([entry(Change::Rotated(id(2), 1)), entry(Change::Rotated(id(3), 1))]);
        run(view.follow(&other)).unwrap();
        let denied = [1, 2, 3].map(|number| view.deny(&claims(id(number), None)));
        assert_eq!(denied, [None, Some(Denial::Rotated), Some(Denial::Rotated)]);
    }
}

#[test]
fn law_1_a_session_stays_ended_when_the_log_is_set_back_behind_its_end() {
    let log = TestLog::new(1, 1);
    let before = log.set(|state| state.clone());
    log.add([entry(Change::Ended(id(1)))]);
    let view = loaded(&log);
    log.set(|state| *state = before);
    log.add([entry(Change::Rotated(id(2), 1))]);
    for incarnation in [1, 2] {
        log.set(|state| state.incarnation = incarnation);
        run(view.load(&log)).unwrap();
        assert_eq!(view.deny(&claims(id(1), None)), Some(Denial::SessionEnded));
        assert_eq!(view.deny(&claims(id(2), None)), Some(Denial::Rotated));
    }
}

#[test]
fn a_log_that_never_stays_the_same_is_not_loaded() {
    struct Restless(AtomicU64);
    impl RevocationLog for Restless {
        fn log_after(&self, after: Option<Position>, _limit: u32) -> StoreAnswer<'_, LogPage> {
            let incarnation = self.0.fetch_add(1, Ordering::Relaxed);
            let mut page = TestLog::new(incarnation, 1).page(after.as_ref(), 1);
            page.more = true;
            Answer::ready(Ok(page))
        }
    }
    let view = RevocationView::new();
    run(view.load(&Restless(0.into()))).unwrap_err();
    assert_eq!(view.position(), None);
}

#[test]
fn an_end_of_everyone_decides_by_the_epoch_only_where_it_can() {
    let log = TestLog::new(1, 1);
    let view = loaded(&log);
    let (ada, session) = (user("ada"), id_of(&user("ada"), 1));
    let with = |view: &RevocationView, epoch| Claimed { epoch, ..fresh(view, session, Some(&ada)) };
    // The login read 0, or 7 of an application that keeps epochs of its own, and came before.
    let before = [0, 7].map(|epoch| with(&view, epoch));
    let visitor = fresh(&view, id(5), None);
    log.add([entry(Change::EveryoneEnded(1))]);
    run(view.follow(&log)).unwrap();
    let denied = before.map(|claimed| view.deny(&claimed));
    assert_eq!(denied, [Some(Denial::EveryoneEnded), Some(Denial::Stale)]);
    assert_eq!(view.deny(&visitor), Some(Denial::Stale));
    // The same epoch, made afterwards.
    assert_eq!(view.deny(&with(&view, 7)), None);
    assert_eq!(view.deny(&fresh(&view, id(5), None)), None);
}

#[test]
fn a_mark_of_another_life_of_the_log_is_older_than_all_of_it() {
    let log = TestLog::new(2, 1);
    log.add([entry(Change::UserChanged(user("ada")))]);
    let view = loaded(&log);
    let (ada, bob) = (user("ada"), user("bob"));
    let old = Some(Mark { incarnation: 1, number: 99 });
    let claimed = Claimed { mark: old, ..claims(id_of(&ada, 1), Some(&ada)) };
    assert_eq!(view.deny(&claimed), Some(Denial::Stale));
    let claimed = Claimed { mark: old, ..claims(id_of(&bob, 1), Some(&bob)) };
    assert_eq!(view.deny(&claimed), None);
}

#[test]
fn the_excepted_session_keeps_its_claims_until_an_end_that_does_not_except_it() {
    let log = TestLog::new(1, 1);
    let view = loaded(&log);
    let ada = user("ada");
    let (kept, other) = (id_of(&ada, 1), id_of(&ada, 2));
    let end = |epoch, except| {
        log.add([entry(Change::UserEnded { user: ada.clone(), epoch, except })]);
        run(view.follow(&log)).unwrap();
    };
    let denied = |session, epoch| view.deny(&Claimed { epoch, ..claims(session, Some(&ada)) });
    end(1, Some(kept));
    assert_eq!((denied(kept, 0), denied(other, 0)), (None, Some(Denial::UserEnded)));
    end(2, Some(kept));
    assert_eq!((denied(kept, 0), denied(kept, 1)), (None, None));
    end(3, Some(other));
    assert_eq!([0, 2].map(|epoch| denied(kept, epoch)), [Some(Denial::UserEnded); 2]);
    assert_eq!((denied(other, 1), denied(other, 2)), (Some(Denial::UserEnded), None));
    end(4, None);
    assert_eq!((denied(other, 3), denied(other, 4)), (Some(Denial::UserEnded), None));
}

#[test]
fn a_retired_key_denies_whatever_it_signed() {
    let log = TestLog::new(1, 1);
    log.add([entry(Change::KeyRetired("old".into())), entry(Change::Ended(id(1)))]);
    let view = loaded(&log);
    let claimed = Claimed { key: "old", ..claims(id(1), None) };
    assert_eq!(view.deny(&claimed), Some(Denial::KeyRetired));
    assert_eq!(view.deny(&claims(id(2), None)), None);
    assert!(!Denial::KeyRetired.is_end());
}

#[test]
fn entries_go_in_bounded_steps_and_never_before_their_time() {
    let log = TestLog::new(1, 1);
    let soon = NOW.after(Duration::from_secs(600));
    let session = |number| id(number).within(Bucket::of(&user("ada")));
    let ended = |number| LogEntry { change: Change::Ended(session(number)), until: soon };
    log.add((0..5_000).map(ended));
    log.add([entry(Change::Ended(session(9_999)))]);
    log.add([LogEntry { change: Change::EveryoneEnded(1), until: soon }]);
    let view = loaded(&log);
    let (later, bytes) = (soon.after(Duration::from_secs(200)), view.usage().bytes);
    for _ in Bucket::all() {
        assert_eq!(view.prune(soon), 0);
    }
    assert_eq!(view.usage().ended, 5_001);
    assert_eq!(view.deny(&claims(id(1), None)), Some(Denial::Stale));
    for round in 1..=6 {
        let dropped: usize = Bucket::all().map(|_| view.prune(later)).sum();
        assert_eq!(dropped, if round < 6 { 1_000 } else { 0 });
    }
    assert_eq!(view.deny(&claims(session(9_999), None)), Some(Denial::SessionEnded));
    assert_eq!(view.deny(&claims(session(1), None)), None);
    assert!(view.usage().bytes < bytes / 100, "{} of {bytes} bytes", view.usage().bytes);
    assert!(FAR > later);
}

#[test]
fn marks_survive_text() {
    let log = TestLog::new(0xfeed, 64);
    log.add([entry(Change::EveryoneEnded(1))]);
    let mark = mark(&loaded(&log), id(3)).unwrap();
    assert_eq!(mark, Mark { incarnation: 0xfeed, number: 1 });
    assert_eq!(mark.to_string().parse::<Mark>().unwrap(), mark);
    for wrong in ["", "1", "1-2-3", "x-1"] {
        assert!(wrong.parse::<Mark>().is_err(), "{wrong:?}");
    }
    let strange = Position { incarnation: 1, parts: vec![1, 2] };
    assert_eq!(Mark::of(&strange, id(3).bucket()), None);
}

/// A log whose first reader is overtaken by another one, each time that it asks.
struct Overtaken<'a> {
    log: &'a TestLog,
    view: &'a RevocationView,
    times: AtomicU64,
}

impl RevocationLog for Overtaken<'_> {
    fn log_after(&self, after: Option<Position>, limit: u32) -> StoreAnswer<'_, LogPage> {
        let page = self.log.page(after.as_ref(), limit as usize);
        let number = self.times.fetch_add(1, Ordering::Relaxed);
        if number < 3 {
            self.log.add([entry(Change::Rotated(id(number), 1))]);
            run(self.view.follow(self.log)).unwrap();
        }
        Answer::ready(Ok(page))
    }
}

#[test]
fn a_load_takes_nothing_back_that_others_applied_meanwhile() {
    let log = TestLog::new(1, 1);
    let view = loaded(&log);
    let overtaken = Overtaken { log: &log, view: &view, times: 0.into() };
    let mut load = pin!(view.load(&overtaken));
    let mut context = Context::from_waker(Waker::noop());
    // Not in a runtime, as the other reader needs one.
    while load.as_mut().poll(&mut context).is_pending() {
        for number in 0..overtaken.times.load(Ordering::Relaxed).min(3) {
            assert_eq!(view.deny(&claims(id(number), None)), Some(Denial::Rotated));
        }
    }
    let denied = [0, 1, 2].map(|number| view.deny(&claims(id(number), None)));
    assert_eq!(denied, [Some(Denial::Rotated); 3]);
    assert_eq!(view.position(), Some(log.page(None, 9).next));
}
