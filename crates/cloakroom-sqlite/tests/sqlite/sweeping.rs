//! Sweeping a large backlog while the store is in use. `CLOAKROOM_TORTURE=1` makes it a million.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cloakroom_core::{
    Browse, Inserted, NameMatch, Query, Selector, SessionId, Store, Sweep, Timestamp, Touch,
};
use cloakroom_sqlite::SqliteStore;
use cloakroom_testkit::fixtures::{ABSOLUTE, Draft, IDLE, START, logout};
use cloakroom_testkit::{Fault, Faults, Operation, Random, SharedStore, rounds};

use crate::support::Scratch;

const LIVE: u64 = 1_000;
const LIMIT: u32 = 500;

/// When everything is swept that is not said to live longer.
const NOW: Timestamp = Timestamp::from_unix_millis(START.unix_millis() + 12 * 3_600_000);

/// Inserts that wait together.
const TOGETHER: usize = 4_000;

async fn insert(store: &SqliteStore, drafts: impl Iterator<Item = Draft>) -> Vec<SessionId> {
    let mut drafts = drafts.map(Draft::build).peekable();
    let mut ids = Vec::new();
    while drafts.peek().is_some() {
        let some: Vec<_> = drafts.by_ref().take(TOGETHER).collect();
        ids.extend(some.iter().map(|new| new.record.id));
        let answers: Vec<_> = some.into_iter().map(|new| store.insert(new)).collect();
        for answer in answers {
            assert!(matches!(answer.await.unwrap(), Inserted::Done { .. }));
        }
    }
    ids
}

/// One of four kinds in turn: idle, past its absolute deadline, a visitor, idle with data.
fn expired(n: u64) -> Draft {
    let begun = START.after(Duration::from_millis(n % 5_000_000));
    let name = format!("gone{}", n % 1_000);
    match n % 4 {
        0 => Draft::of(&name).at(begun),
        1 => Draft::of(&name).at(begun).idle(ABSOLUTE).absolute(IDLE),
        2 => Draft::anonymous().at(begun),
        _ => Draft::of(&name).at(begun).data("k", "1"),
    }
}

fn living(name: &str) -> Draft {
    Draft::of(name).idle(ABSOLUTE).data("k", "1")
}

fn count(store: &SqliteStore, sql: &str) -> u64 {
    let read = |database: &cloakroom_sqlite::rusqlite::Connection| {
        database.query_row(sql, [], |row| row.get::<_, i64>(0))
    };
    store.database().read("count", read).unwrap().try_into().unwrap()
}

/// What goes on beside the sweeper until it is done.
struct Work {
    store: SharedStore,
    /// Live throughout.
    kept: Vec<SessionId>,
    /// Live until somebody logs out.
    leaving: Vec<SessionId>,
    /// Expired, which somebody ends before or after they are swept.
    late: Vec<SessionId>,
    done: AtomicBool,
    logins: AtomicU64,
    verified: AtomicU64,
}

impl Work {
    fn is_done(&self) -> bool {
        self.done.load(Ordering::SeqCst)
    }

    async fn verify(self: Arc<Self>) {
        let mut random = Random::new(1);
        while !self.is_done() {
            let id = self.kept[random.below(self.kept.len())];
            assert!(self.store.load(id, NOW).await.unwrap().is_some(), "a live one is gone");
            self.verified.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
        }
    }

    async fn touch(self: Arc<Self>) {
        for some in self.kept.chunks(100) {
            let touches = some.iter().map(|id| Touch { id: *id, seen_at: NOW }).collect();
            assert_eq!(self.store.touch(NOW, touches).await.unwrap(), some.len() as u64);
        }
    }

    async fn log_in(self: Arc<Self>) {
        while !self.is_done() && self.logins.load(Ordering::SeqCst) < 5_000 {
            let login = living("new").at(NOW).build();
            assert!(matches!(self.store.insert(login).await.unwrap(), Inserted::Done { .. }));
            self.logins.fetch_add(1, Ordering::SeqCst);
        }
    }

    async fn log_out(self: Arc<Self>) {
        for (leaving, late) in self.leaving.iter().zip(&self.late) {
            let end = self.store.end(logout(Selector::Session(*leaving), NOW)).await.unwrap();
            assert_eq!(end.count, 1);
            let end = self.store.end(logout(Selector::Session(*late), NOW)).await.unwrap();
            assert_eq!(end.count, 0, "an expired session ends as expired");
        }
    }

    async fn look(self: Arc<Self>) {
        while !self.is_done() {
            for name in [None, Some(NameMatch::Prefix("kept".to_owned()))] {
                let query = Query { name, after: None, limit: 50, now: NOW };
                let page = self.store.sessions(query).await.unwrap();
                assert!(page.items.iter().all(|item| item.idle_deadline > NOW));
            }
            tokio::task::yield_now().await;
        }
    }
}

