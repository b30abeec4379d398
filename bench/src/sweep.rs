//! Verification and logins while a million expired sessions are swept. Idle and busy phases take
//! turns within one run.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use axum::http::StatusCode;
use cloakroom::sqlite::{SqliteStore, rusqlite};
use cloakroom::{ClientInfo, EndReason, Policy, Sessions, User};
use tokio::runtime::{Builder, Runtime};

use crate::cores;
use crate::disk::Scratch;
use crate::gate::Gate;
use crate::measure::micros;
use crate::options::Options;
use crate::peers::{self, Peer};
use crate::seed;
use crate::tail::{Tail, ratios};
use crate::verify::Verify;

const LIVE: usize = 1_000;

/// A phase in which nothing is kept, so that what the one before left under way is done.
const SETTLE: Duration = Duration::from_millis(300);

/// The pause between two sweeps.
const AGAIN: Duration = Duration::from_millis(20);

/// A login of the probe every so often.
const LOGIN_EVERY: Duration = Duration::from_millis(20);

const NOTHING: u8 = 0;
const IDLE: u8 = 1;
const BUSY: u8 = 2;

pub fn run(options: &Options) -> Result<()> {
    let (first, last) = (cores::first()?, cores::last()?);
    let (expired, phase) = match options.smoke {
        true => (5_000, Duration::from_millis(100)),
        false => (1_000_000, Duration::from_secs(3)),
    };
    println!("{LIVE} live sessions beside expired ones in an SQLite file; microseconds");
    for (what, core, pace, expired) in [
        ("sweeper and writer on another processor than verification", first, Pace::Usual, expired),
        ("all on one processor", last, Pace::Usual, expired),
        ("the first without rests between batches", first, Pace::NoPauses, expired),
        ("the second without rests between batches", last, Pace::NoPauses, expired),
    ] {
        if !options.wants(what) {
            continue;
        }
        cores::spread(&[first, last])?;
        println!("\n{what}; {expired} expired");
        let scratch = Scratch::new(&options.data)?;
        cores::pin(core)?;
        let scene = Scene::new(&scratch, pace, expired)?;
        cores::pin(last)?;
        scene.measure(options.rounds, phase)?;
        scene.check(expired)?;
    }
    Ok(())
}

/// How batches follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// As in the background of every program.
    Usual,
    /// As when a program sweeps at once.
    NoPauses,
}

/// A database, and a runtime that sweeps it and logs people in and out.
struct Scene {
    /// Kept because what goes on in the background ends with it.
    _background: Runtime,
    store: SqliteStore,
    peer: Peer,
    gate: Gate,
    probe: Arc<Probe>,
}

impl Scene {
    fn new(scratch: &Scratch, pace: Pace, expired: usize) -> Result<Self> {
        let background = Builder::new_multi_thread().worker_threads(1).enable_time().build()?;
        let store = SqliteStore::open(scratch.path().join("sessions.db"))?;
        let (gated, gate) = Gate::before(Arc::new(store.clone()));
        let sweep_interval = match pace {
            Pace::Usual => AGAIN,
            Pace::NoPauses => Duration::from_secs(24 * 3_600),
        };
        let policy = Policy { sweep_interval, ..Policy::default() };
        let peer = background.block_on(async {
            let peer = peers::within(gated, Some(store.clone()), policy, LIVE).await?;
            let now = peer.sessions().now();
            let begun = Instant::now();
            seed::expired(store.database().path(), expired, now)?;
            println!("seeded in {:.1} s", begun.elapsed().as_secs_f64());
            anyhow::Ok(peer)
        })?;
        if pace == Pace::NoPauses {
            background.spawn(sweep_without_pauses(peer.sessions().clone()));
        }
        let probe = Arc::new(Probe::default());
        background.spawn(Arc::clone(&probe).log_in_and_out(peer.sessions().clone()));
        Ok(Self { _background: background, store, peer, gate, probe })
    }

