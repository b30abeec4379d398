use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cloakroom_core::{
    Carry, EndReason, Guard, Inserted, LimitPolicy, MemoryStore, RenewalStep, Selector, SessionId,
    Store, Touch, Updated, UserId, WhenFull,
};
use cloakroom_testkit::fixtures::{Draft, START, at, digest, guard, logout, sweep, user, write};
use cloakroom_testkit::{Random, Subject, rounds, seeds};
use tokio::task::JoinSet;

use crate::support::{Place, subject, within};

const THREADS: usize = 4;

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(THREADS).enable_all().build().unwrap()
}

/// Runs the same race with many seeds on a plain store and on one with a journal.
fn race<F: Future<Output = ()>>(reduced: u32, full: u32, one: impl Fn(MemoryStore, Random) -> F) {
    let runtime = runtime();
    for seed in seeds(rounds(reduced, full)) {
        runtime.block_on(one(MemoryStore::new(), Random::new(seed)));
    }
    for seed in seeds(rounds(reduced / 10 + 1, full / 10 + 1)) {
        let place = Place::new();
        runtime.block_on(one(place.open_journalled().0, Random::new(seed)));
    }
}

/// A late write of any kind, on a session that may have ended.
async fn late_write(store: &Subject, id: SessionId, name: UserId, kind: usize) {
    match kind {
        0 => drop(store.update(guard(id, at(1)), vec![write("k", "2")]).await),
        1 => drop(store.touch(at(1), vec![Touch { id, seen_at: at(1) }]).await),
        2 => {
            let step = RenewalStep::Offer { counter: 0, next: digest("next") };
            store.renew(guard(id, at(1)), step).await;
            store.renew(guard(id, at(1)), RenewalStep::Promote { next: digest("next") }).await;
        }
        3 => drop(store.regroup(name, vec!["g".to_owned()], at(1)).await),
        _ => drop(store.sweep(sweep(at(1), 10)).await),
    }
}

#[test]
fn law_1_an_end_wins_over_every_late_write_and_counts_once() {
    race(60, 3_000, async |store, mut random| {
        let store = subject(&store);
        let name = user("ada");
        let id = store.add(Draft::of("ada").data("k", "1")).await;
        let mut tasks = JoinSet::new();
        let ended = Arc::new(AtomicU64::new(0));
        for _ in 0..6 {
            let (store, name, kind) = (store.clone(), name.clone(), random.below(5));
            tasks.spawn(async move { late_write(&store, id, name, kind).await });
        }
        let selectors = [Selector::Session(id), Selector::User(name), Selector::Everyone];
        for selector in selectors {
            let (store, ended) = (store.clone(), Arc::clone(&ended));
            tasks.spawn(async move {
                let count = store.end(logout(selector, at(1))).await.count;
                ended.fetch_add(count, Ordering::SeqCst);
            });
        }
        tasks.join_all().await;
        assert_eq!(ended.load(Ordering::SeqCst), 1);
        assert!(!store.is_live(id, at(1)).await);
        assert_eq!(store.update(guard(id, at(1)), vec![write("k", "3")]).await, Updated::Gone);
        assert!(store.ended(id).await.is_some());
        assert_eq!(store.counts(at(1)).await.sessions, 0);
    });
}

#[test]
fn logins_that_replace_each_other_across_shards_lock_in_order_and_leave_one() {
    race(60, 3_000, async |store, mut random| {
        let store = subject(&store);
        let visitor = store.add(Draft::anonymous().data("k", "1")).await;
        let mut tasks = JoinSet::new();
        for number in 0..8 {
            let draft = Draft::of(&format!("u{}", random.below(1_000) + 1_000 * number));
            let (store, draft) = (store.clone(), draft.replacing(visitor, Carry::Everything));
            tasks.spawn(async move {
                let id = store.add(draft).await;
                // The other way round: from the user's shard to that of a visitor.
                store.add(Draft::anonymous().replacing(id, Carry::Everything)).await
            });
        }
        let ids = tasks.join_all().await;
        let mut carried = 0;
        for id in ids {
            carried += store.data(id, START).await.len();
        }
        assert_eq!(carried, 1, "the visitor's data went over once");
        let counts = store.counts(START).await;
        assert_eq!((counts.sessions, counts.anonymous), (0, 8));
    });
}

#[test]
fn of_n_and_twenty_parallel_logins_n_stay_and_the_counts_agree() {
    race(40, 2_000, async |store, mut random| {
        let store = subject(&store);
        let most = 1 + random.below(5) as u32;
        let policies =
            [LimitPolicy::Refuse, LimitPolicy::EndOldest, LimitPolicy::EndLeastRecentlyUsed];
        let policy = *random.pick(&policies);
        let mut tasks = JoinSet::new();
        for second in 0..u64::from(most) + 20 {
            let new = Draft::of("ada").at(at(second)).limit(most, policy).build();
            let store = store.clone();
            tasks.spawn(async move {
                match store.insert(new).await {
                    Inserted::Done { ended } => (1, ended.len()),
                    _ => (0, 0),
                }
            });
        }
        let outcomes = tasks.join_all().await;
        let (made, ended) = outcomes.iter().fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
        assert_eq!(made - ended, most as usize, "{policy:?}");
        assert_eq!(store.sessions_of(user("ada"), at(60)).await.len(), most as usize);
        assert_eq!(store.counts(at(60)).await.sessions, u64::from(most));
    });
}

