//! A power cut of the server or of its store takes no acknowledged login and undoes no
//! acknowledged end (laws 1 and 2), as far as the store promises that.

mod person;

use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use cloakroom::Keeping;
use cloakroom_testkit::servers::{Postgres, Proxy, Redis, StoreKind, StoreServers, wait_until};
use cloakroom_testkit::{Random, rounds, seeds};

use crate::behind::{applies, keeping};
use crate::support::{SOON, Site};
use person::{Load, Person};

const CLIENTS: usize = 8;
const LEAST_WRITES: usize = 60;
/// Writes that are acknowledged after the store has come back.
const WRITES_AFTER: usize = 20;
/// How long the server may take to find its store again.
const RECOVERY: Duration = Duration::from_secs(5);
/// A sign-in that a kill interrupts stays counted as a wrong password, which after many kills would
/// make people wait.
const PATIENT: &str = "[login]\naccount_failures = 50\nnetwork_failures = 100000\n";
/// With ends in a journal, as is promised of nothing less.
const IN_MEMORY: &str = "[memory]\nsnapshot = \"10s\"\n";

/// People at a server whose store keeps what it acknowledges.
struct Scene {
    site: Site,
    people: Vec<Person>,
    writes: usize,
    logins: usize,
    ends: usize,
}

impl Scene {
    /// `None` where a program is missing (a visible skip).
    #[track_caller]
    fn new() -> Option<Self> {
        let of_store = if keeping() == Keeping::Memory { IN_MEMORY } else { "" };
        let site = Site::on(lasting()?, &format!("{PATIENT}{of_store}"));
        site.first_admin();
        let names: Vec<String> = (0..CLIENTS).map(|number| format!("user{number}")).collect();
        names.iter().for_each(|name| site.add(name, &[]));
        let app = site.application();
        let people = names.iter().map(|name| Person::of(&site, &app, name)).collect();
        Some(Self { site, people, writes: 0, logins: 0, ends: 0 })
    }

    /// Load, until enough is acknowledged, and then `trouble`, which ends it.
    fn round(&mut self, seed: u64, trouble: impl FnOnce(&mut Site, &mut Random, &Load)) {
        println!("seed {seed}");
        let (mut random, load) = (Random::new(seed), Load::default());
        let enough = LEAST_WRITES + random.below(60);
        let moment = random.millis(30_000) / 1_000;
        thread::scope(|threads| {
            for (number, person) in self.people.iter_mut().enumerate() {
                person.begin(seed ^ (number as u64 + 1));
                let load = &load;
                threads.spawn(move || person.act(load));
            }
            wait_for(&load, enough);
            spin(moment);
            trouble(&mut self.site, &mut random, &load);
            load.is_over.store(true, Ordering::Relaxed);
        });
        self.writes += load.acknowledged.into_inner();
        println!("{:?} answers 503, {:?} of them unknown", load.refused, load.unknown);
    }

    /// Compares what people were told with what is; a crash of the server `may_end` sessions where
    /// only ends are promised to last.
    fn check(&mut self, seed: u64, may_end: bool) {
        for person in &mut self.people {
            let (logins, ends) = person.check(seed, may_end);
            (self.logins, self.ends) = (self.logins + logins, self.ends + ends);
        }
        crate::sqlite::check_integrity(&self.site, seed);
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let Self { writes, logins, ends, .. } = self;
        println!("{writes} acknowledged writes; {logins} logins and {ends} ends looked at");
    }
}

/// What keeps sessions, set to lose nothing where that is a matter of settings.
#[track_caller]
fn lasting() -> Option<StoreServers> {
    let kind = StoreKind::chosen();
    let postgres = if kind.uses_postgres() { Some(Postgres::start()?) } else { None };
    let redis = match kind {
        StoreKind::Redis(flavor) => Some(
            Redis::builder(flavor)
                .option("appendonly", "yes")
                .option("appendfsync", "always")
                .start()?,
        ),
        // A cache may forget everything.
        StoreKind::Backed(flavor) => Some(Redis::start(flavor)?),
        _ => None,
    };
    Some(StoreServers::of(kind, postgres, redis))
}

#[track_caller]
fn wait_for(load: &Load, writes: usize) {
    wait_until("enough writes are acknowledged", 3 * SOON, || {
        load.acknowledged.load(Ordering::Relaxed) >= writes
    });
}

/// Passes the time without giving up the processor, to the microsecond.
pub(crate) fn spin(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}

/// Lets people go on once the store is back, and says how long the server took to find it.
#[track_caller]
fn wait_for_recovery(site: &Site, load: &Load) -> Duration {
    let back = Instant::now();
    wait_until("the server is ready again", RECOVERY, || site.server.is_ready());
    let recovered = back.elapsed();
    load.is_down.store(false, Ordering::Relaxed);
    let before = load.acknowledged.load(Ordering::Relaxed);
    wait_for(load, before + WRITES_AFTER);
    recovered
}

#[test]
fn kill_9_under_load_loses_no_acknowledged_login_and_undoes_no_acknowledged_end() {
    let is_in_memory = keeping() == Keeping::Memory;
    let Some(mut scene) = Scene::new() else { return };
    for seed in seeds(rounds(5, 50)) {
        if is_in_memory {
            // So that there is a snapshot from which ended sessions could come back.
            scene.round(seed, |_, _, _| ());
            scene.site.server.restart();
            scene.check(seed, false);
        }
        scene.round(seed, |site, _, load| {
            site.server.kill_9();
            load.is_over.store(true, Ordering::Relaxed);
        });
        scene.site.server.restart();
        scene.check(seed, is_in_memory);
    }
}

#[test]
fn kill_9_of_the_store_under_load_loses_no_acknowledged_login_and_undoes_no_acknowledged_end() {
    if !applies("store_outage") || StoreKind::chosen() == StoreKind::Sqlite {
        println!("there is no process of the store to kill");
        return;
    }
    let Some(mut scene) = Scene::new() else { return };
    let mut longest = Duration::ZERO;
    for seed in seeds(rounds(5, 50)) {
        scene.round(seed, |site, _, load| {
            load.is_down.store(true, Ordering::Relaxed);
            site.stores().kill();
            site.stores().start_again();
            longest = longest.max(wait_for_recovery(site, load));
        });
        scene.check(seed, false);
    }
    println!("found again within {longest:?}");
}

#[test]
fn connections_that_break_anywhere_under_load_leave_nothing_acknowledged_undone() {
    if !applies("store_outage") || StoreKind::chosen() == StoreKind::Sqlite {
        println!("there is no connection to break");
        return;
    }
    let Some(mut scene) = Scene::new() else { return };
    for seed in seeds(rounds(3, 50)) {
        scene.round(seed, |site, random, load| {
            for proxy in std::iter::repeat_n((), 6).flat_map(|()| site.stores().proxies()) {
                proxy.cut_after_bytes(random.below(8_000));
                let before = load.acknowledged.load(Ordering::Relaxed);
                wait_until("it is cut", SOON, || {
                    proxy.has_struck() || load.acknowledged.load(Ordering::Relaxed) > before + 100
                });
            }
            site.stores().proxies().for_each(Proxy::heal);
            wait_for_recovery(site, load);
        });
        scene.check(seed, false);
    }
}
