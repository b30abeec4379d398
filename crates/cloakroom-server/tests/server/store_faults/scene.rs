//! A server with people and applications, and all the kinds of requests that need its store.

use std::thread;
use std::time::{Duration, Instant};

use cloakroom_testkit::servers::http::{Request, Response};
use cloakroom_testkit::servers::{Client, Flavor, Proxy, StoreKind, StoreServers, wait_until};
use serde_json::json;

use crate::behind::{applies, keeping};
use crate::support::{ADMIN, Application, COOKIE, PASSWORD, RECORDS, Site, is_signed_in};

/// How long a request may take while the store does not answer.
const ANSWERED: Duration = Duration::from_secs(3);
/// How long the health check may take whatever the store does.
const AT_ONCE: Duration = Duration::from_secs(1);
/// How long the server may take to find its store again.
pub(super) const RECOVERY: Duration = Duration::from_secs(5);

/// A request of some kind.
pub(super) type Asked = (&'static str, Request);

/// What became of one.
#[derive(Debug)]
pub(super) struct Answered {
    #[expect(dead_code, reason = "shown when a test fails")]
    what: &'static str,
    answer: Response,
    took: Duration,
}

impl Answered {
    #[track_caller]
    pub(super) fn check_unavailable(&self) {
        assert_eq!(self.answer.status, 503, "{self:?}");
        assert!(self.answer.header("Retry-After").is_some(), "{self:?}");
        assert!(self.answer.headers("Set-Cookie").is_empty(), "{self:?}");
        assert!(self.took <= ANSWERED, "{self:?}");
    }

    #[track_caller]
    pub(super) fn check_good(&self) {
        assert!(self.answer.status < 400, "{self:?}");
        assert!(self.took <= ANSWERED, "{self:?}");
    }

    /// That nobody knows what came of it.
    #[track_caller]
    pub(super) fn check_unknown(&self) {
        self.check_unavailable();
        let text = self.answer.text();
        let says = ["We do not know whether that worked", "\"outcome-unknown\""];
        assert!(says.iter().any(|it| text.contains(it)), "{self:?}");
    }

    /// What was answered.
    pub(super) fn answer(&self) -> &Response {
        &self.answer
    }
}

/// A server on a store that works, where a person, another device of theirs and an application
/// are at their sessions.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) site: Site,
    pub(super) ada: Client,
    /// Another device, which signs out.
    pub(super) late: Client,
    pub(super) app: Application,
    /// The session of the application.
    token: String,
    id: String,
}

impl Scene {
    /// On the store that is tested.
    #[track_caller]
    pub(super) fn new() -> Self {
        let kind = StoreKind::chosen();
        let stores = StoreServers::start_private(kind).expect("its servers are on this machine");
        Self::at(Site::on(stores, RECORDS))
    }

    /// On this server.
    #[track_caller]
    pub(super) fn at(site: Site) -> Self {
        let ada = site.first_admin();
        let late = site.browser_of(ADMIN);
        let app = site.application();
        let (token, id) = app.log_in("anna");
        Self { site, ada, late, app, token, id }
    }

    /// `None` where the server needs nothing that could be out of reach.
    #[track_caller]
    pub(super) fn that_can_be_without_its_store() -> Option<Self> {
        let kind = StoreKind::chosen();
        let is_in_reach = match kind {
            StoreKind::Sqlite | StoreKind::Backed(Flavor::Valkey) => true,
            _ => !applies("store_outage"),
        };
        if is_in_reach {
            println!("does not apply: what {kind:?} cannot do without is in the data directory");
            return None;
        }
        Some(Self::new())
    }

    /// `None` where sessions are not cached.
    #[track_caller]
    pub(super) fn with_a_cache() -> Option<Self> {
        if keeping() != cloakroom::Keeping::RedisBacked {
            println!("does not apply to {}: it has no cache", keeping().title());
            return None;
        }
        Some(Self::new())
    }

    /// The ways to what requests cannot do without, the one that writes go to first.
    pub(super) fn vital(&self) -> impl Iterator<Item = &Proxy> {
        let stores = self.site.stores();
        // With a database in a file, what is behind a proxy is a cache.
        let is_cache_only =
            keeping() == cloakroom::Keeping::RedisBacked && stores.postgres_proxy().is_none();
        stores.proxies().filter(move |_| !is_cache_only)
    }

    /// One of each kind that a store in outage fails.
    pub(super) fn requests(&self) -> Vec<Asked> {
        let mut all = self.lasting_requests();
        let host = self.site.server.url();
        let logout = Request::post_form("/cloakroom/logout", &[]).header("Origin", &host);
        all.push(("a logout", logout.header("Cookie", cookie(&self.late))));
        let end = format!("sessions/{}/end", self.id);
        all.push(("an end by /v1", self.app.json("POST", &end, &json!(null))));
        all.push(("readiness", Request::get("/readyz")));
        all.into_iter().map(|(what, request)| (what, self.to_host(request))).collect()
    }