    fn measure(&self, rounds: usize, phase: Duration) -> Result<()> {
        let mut verify = Verify::new(&self.peer)?;
        verify.for_a_while(SETTLE * 3)?;
        let (mut idle, mut busy) = (Vec::new(), Vec::new());
        let (mut p50, mut p99) = (Vec::new(), Vec::new());
        let (mut sweeping, mut transactions, mut swept) = (Duration::ZERO, 0, 0);
        for _ in 0..rounds {
            verify.for_a_while(SETTLE)?;
            self.probe.phase(IDLE);
            let quiet = verify.for_a_while(phase)?;
            self.probe.phase(BUSY);
            let (begun, before) = (Instant::now(), self.store.database().activity());
            let swept_before = self.swept();
            self.gate.set(true);
            let loud = verify.for_a_while(phase)?;
            self.gate.set(false);
            self.probe.phase(NOTHING);
            if !self.is_left()? {
                break;
            }
            sweeping += begun.elapsed();
            swept += self.swept() - swept_before;
            transactions += self.store.database().activity().transactions - before.transactions;
            let (a, b) = (Tail::of(&quiet), Tail::of(&loud));
            p50.push(b.p50 / a.p50);
            p99.push(b.p99 / a.p99);
            idle.extend(quiet);
            busy.extend(loud);
        }
        if p99.is_empty() {
            println!("all was swept within one phase");
            return Ok(());
        }
        println!("{:<24}{}", "", Tail::head());
        println!("{:<24}{}", "verify, idle", Tail::of(&idle));
        println!("{:<24}{}", "verify, sweeping", Tail::of(&busy));
        println!("{:<24}{}", "login, idle", Tail::of(&self.probe.taken(IDLE)));
        println!("{:<24}{}", "login, sweeping", Tail::of(&self.probe.taken(BUSY)));
        println!(
            "verify, sweeping / idle, median of {} rounds (quartiles): p50 {}, p99 {}",
            p99.len(),
            ratios(&p50),
            ratios(&p99)
        );
        println!(
            "at most 2 x at p99: {}",
            if crate::measure::quantile(&p99, 0.5) <= 2.0 { "kept" } else { "MISSED" }
        );
        println!(
            "removed about {:.0} sessions per second of sweeping, {:.0} transactions a second",
            swept as f64 / sweeping.as_secs_f64(),
            transactions as f64 / sweeping.as_secs_f64()
        );
        Ok(())
    }

    fn swept(&self) -> u64 {
        self.peer.sessions().sweep_report().sessions
    }

    fn is_left(&self) -> Result<bool> {
        let now = self.peer.sessions().now().unix_millis();
        let sql = "SELECT EXISTS (SELECT 1 FROM cloakroom_session WHERE deadline <= ?1)";
        let left = self
            .store
            .database()
            .read("look", |database| database.query_row(sql, [now], |row| row.get(0)));
        Ok(left?)
    }

    /// What went is in the history, what has not is still there, and so is everything live.
    fn check(&self, expired: usize) -> Result<()> {
        self.probe.stop();
        let now = self.peer.sessions().now().unix_millis();
        let gone =
            "SELECT count(*) FROM cloakroom_ended_session WHERE reason IN ('idle', 'absolute')";
        let left = format!("SELECT count(*) FROM cloakroom_session WHERE deadline <= {now}");
        let both = format!("SELECT ({gone}), ({left})");
        let read = |database: &rusqlite::Connection| {
            database.query_row(&both, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))
        };
        let (gone, left) = self.store.database().read("count", read)?;
        ensure!(gone + left == expired as i64, "{gone} are in the history and {left} are left");
        let mut verify = Verify::new(&self.peer)?;
        for n in 0..LIVE {
            ensure!(verify.one(n).0 == StatusCode::OK, "session {n} is gone");
        }
        println!("all {LIVE} live sessions are there, {gone} are in the history, {left} are left");
        Ok(())
    }
}

async fn sweep_without_pauses(sessions: Sessions) {
    while sessions.sweep().await.is_ok() {
        tokio::time::sleep(AGAIN).await;
    }
}

/// Logs somebody in and out, again and again, and notes how long the logins took.
#[derive(Default)]
struct Probe {
    phase: AtomicU8,
    taken: Mutex<Vec<(u8, f64)>>,
}

/// Ends the probe.
const STOPPED: u8 = u8::MAX;

impl Probe {
    fn phase(&self, phase: u8) {
        self.phase.store(phase, Ordering::SeqCst);
    }

    fn stop(&self) {
        self.phase(STOPPED);
    }

    fn taken(&self, phase: u8) -> Vec<f64> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.iter().filter(|(of, _)| *of == phase).map(|(_, took)| *took).collect()
    }

    async fn log_in_and_out(self: Arc<Self>, sessions: Sessions) {
        loop {
            tokio::time::sleep(LOGIN_EVERY).await;
            let phase = self.phase.load(Ordering::SeqCst);
            if phase == STOPPED {
                return;
            }
            let begun = Instant::now();
            let user = User::new("probe").expect("it is a user's id");
            let Ok(issued) = sessions.log_in(user, ClientInfo::default(), None).await else {
                return;
            };
            let took = micros(begun.elapsed());
            if self.phase.load(Ordering::SeqCst) == phase {
                self.taken.lock().unwrap_or_else(PoisonError::into_inner).push((phase, took));
            }
            let id = issued.id;
            if sessions.end(id, EndReason::Logout, None).await.is_err() {
                return;
            }
        }
    }
}