#[test]
fn a_login_that_runs_beside_the_end_of_everyone_is_before_it_or_refused_or_after() {
    race(40, 2_000, async |store, _| {
        let store = subject(&store);
        let mut tasks = JoinSet::new();
        for number in 0..12 {
            let (store, name) = (store.clone(), format!("u{number}"));
            tasks.spawn(async move {
                let epoch = store.epoch(user(&name)).await;
                tokio::task::yield_now().await;
                let new = Draft::of(&name).epoch(epoch).build();
                let id = new.record.id;
                (store.insert(new).await, epoch, id)
            });
        }
        let everyone = tokio::spawn({
            let store = store.clone();
            async move { store.end(logout(Selector::Everyone, at(1))).await.count }
        });
        let logins = tasks.join_all().await;
        let ended = everyone.await.unwrap();
        let mut live = 0;
        for (inserted, epoch, id) in logins {
            let is_live = store.is_live(id, at(1)).await;
            live += u64::from(is_live);
            match inserted {
                Inserted::Superseded => assert!(!is_live && epoch == 0),
                _ if epoch == 0 => assert!(!is_live, "begun before the end"),
                _ => assert!(is_live, "begun after the end"),
            }
        }
        assert_eq!(store.counts(at(1)).await.sessions, live);
        assert!(ended <= 12);
    });
}

#[test]
fn the_session_that_is_pushed_out_was_not_used_in_between() {
    let runtime = runtime();
    for seed in seeds(rounds(60, 3_000)) {
        runtime.block_on(pushed_out_beside_touches(Random::new(seed)));
    }
}

/// Two sessions are used while a third login pushes one out: it can be one that is not used yet,
/// never one whose use was acknowledged before the login began.
async fn pushed_out_beside_touches(mut random: Random) {
    let store = within(6, 1 << 30, WhenFull::EndLeastRecentlyUsed);
    let kept = subject(&store);
    let mut ids = Vec::new();
    for number in 0..6 {
        ids.push(kept.add(Draft::of(&format!("u{number}")).at(at(number))).await);
    }
    let used = ids[random.below(6)];
    kept.touch(at(30), vec![Touch { id: used, seen_at: at(30) }]).await;
    let mut tasks = JoinSet::new();
    for (second, id) in (31..).zip(ids.clone()) {
        let kept = kept.clone();
        tasks.spawn(async move {
            kept.touch(at(second), vec![Touch { id, seen_at: at(second) }]).await;
            Vec::new()
        });
    }
    let login = Draft::of("eve").at(at(60)).build();
    tasks.spawn(async move {
        match store.insert(login).await.unwrap() {
            Inserted::Crowded { outcome, pushed_out } => {
                assert_eq!(*outcome, Inserted::Done { ended: vec![] });
                pushed_out
            }
            other => panic!("a login at the cap came to {other:?}"),
        }
    });
    let pushed_out: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!(pushed_out.len(), 1);
    let ended = kept.ended(pushed_out[0]).await.expect("it is in the history");
    assert_eq!(ended.reason, EndReason::Capacity);
    for id in ids.into_iter().filter(|id| *id != pushed_out[0]) {
        let record = kept.record(id, at(60)).await;
        let first = (record.last_seen_at, id) >= (ended.last_seen_at, pushed_out[0]);
        assert!(first, "{:?} was used before {:?}", record.last_seen_at, ended.last_seen_at);
    }
    assert_eq!(kept.counts(at(60)).await.sessions, 6);
}

#[test]
fn caps_hold_exactly_for_parallel_inserts() {
    let runtime = runtime();
    for seed in seeds(rounds(40, 2_000)) {
        runtime.block_on(async {
            let mut random = Random::new(seed);
            let store = within(10, 1 << 30, WhenFull::Refuse);
            let mut tasks = JoinSet::new();
            for number in 0..40 {
                let visitor = random.once_in(2);
                let draft =
                    if visitor { Draft::anonymous() } else { Draft::of(&format!("u{number}")) };
                let (store, new) = (store.clone(), draft.anonymous_cap(4).build());
                tasks.spawn(async move {
                    let inserted = store.insert(new).await.unwrap();
                    let done = inserted == Inserted::Done { ended: vec![] };
                    assert!(done || inserted == Inserted::Full, "{inserted:?}");
                    (done, visitor)
                });
            }
            let outcomes = tasks.join_all().await;
            let done = outcomes.iter().filter(|(done, _)| *done).count() as u64;
            let visitors = outcomes.iter().filter(|it| **it == (true, true)).count() as u64;
            let usage = store.usage();
            assert_eq!((usage.sessions, usage.anonymous), (done, visitors));
            assert!(done <= 10 && visitors <= 4, "{usage:?}");
        });
    }
}

#[test]
fn a_rotation_beside_an_end_leaves_no_live_session() {
    race(40, 2_000, async |store, _| {
        let store = subject(&store);
        let id = store.add(Draft::of("ada")).await;
        let mut tasks = JoinSet::new();
        let rotation = cloakroom_testkit::fixtures::rotation(1, "new");
        let rotating = store.clone();
        tasks.spawn(async move {
            let guard = Guard { id, generation: 0, now: at(1) };
            let rotated = rotating.rotate(guard, rotation).await;
            assert!(matches!(rotated, Updated::Done { .. } | Updated::Gone), "{rotated:?}");
        });
        let ending = store.clone();
        tasks.spawn(async move {
            ending.end_session(id, at(1)).await;
        });
        tasks.join_all().await;
        assert!(!store.is_live(id, at(1)).await);
    });
}