/// Sweeps until nothing is left; now and then the store fails, with the work done or not. The
/// sessions of each batch whose answer came.
async fn sweep_all(store: &SharedStore, faults: &Faults) -> Vec<u64> {
    let order = Sweep { now: NOW, history_before: START, limit: LIMIT };
    let mut batches = Vec::new();
    for nth in 1_u64.. {
        match nth % 8 {
            3 => faults.set(Operation::Sweep, Fault::Failed),
            6 => faults.set(Operation::Sweep, Fault::UnknownDone),
            _ => faults.heal(),
        }
        match store.sweep(order).await {
            Ok(swept) if swept.sessions == 0 => {
                assert_eq!((swept.backlog, swept.oldest), (0, None));
                break;
            }
            Ok(swept) => batches.push(swept.sessions),
            Err(_) => assert!(matches!(nth % 8, 3 | 6), "only what was ordered fails"),
        }
    }
    batches
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_backlog_goes_in_bounded_batches_and_nothing_else_while_work_goes_on() {
    let gone = u64::from(rounds(20_000, 1_000_000));
    let scratch = Scratch::new();
    let store = SqliteStore::open(scratch.file()).unwrap();
    let ids = insert(&store, (0..gone).map(expired)).await;
    let kept = insert(&store, (0..LIVE).map(|n| living(&format!("kept{n}")))).await;
    let leaving = insert(&store, (0..LIVE).map(|_| living("leaving"))).await;
    // Those that expired last are swept last; none of them is a visitor.
    let late: Vec<_> = ids.iter().rev().step_by(4).copied().take(200).collect();

    let (shared, faults) = Faults::around(Arc::new(store.clone()));
    let work = Arc::new(Work {
        store: Arc::clone(&shared),
        kept,
        leaving,
        late,
        done: AtomicBool::new(false),
        logins: AtomicU64::new(0),
        verified: AtomicU64::new(0),
    });
    let on = Arc::clone;
    let endless = [
        tokio::spawn(on(&work).verify()),
        tokio::spawn(on(&work).log_in()),
        tokio::spawn(on(&work).look()),
    ];
    let ending = [tokio::spawn(on(&work).touch()), tokio::spawn(on(&work).log_out())];
    let batches = sweep_all(&shared, &faults).await;
    for task in ending {
        task.await.unwrap();
    }
    work.done.store(true, Ordering::SeqCst);
    for task in endless {
        task.await.unwrap();
    }

    assert!(batches.iter().all(|swept| *swept <= u64::from(LIMIT)), "{batches:?}");
    assert!(batches.len() as u64 >= gone / u64::from(LIMIT) / 2);
    assert!(work.verified.load(Ordering::SeqCst) > 0);
    assert_history(&store, gone);
    assert_live(&store, &work).await;
}

/// Every expired login has one entry, with its reason and the moment of its deadline.
fn assert_history(store: &SqliteStore, gone: u64) {
    let of = |condition: &str| {
        count(store, &format!("SELECT count(*) FROM cloakroom_ended_session WHERE {condition}"))
    };
    let at_deadline = "ended_at = created_at + 3600000 AND ended_by IS NULL";
    assert_eq!(of(&format!("reason = 'idle' AND {at_deadline}")), gone / 2);
    assert_eq!(of(&format!("reason = 'absolute' AND {at_deadline}")), gone / 4);
    assert_eq!(of("reason = 'logout' AND user_id = 'leaving'"), 200);
    assert_eq!(of("TRUE"), gone / 4 * 3 + 200, "visitors leave no history");
}

async fn assert_live(store: &SqliteStore, work: &Work) {
    for id in &work.kept {
        assert_eq!(store.load(*id, NOW).await.unwrap().unwrap().last_seen_at, NOW);
    }
    let logins = work.logins.load(Ordering::SeqCst);
    let expected = 2 * LIVE - 200 + logins;
    assert_eq!(
        count(store, "SELECT count(*) FROM cloakroom_session WHERE user_id IS NOT NULL"),
        expected
    );
    assert_eq!(count(store, "SELECT count(*) FROM cloakroom_session WHERE user_id IS NULL"), 0);
    assert_eq!(count(store, "SELECT count(*) FROM cloakroom_session_data"), expected);
    let counts = store.counts(NOW).await.unwrap();
    assert_eq!((counts.sessions, counts.anonymous), (expected, 0));
}

/// A page stops after a thousand expired sessions, and the ones behind it go on from there.
#[tokio::test]
async fn a_page_is_bounded_by_what_it_passes_over_and_the_next_ones_reach_the_live() {
    let scratch = Scratch::new();
    let store = SqliteStore::open(scratch.file()).unwrap();
    let live = insert(&store, std::iter::once(living("ada"))).await;
    let late = START.after(Duration::from_secs(60));
    let hiding = (0..2_500).map(|n| Draft::of("ada").named(["ada", "acb"][n % 2]).at(late));
    insert(&store, hiding).await;
    let searches = [
        (None, vec![0, 0, 1]),
        (Some(NameMatch::Exact("ada".to_owned())), vec![0, 1]),
        (Some(NameMatch::Prefix("a".to_owned())), vec![0, 0, 1]),
    ];
    for (name, expected) in searches {
        let mut query = Query { name, after: None, limit: 50, now: NOW };
        let (mut pages, mut found) = (Vec::new(), Vec::new());
        loop {
            let page = store.sessions(query.clone()).await.unwrap();
            pages.push(page.items.len());
            found.extend(page.items.into_iter().map(|item| item.id));
            query.after = page.next;
            if query.after.is_none() {
                break;
            }
        }
        assert_eq!((pages, found), (expected, live.clone()), "{:?}", query.name);
    }
}
