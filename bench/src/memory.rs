//! A million sessions in memory: what they take, how long snapshots last, what verification costs
//! beside a store under one lock, and what it feels of a million that expire in one second.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use cloakroom::{Policy, SessionStore, Sessions, Timestamp};
use cloakroom_core::{Inserted, MemoryFiles, MemoryOptions, MemoryStore, Store, Sweep};
use cloakroom_testkit::ReferenceStore;
use cloakroom_testkit::fixtures::{Draft, START};
use tokio::runtime::{Builder, Runtime};

use crate::cores;
use crate::disk::Scratch;
use crate::gate::Gate;
use crate::measure::quantile;
use crate::options::Options;
use crate::peers::{self, Peer};
use crate::tail::{Tail, ratios};
use crate::verify::Verify;

/// Sessions that are verified while others are swept.
const LIVE: usize = 1_000;

const HOUR: Duration = Duration::from_secs(3_600);

/// A phase in which nothing is kept.
const SETTLE: Duration = Duration::from_millis(200);

pub fn run(options: &Options) -> Result<()> {
    let count = if options.smoke { 5_000 } else { 1_000_000 };
    let (first, last) = (cores::first()?, cores::last()?);
    if options.wants("size") {
        size(options, count)?;
    }
    if options.wants("verify") {
        verify(options)?;
    }
    for (what, core) in [("sweeper on another processor", first), ("all on one processor", last)] {
        if options.wants(what) {
            cores::spread(&[first, last])?;
            expiry(options, count, what, core)?;
        }
    }
    Ok(())
}

/// A logged-in session of a user of its own, from one of 300 browsers, with 200 bytes of data.
fn draft(number: usize, begun: Timestamp) -> Draft {
    let version = 100 + number % 300;
    Draft::of(&format!("user-{number:07}"))
        .at(begun)
        .named(&format!("Name {number:07}"))
        .data("cart", &format!("\"{number:0194}\""))
        .with(|record| {
            record.client.address = Some(format!("203.0.113.{}", number % 256));
            record.client.user_agent = Some(format!(
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/{version}.0.0.0 Safari/537.36"
            ));
            record.groups = vec![format!("group-{}", number % 20)];
        })
}

async fn fill(store: &impl Store, count: usize, begun: Timestamp) -> Result<()> {
    for number in 0..count {
        let inserted = store.insert(draft(number, begun).build()).await?;
        ensure!(matches!(inserted, Inserted::Done { .. }), "a session was not inserted");
    }
    Ok(())
}

fn resident() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? * 1_024.0)
}

fn size(options: &Options, count: usize) -> Result<()> {
    let scratch = Scratch::new(&options.data)?;
    let runtime = Builder::new_current_thread().enable_time().build()?;
    let open = |every| {
        let files = MemoryFiles { path: scratch.path().join("sessions"), every };
        MemoryStore::open(files, MemoryOptions::default(), START)
    };
    println!("{count} sessions of as many users with 200 bytes of data each");
    let before = resident()?;
    let (store, _) = open(None)?;
    let begun = Instant::now();
    runtime.block_on(fill(&store, count, START))?;
    println!("inserted in {:.2} s", begun.elapsed().as_secs_f64());
    let grown = resident()? - before;
    println!(
        "resident: {:.0} MB, {:.0} bytes each; counted by the store: {:.0} MB",
        grown / 1e6,
        grown / count as f64,
        store.usage().bytes as f64 / 1e6
    );
    for _ in 0..if options.smoke { 1 } else { 3 } {
        let begun = Instant::now();
        store.save()?;
        let saved = begun.elapsed();
        let bytes = std::fs::metadata(scratch.path().join("sessions"))?.len();
        let begun = Instant::now();
        let (restored, report) = open(None)?;
        let took = begun.elapsed();
        ensure!(report.sessions == count as u64, "{report:?}");
        println!(
            "snapshot {:.2} s ({:.0} MB), restore {:.2} s; target 5 s: {}",
            saved.as_secs_f64(),
            bytes as f64 / 1e6,
            took.as_secs_f64(),
            if saved.max(took) < Duration::from_secs(5) { "kept" } else { "MISSED" }
        );
        drop(restored);
    }
    Ok(())
}

