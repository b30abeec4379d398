//! Somebody who signs in and out on many devices while things break, and remembers what they were
//! told.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use cloakroom::SessionId;
use cloakroom_testkit::Random;
use cloakroom_testkit::servers::http::{Address, Request, Response};
use cloakroom_testkit::servers::wait_until;
use serde_json::json;

use crate::support::{Application, COOKIE, PASSWORD, SOON, Site, token_bytes};

/// What a page or a problem says when the outcome is not known.
const UNKNOWN: [&str; 2] = ["We do not know whether that worked", "\"outcome-unknown\""];

/// What is known of a session whose credential was handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Live,
    /// Its end was acknowledged.
    Ended,
    /// Its end was asked for, and no answer came, or one that nobody knows.
    Unknown,
}

struct Held {
    token: String,
    fate: Fate,
}

/// What people share while things break.
#[derive(Debug, Default)]
pub(super) struct Load {
    /// Writes that were acknowledged.
    pub(super) acknowledged: AtomicUsize,
    /// Answers 503.
    pub(super) refused: AtomicUsize,
    /// Of them, those that said that the outcome is unknown.
    pub(super) unknown: AtomicUsize,
    /// While it is set, whoever was refused waits.
    pub(super) is_down: AtomicBool,
    pub(super) is_over: AtomicBool,
}

/// What an act came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    /// It was refused, and nothing was done.
    Refused,
    Unknown,
}

/// One user with many devices, who is at nobody else's sessions.
pub(super) struct Person {
    name: String,
    id: String,
    origin: String,
    address: Address,
    app: Application,
    random: Random,
    sessions: Vec<Held>,
}

impl Person {
    pub(super) fn of(site: &Site, app: &Application, name: &str) -> Self {
        let users = app.get("users?limit=200").json();
        let users = users["items"].as_array().expect("a list");
        let user = users.iter().find(|it| it["name"] == name).expect("it is a user");
        Self {
            name: name.to_owned(),
            id: user["id"].as_str().expect("a text").to_owned(),
            origin: site.server.url(),
            address: site.server.address().clone(),
            app: app.clone(),
            random: Random::new(0),
            sessions: Vec::new(),
        }
    }

    pub(super) fn begin(&mut self, seed: u64) {
        self.random = Random::new(seed);
    }

    /// Acts until it is over or the server is gone, counting what came of it.
    pub(super) fn act(&mut self, load: &Load) {
        while !load.is_over.load(Ordering::Relaxed) {
            let Ok(outcome) = self.step() else { return };
            if outcome == Outcome::Done {
                load.acknowledged.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            load.refused.fetch_add(1, Ordering::Relaxed);
            load.unknown.fetch_add(usize::from(outcome == Outcome::Unknown), Ordering::Relaxed);
            let may_go_on =
                || !load.is_down.load(Ordering::Relaxed) || load.is_over.load(Ordering::Relaxed);
            wait_until("the store is back", SOON, may_go_on);
        }
    }

    fn step(&mut self) -> io::Result<Outcome> {
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

    /// By the form, or by the application, which checks no password: that takes less time.
    fn log_in(&mut self) -> io::Result<Outcome> {
        let (answer, token) = if self.random.once_in(5) {
            let fields = [("name", self.name.as_str()), ("password", PASSWORD)];
            let answer = self.post("/cloakroom/login", &fields, None)?;
            let cookie = answer.header("Set-Cookie").unwrap_or_default();
            let token = cookie.strip_prefix(&format!("{COOKIE}=")).unwrap_or_default().to_owned();
            (answer, token.split(';').next().unwrap_or_default().to_owned())
        } else {
            let body = json!({"user": {"id": self.id}});
            let answer = self.app.json("POST", "sessions", &body).try_send(&self.address)?;
            let token = match answer.status {
                201 => answer.json()["token"].as_str().unwrap_or_default().to_owned(),
                _ => String::new(),
            };
            (answer, token)
        };
        if let Some(refused) = refused(&answer) {
            return Ok(refused);
        }
        assert!(token.starts_with("clk_"), "{answer:?}");
        self.sessions.push(Held { token, fate: Fate::Live });
        Ok(Outcome::Done)
    }

    fn end_others(&mut self, own: usize, live: &[usize]) -> io::Result<Outcome> {
        let others: Vec<usize> = live.iter().copied().filter(|at| *at != own).collect();
        self.end(own, "/cloakroom/account/sessions/end-others", &others)
    }

    fn end(&mut self, by: usize, path: &str, ended: &[usize]) -> io::Result<Outcome> {
        let token = self.sessions[by].token.clone();
        self.note(ended, Fate::Unknown);
        let answer = self.post(path, &[], Some(&token))?;
        if let Some(refused) = refused(&answer) {
            assert!(answer.headers("Set-Cookie").is_empty(), "the cookie stays: {answer:?}");
            if refused == Outcome::Refused {
                self.note(ended, Fate::Live);
            }
            return Ok(refused);
        }
        assert!([200, 303].contains(&answer.status), "{path}: {answer:?}");
        let is_out = answer.header("Location").is_some_and(|to| to.contains("/login?"));
        assert!(!is_out, "{path} by a session that is live: {answer:?}");
        self.note(ended, Fate::Ended);
        Ok(Outcome::Done)
    }

    fn note(&mut self, sessions: &[usize], fate: Fate) {
        sessions.iter().for_each(|at| self.sessions[*at].fate = fate);
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

    /// Compares what was acknowledged with what the server says now; returns how many logins and
    /// ends that were. A crash `may_end` sessions where nothing else is promised.
    pub(super) fn check(&mut self, seed: u64, may_end: bool) -> (usize, usize) {
        let mut looked_at = (0, 0);
        for held in &mut self.sessions {
            let is_live = self.app.is_active(&held.token);
            let (name, id) = (&self.name, id_of(&held.token));
            match held.fate {
                Fate::Live if may_end => {}
                Fate::Live => assert!(is_live, "seed {seed}: a login of {name} is lost: {id}"),
                Fate::Ended => assert!(!is_live, "seed {seed}: an end is undone: {name}, {id}"),
                Fate::Unknown => {}
            }
            held.fate = if is_live { Fate::Live } else { Fate::Ended };
            let looked = if is_live { &mut looked_at.0 } else { &mut looked_at.1 };
            *looked += 1;
        }
        // Ended ones are looked at in this round and the next.
        let surplus = self.sessions.len().saturating_sub(25);
        self.sessions.drain(..surplus);
        looked_at
    }
}

/// What a refusal says of what was done; `None` for any other answer.
fn refused(answer: &Response) -> Option<Outcome> {
    if answer.status != 503 {
        return None;
    }
    assert!(answer.header("Retry-After").is_some(), "{answer:?}");
    let is_unknown = UNKNOWN.iter().any(|it| answer.text().contains(it));
    Some(if is_unknown { Outcome::Unknown } else { Outcome::Refused })
}

fn id_of(token: &str) -> SessionId {
    SessionId::from_bytes(token_bytes(token)[1..17].try_into().expect("sixteen bytes"))
}