    /// Those that end nothing.
    pub(super) fn lasting_requests(&self) -> Vec<Asked> {
        let own = cookie(&self.ada);
        let app = &self.app;
        let changes = json!({"changes": [{"key": "k", "value": 1, "overwrite": true}]});
        let all = [
            ("a page", Request::get("/cloakroom/account").header("Cookie", &own)),
            ("a look by nginx", Request::get("/auth/nginx/records").header("Cookie", &own)),
            ("a login", self.login()),
            ("a list", app.request("GET", "sessions")),
            ("a look by /v1", app.json("POST", "sessions/verify", &json!({"token": self.token}))),
            ("a login by /v1", app.json("POST", "sessions", &json!({"user": {"id": "bert"}}))),
            ("data", app.json("PATCH", &format!("sessions/{}/data", self.id), &changes)),
        ];
        all.into_iter().map(|(what, request)| (what, self.to_host(request))).collect()
    }

    pub(super) fn login(&self) -> Request {
        let form = [("name", ADMIN), ("password", PASSWORD)];
        let login = Request::post_form("/cloakroom/login", &form);
        self.to_host(login.header("Origin", self.site.server.url()))
    }

    fn to_host(&self, request: Request) -> Request {
        match request.headers.iter().any(|(name, _)| name == "Host") {
            true => request,
            false => request.header("Host", self.site.server.url().replace("http://", "")),
        }
    }

    /// Sends one and waits for its answer.
    #[track_caller]
    pub(super) fn ask(&self, what: &'static str, request: Request) -> Answered {
        let start = Instant::now();
        let answer = self.to_host(request).send(self.site.server.address());
        Answered { what, answer, took: start.elapsed() }
    }

    /// Sends all at once, does something else, and waits for the answers.
    #[track_caller]
    pub(super) fn ask_at_once(
        &self,
        requests: Vec<Asked>,
        meanwhile: impl FnOnce(),
    ) -> Vec<Answered> {
        thread::scope(|threads| {
            let asked: Vec<_> = requests
                .into_iter()
                .map(|(what, request)| threads.spawn(move || self.ask(what, request)))
                .collect();
            meanwhile();
            asked.into_iter().map(|it| it.join().expect("it is answered")).collect()
        })
    }

    /// Asks for health so many times, each answered at once.
    #[track_caller]
    pub(super) fn check_health(&self, times: usize) {
        let asked = (0..times).map(|_| self.ask("health", Request::get("/healthz")));
        let answers: Vec<Answered> = asked.collect();
        assert!(answers.iter().all(|it| it.answer.status == 200), "{answers:?}");
        let times: Vec<Duration> = answers.iter().map(|it| it.took).collect();
        assert!(times.iter().all(|took| *took <= AT_ONCE), "health took {times:?}");
    }

    /// Waits until all kinds of requests are good, and says how long after `since` that was.
    #[track_caller]
    pub(super) fn check_recovery(&self, since: Instant) -> Duration {
        wait_until("everything works again", RECOVERY, || {
            let answers = || self.ask_at_once(self.lasting_requests(), || ());
            self.site.server.is_ready() && answers().iter().all(|it| it.answer.status < 400)
        });
        let recovered = since.elapsed();
        assert!(recovered <= RECOVERY, "recovered after {recovered:?}");
        for answered in self.ask_at_once(self.lasting_requests(), || ()) {
            answered.check_good();
        }
        recovered
    }

    /// What was refused was not done.
    #[track_caller]
    pub(super) fn check_nobody_was_signed_out(&mut self) {
        assert!(is_signed_in(&mut self.ada) && is_signed_in(&mut self.late));
        assert!(self.app.is_active(&self.token));
    }

    /// An end that is acknowledged now holds everywhere at once.
    #[track_caller]
    pub(super) fn check_end_is_seen(&self) {
        let (token, id) = self.app.log_in("carl");
        assert!(self.app.is_active(&token));
        assert_eq!(self.app.post(&format!("sessions/{id}/end"), &json!(null)).status, 200);
        assert!(!self.app.is_active(&token));
    }

    /// The session cookies of the browsers.
    pub(super) fn cookies(&self) -> [String; 2] {
        [cookie(&self.ada), cookie(&self.late)]
    }
}

/// The cookie header of a browser that is signed in.
#[track_caller]
pub(super) fn cookie(browser: &Client) -> String {
    format!("{COOKIE}={}", browser.cookie(COOKIE).expect("it is signed in"))
}
