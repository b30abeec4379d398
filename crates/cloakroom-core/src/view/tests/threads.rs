//! Threads that ask while others apply, prune and load.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use super::log::TestLog;
use super::random::{Random, seeds};
use super::{FAR, NOW, claims, entry, id, id_of, run, user};
use crate::view::{Denial, RevocationView};
use crate::{Bucket, Change, LogEntry, Timestamp};

const ENDS: u64 = 3_000;

/// Ends that are dropped at once have odd numbers.
fn until(number: u64) -> Timestamp {
    if number.is_multiple_of(2) { FAR } else { Timestamp::default() }
}

#[test]
fn an_end_that_was_applied_is_never_missed() {
    for seed in seeds(3, 100) {
        storm(seed);
    }
}

fn storm(seed: u64) {
    let (log, view) = (TestLog::new(1, 1), RevocationView::new());
    run(view.load(&log)).unwrap();
    let (applied, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    let done = || is_over.load(Ordering::SeqCst);
    thread::scope(|scope| {
        for reader in 0..3 {
            let (view, applied) = (&view, &applied);
            scope.spawn(move || read(seed.wrapping_add(reader), view, applied, done));
        }
        scope.spawn(|| {
            while !done() {
                view.prune(NOW);
            }
        });
        scope.spawn(|| {
            while !done() {
                run(view.load(&log)).unwrap();
            }
        });
        write(seed, &log, &view, &applied);
        is_over.store(true, Ordering::SeqCst);
    });
    run(view.load(&log)).unwrap();
    while Bucket::all().map(|_| view.prune(NOW)).sum::<usize>() > 0 {}
    assert_eq!(view.usage().ended as u64, ENDS / 2, "seed {seed}");
}

fn write(seed: u64, log: &TestLog, view: &RevocationView, applied: &AtomicU64) {
    let (mut random, mut number) = (Random::new(seed), 0);
    while number < ENDS {
        let next = ENDS.min(number + 1 + random.below(20) as u64);
        let ends =
            (number..next).map(|it| LogEntry { change: Change::Ended(id(it)), until: until(it) });
        log.add(ends);
        run(view.follow(log)).unwrap();
        applied.store(next, Ordering::Release);
        number = next;
    }
}

fn read(seed: u64, view: &RevocationView, applied: &AtomicU64, done: impl Fn() -> bool) {
    let mut random = Random::new(seed);
    while !done() {
        let known = applied.load(Ordering::Acquire);
        if known > 0 {
            // Mostly one of the newest.
            let many = if random.once_in(4) { known } else { known.min(8) };
            let back = random.below(many as usize);
            let number = (known - 1 - back as u64) & !1;
            let said = view.deny(&claims(id(number), None));
            assert_eq!(said, Some(Denial::SessionEnded), "seed {seed}: end {number} of {known}");
        }
        assert_eq!(view.deny(&claims(id(ENDS), None)), None);
    }
}

#[test]
fn a_load_is_seen_as_a_whole() {
    let (ada, is_over) = (user("ada"), AtomicBool::new(false));
    let session = id_of(&ada, 1);
    let logs = [1, 2].map(|incarnation| TestLog::new(incarnation, 1));
    logs[0].add([entry(Change::Rotated(session, 1))]);
    logs[1].add([entry(Change::UserChanged(ada.clone()))]);
    let view = RevocationView::new();
    run(view.load(&logs[0])).unwrap();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    let said = view.deny(&claims(session, Some(&ada)));
                    assert!(matches!(said, Some(Denial::Rotated | Denial::Stale)), "{said:?}");
                }
            });
        }
        run(async {
            for round in 0..1_000 {
                view.load(&logs[round % 2]).await.unwrap();
            }
        });
        is_over.store(true, Ordering::SeqCst);
    });
}