/// Verification by turns on this store and on the one that is a map under one lock.
fn verify(options: &Options) -> Result<()> {
    cores::pin(cores::last()?)?;
    let runtime = Builder::new_current_thread().enable_time().build()?;
    let peer = |store: Arc<dyn SessionStore>| {
        runtime.block_on(peers::within(store, None, Policy::default(), options.sessions))
    };
    let packed = peer(Arc::new(MemoryStore::new()))?;
    let plain = peer(Arc::new(ReferenceStore::new()))?;
    let (mut packed, mut plain) = (Verify::new(&packed)?, Verify::new(&plain)?);
    let (mut each, mut all) = (Vec::new(), [Vec::new(), Vec::new()]);
    for _ in 0..options.rounds {
        let (a, b) = (plain.for_a_while(SETTLE)?, packed.for_a_while(SETTLE)?);
        each.push(quantile(&b, 0.5) / quantile(&a, 0.5));
        all[0].extend(a);
        all[1].extend(b);
    }
    println!("\nverification, {} sessions; microseconds", options.sessions);
    println!("{:<32}{}", "", Tail::head());
    println!("{:<32}{}", "a map of records, one lock", Tail::of(&all[0]));
    println!("{:<32}{}", "packed, 64 locks", Tail::of(&all[1]));
    println!("packed / map, median of {} rounds (quartiles): {}", each.len(), ratios(&each));
    Ok(())
}

/// A store with sessions that have expired in the same second, and a runtime that sweeps it.
struct Scene {
    _background: Runtime,
    store: MemoryStore,
    peer: Peer,
    gate: Gate,
}

impl Scene {
    fn new(count: usize) -> Result<Self> {
        let background = Builder::new_multi_thread().worker_threads(1).enable_time().build()?;
        let options = MemoryOptions { max_sessions: 2_000_000, ..MemoryOptions::default() };
        let store = MemoryStore::within(options);
        let (gated, gate) = Gate::before(Arc::new(store.clone()));
        let policy = Policy { sweep_interval: HOUR * 24, ..Policy::default() };
        let peer = background.block_on(async {
            let peer = peers::within(Arc::clone(&gated), None, policy, LIVE).await?;
            fill(&store, count, peer.sessions().now().before(HOUR * 2)).await?;
            anyhow::Ok(peer)
        })?;
        background.spawn(sweep_at_the_pace_of_a_server(peer.sessions().clone(), gated));
        Ok(Self { _background: background, store, peer, gate })
    }
}

/// As the sweeper in the background does: after each batch it rests for as long as that took.
async fn sweep_at_the_pace_of_a_server(sessions: Sessions, gated: Arc<dyn SessionStore>) {
    let limit = Policy::default().sweep_batch;
    let history_before = sessions.now().before(HOUR);
    loop {
        // Waits for the gate, and for nothing else.
        let _ = gated.sweep(Sweep { now: sessions.now(), history_before, limit: 0 }).await;
        let begun = Instant::now();
        let sweep = Sweep { now: sessions.now(), history_before, limit };
        if gated.sweep(sweep).await.is_err() {
            return;
        }
        tokio::time::sleep(begun.elapsed()).await;
    }
}

fn expiry(options: &Options, count: usize, what: &str, core: usize) -> Result<()> {
    println!("\n{count} sessions expire in the same second; {what}; microseconds");
    cores::pin(core)?;
    let scene = Scene::new(count)?;
    cores::pin(cores::last()?)?;
    let phase = Duration::from_millis(if options.smoke { 20 } else { 400 });
    let mut verify = Verify::new(&scene.peer)?;
    verify.for_a_while(SETTLE * 3)?;
    let (mut idle, mut busy, mut p99) = (Vec::new(), Vec::new(), Vec::new());
    let (mut swept, mut sweeping) = (0, Duration::ZERO);
    while scene.store.usage().sessions as usize > LIVE && p99.len() < options.rounds {
        verify.for_a_while(SETTLE)?;
        let quiet = verify.for_a_while(phase)?;
        let (begun, before) = (Instant::now(), scene.store.usage().sessions);
        scene.gate.set(true);
        let loud = verify.for_a_while(phase)?;
        scene.gate.set(false);
        let after = scene.store.usage().sessions;
        sweeping += begun.elapsed();
        swept += before - after;
        if after as usize > LIVE {
            p99.push(quantile(&loud, 0.99) / quantile(&quiet, 0.99));
            idle.extend(quiet);
            busy.extend(loud);
        }
    }
    if p99.is_empty() {
        println!("all was swept within one phase");
        return Ok(());
    }
    println!("{:<24}{}", "", Tail::head());
    println!("{:<24}{}", "verify, idle", Tail::of(&idle));
    println!("{:<24}{}", "verify, sweeping", Tail::of(&busy));
    println!("p99, sweeping / idle, median of {} rounds (quartiles): {}", p99.len(), ratios(&p99));
    let kept = quantile(&p99, 0.5) <= 2.0;
    println!("at most 2 x at p99: {}", if kept { "kept" } else { "MISSED" });
    println!("removed about {:.0} a second", swept as f64 / sweeping.as_secs_f64());
    Ok(())
}
