//! Verification by a real server, as nginx asks for it, during 500 password logins at once. Idle
//! and busy phases take turns within one run.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use cloakroom_testkit::servers::http::Connection;

use crate::cores;
use crate::disk::Scratch;
use crate::load::Load;
use crate::measure::quantile;
use crate::options::Options;
use crate::site::{Site, add_people, person};
use crate::tail::{Tail, ratios};

/// People whose requests are verified. They do not log in anew.
const VERIFIED: usize = 20;

/// Logins that begin at once, each of another person with the right password.
const LOGINS: usize = 500;

pub fn run(options: &Options) -> Result<()> {
    let (first, last) = (cores::first()?, cores::last()?);
    println!(
        "/auth/nginx/<app> with one connection, one request after the other; {LOGINS} logins at"
    );
    println!("once by the form; load tool on processor {last}; microseconds");
    for (what, cores) in [
        ("server on the other processor", vec![first]),
        ("server on all processors", vec![first, last]),
    ] {
        println!("\n{what} ({cores:?})");
        let scratch = Scratch::new(&options.data)?;
        cores::spread(&cores)?;
        let site =
            Site::start(options, scratch.path(), |store| add_people(store, VERIFIED + LOGINS))?;
        cores::pin(last)?;
        measure(options, &site)?;
        drop(site);
        cores::spread(&[first, last])?;
    }
    Ok(())
}

fn measure(options: &Options, site: &Site) -> Result<()> {
    let (rounds, pause) = match options.smoke {
        true => (1, Duration::from_millis(200)),
        false => (options.rounds, Duration::from_secs(3)),
    };
    let requests = (0..VERIFIED).map(|n| {
        let cookie = site.sign_in(&person(n))?;
        Ok(site.get("/auth/nginx/records", &cookie))
    });
    let mut load = Load::new(site.server.address(), requests.collect::<Result<_>>()?)?;
    load.for_a_while(pause / 2)?;
    let mut seen = Seen::default();
    for _ in 0..rounds {
        load.for_a_while(pause / 4)?;
        let begun = Instant::now();
        let idle = load.for_a_while(pause)?;
        let quiet = idle.len() as f64 / begun.elapsed().as_secs_f64();
        let wave = Wave::open(site)?;
        let begun = Instant::now();
        let wave = thread::spawn(move || wave.log_in());
        let busy = load.run_while(|| !wave.is_finished())?;
        let loud = busy.len() as f64 / begun.elapsed().as_secs_f64();
        seen.waves.push(begun.elapsed().as_secs_f64());
        let answers = wave.join().ok().context("the logins panicked")??;
        answers.into_iter().for_each(|status| *seen.answers.entry(status).or_default() += 1);
        seen.add(idle, quiet, busy, loud);
    }
    seen.print();
    Ok(())
}

/// Logins whose connections are open and whose requests are not sent yet.
struct Wave(Vec<(Connection, Vec<u8>)>);

impl Wave {
    fn open(site: &Site) -> Result<Self> {
        let logins = (VERIFIED..VERIFIED + LOGINS)
            .map(|n| Ok((Connection::open(site.server.address())?, site.login(&person(n)))));
        Ok(Self(logins.collect::<Result<_>>()?))
    }

    /// Sends all of them, then reads the answers: their status codes.
    fn log_in(mut self) -> Result<Vec<u16>> {
        for (connection, request) in &mut self.0 {
            connection.write(request)?;
        }
        let answers =
            self.0.iter_mut().map(|(connection, _)| Ok(connection.read_response("POST")?.status));
        answers.collect()
    }
}

#[derive(Default)]
struct Seen {
    idle: Vec<f64>,
    busy: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    throughput: Vec<f64>,
    /// Seconds from the first login sent to the last one answered.
    waves: Vec<f64>,
    answers: BTreeMap<u16, usize>,
}

impl Seen {
    fn add(&mut self, idle: Vec<f64>, quiet: f64, busy: Vec<f64>, loud: f64) {
        let (a, b) = (Tail::of(&idle), Tail::of(&busy));
        self.p50.push(b.p50 / a.p50);
        self.p99.push(b.p99 / a.p99);
        self.throughput.push(loud / quiet);
        self.idle.extend(idle);
        self.busy.extend(busy);
    }

    fn print(&self) {
        println!("{:<24}{}", "", Tail::head());
        println!("{:<24}{}", "verify, idle", Tail::of(&self.idle));
        println!("{:<24}{}", "verify, during logins", Tail::of(&self.busy));
        println!(
            "during logins / idle, median of {} rounds (quartiles): p50 {}, p99 {}, throughput {}",
            self.p99.len(),
            ratios(&self.p50),
            ratios(&self.p99),
            ratios(&self.throughput)
        );
        println!(
            "a wave of logins took {:.2} s (median); answers: {:?}",
            quantile(&self.waves, 0.5),
            self.answers
        );
    }
}
