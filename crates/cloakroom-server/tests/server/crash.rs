//! A power cut takes no acknowledged login and undoes no acknowledged end (laws 1 and 2).

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use cloakroom::SessionId;
use cloakroom_testkit::servers::http::{Address, Request, Response};
use cloakroom_testkit::servers::wait_until;
use cloakroom_testkit::{Random, rounds, seeds};

use crate::support::{COOKIE, PASSWORD, SOON, Site, token_bytes};

const CLIENTS: usize = 8;
const LEAST_WRITES: usize = 100;

/// What is known of a session whose credential was handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Live,
    /// Its end was acknowledged.
    Ended,
    /// Its end was asked for, and no answer came.
    Unknown,
}

struct Held {
    token: String,
    fate: Fate,
}

/// One user with many devices, who is at nobody else's sessions.
struct Person {
    name: String,
    origin: String,
    address: Address,
    random: Random,
    sessions: Vec<Held>,
}

impl Person {
    /// Acts until the server is gone, counting what it acknowledged.
    fn act(&mut self, acknowledged: &AtomicUsize, gone: &AtomicBool) {
        while !gone.load(Ordering::Relaxed) {
            match self.step() {
                Ok(true) => drop(acknowledged.fetch_add(1, Ordering::Relaxed)),
                Ok(false) => {}
                Err(_) => return,
            }
        }
    }

    /// Whether a write was acknowledged.
    fn step(&mut self) -> io::Result<bool> {
        let live: Vec<usize> =
            (0..self.sessions.len()).filter(|at| self.sessions[*at].fate == Fate::Live).collect();
        if live.len() < 2 || self.random.once_in(3) {
            return self.log_in();
        }
        let (own, other) = (*self.random.pick(&live), *self.random.pick(&live));
        match self.random.below(8) {
            0 => self.end_others(own, &live),
            1..4 => self.end(own, "/cloakroom/logout", &[own]),
            _ => {
                let id = id_of(&self.sessions[other].token);
                self.end(own, &format!("/cloakroom/account/sessions/{id}/end"), &[other])
            }
        }
    }

    fn log_in(&mut self) -> io::Result<bool> {
        let fields = [("name", self.name.as_str()), ("password", PASSWORD)];
        let answer = self.post("/cloakroom/login", &fields, None)?;
        if answer.status == 503 {
            return Ok(false);
        }
        let cookie = answer.header("Set-Cookie").unwrap_or_default();
        let token = cookie.strip_prefix(&format!("{COOKIE}=")).unwrap_or_default();
        let token = token.split(';').next().unwrap_or_default().to_owned();
        assert!(token.starts_with("clk_"), "{answer:?}");
        self.sessions.push(Held { token, fate: Fate::Live });
        Ok(true)
    }

    fn end_others(&mut self, own: usize, live: &[usize]) -> io::Result<bool> {
        let others: Vec<usize> = live.iter().copied().filter(|at| *at != own).collect();
        self.end(own, "/cloakroom/account/sessions/end-others", &others)
    }

    fn end(&mut self, by: usize, path: &str, ended: &[usize]) -> io::Result<bool> {
        let token = self.sessions[by].token.clone();
        ended.iter().for_each(|at| self.sessions[*at].fate = Fate::Unknown);
        let answer = self.post(path, &[], Some(&token))?;
        assert!([200, 303].contains(&answer.status), "{path}: {answer:?}");
        let refused = answer.header("Location").is_some_and(|to| to.contains("/login?"));
        assert!(!refused, "{path} by a session that is live: {answer:?}");
        ended.iter().for_each(|at| self.sessions[*at].fate = Fate::Ended);
        Ok(true)
    }

    fn post(&self, path: &str, form: &[(&str, &str)], token: Option<&str>) -> io::Result<Response> {
        let mut request = Request::post_form(path, form)
            .header("Host", self.origin.trim_start_matches("http://"))
            .header("Origin", &self.origin);
        if let Some(token) = token {
            request = request.header("Cookie", format!("{COOKIE}={token}"));
        }
        request.try_send(&self.address)
    }

    /// Compares what was acknowledged with what the server says now.
    fn check(&mut self, seed: u64) {
        for held in &mut self.sessions {
            let asked = Request::get("/cloakroom/account")
                .header("Host", self.origin.trim_start_matches("http://"))
                .header("Cookie", format!("{COOKIE}={}", held.token));
            let is_live = asked.send(&self.address).status == 200;
            let (name, id) = (&self.name, id_of(&held.token));
            match held.fate {
                Fate::Live => assert!(is_live, "seed {seed}: a login of {name} is lost: {id}"),
                Fate::Ended => assert!(!is_live, "seed {seed}: an end is undone: {name}, {id}"),
                Fate::Unknown if is_live => held.fate = Fate::Live,
                Fate::Unknown => held.fate = Fate::Ended,
            }
        }
    }
}

fn id_of(token: &str) -> SessionId {
    SessionId::from_bytes(token_bytes(token)[1..17].try_into().expect("sixteen bytes"))
}

/// Passes the time without giving up the processor, to the microsecond.
pub(crate) fn spin(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}

#[test]
fn kill_9_under_load_loses_no_acknowledged_login_and_undoes_no_acknowledged_end() {
    let names: Vec<String> = (0..CLIENTS).map(|number| format!("user{number}")).collect();
    let people: Vec<&str> = names.iter().map(String::as_str).collect();
    let (mut site, _) = Site::with_people("", &people);
    let mut people: Vec<Person> = names
        .into_iter()
        .map(|name| Person {
            name,
            origin: site.server.url(),
            address: site.server.address().clone(),
            random: Random::new(0),
            sessions: Vec::new(),
        })
        .collect();
    let (mut logins, mut ends, mut writes) = (0, 0, 0);
    for seed in seeds(rounds(5, 50)) {
        println!("seed {seed}");
        writes += round(&mut site, &mut people, seed);
        for person in &mut people {
            person.check(seed);
            logins += person.sessions.iter().filter(|held| held.fate == Fate::Live).count();
            ends += person.sessions.iter().filter(|held| held.fate == Fate::Ended).count();
            // Ended ones are looked at in this round and the next.
            let surplus = person.sessions.len().saturating_sub(60);
            person.sessions.drain(..surplus);
        }
        crate::sqlite::check_integrity(&site, seed);
    }
    println!(
        "{writes} acknowledged writes; {logins} logins looked at, 0 lost; {ends} ends, 0 undone"
    );
}

/// Load, a kill at a random moment, and a start; returns how many writes were acknowledged.
fn round(site: &mut Site, people: &mut [Person], seed: u64) -> usize {
    let mut random = Random::new(seed);
    let enough = LEAST_WRITES + random.below(80);
    let moment = random.millis(30_000) / 1_000;
    let (acknowledged, gone) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|threads| {
        for (number, person) in people.iter_mut().enumerate() {
            person.random = Random::new(seed ^ (number as u64 + 1));
            let (acknowledged, gone) = (&acknowledged, &gone);
            threads.spawn(move || person.act(acknowledged, gone));
        }
        wait_until("enough writes are acknowledged", 3 * SOON, || {
            acknowledged.load(Ordering::Relaxed) >= enough
        });
        spin(moment);
        site.server.kill_9();
        gone.store(true, Ordering::Relaxed);
    });
    site.server.restart();
    acknowledged.into_inner()
}
