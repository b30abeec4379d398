//! A server in a directory of its own, and what people do with it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cloakroom::SessionId;
use cloakroom_testkit::servers::http::{Address, Request, Response};
use cloakroom_testkit::servers::{Client, Cloakroom, StoreServers, TempDir};
use serde_json::Value;

/// The password of everybody.
pub(crate) const PASSWORD: &str = "correct horse battery staple";
/// The first administrator.
pub(crate) const ADMIN: &str = "ada";
/// The session cookie.
pub(crate) const COOKIE: &str = "__Host-cloakroom";
/// An application, for tests that need one.
pub(crate) const RECORDS: &str =
    "[app.records]\nname = \"Records\"\norigin = \"http://localhost:7999\"\n";
/// Longest wait for anything.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A running server and its directory.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) server: Cloakroom,
    // Dropped last: the server writes in it until it has stopped.
    pub(crate) _dir: TempDir,
}

impl Site {
    /// A server that nobody has set up yet.
    #[track_caller]
    pub(crate) fn fresh(configuration: &str) -> Self {
        let dir = TempDir::new("server");
        let server = Cloakroom::start(binary(), dir.path(), configuration);
        Self { server, _dir: dir }
    }

    /// The same on these stores.
    #[track_caller]
    pub(crate) fn on(stores: StoreServers, configuration: &str) -> Self {
        let dir = TempDir::new("server");
        let server = Cloakroom::start_on(Arc::new(stores), binary(), dir.path(), configuration);
        Self { server, _dir: dir }
    }

    /// A server with its first administrator, and that person's browser.
    #[track_caller]
    pub(crate) fn with_admin(configuration: &str) -> (Self, Client) {
        let site = Self::fresh(configuration);
        let browser = site.first_admin();
        (site, browser)
    }

    /// The browser of the first administrator, who has just set the server up.
    #[track_caller]
    pub(crate) fn first_admin(&self) -> Client {
        let mut browser = self.server.client();
        let answer = set_up(&mut browser, &self.set_up_code());
        assert_eq!(answer.status, 303, "{answer:?}");
        browser
    }

    /// A server with an administrator and more people.
    #[track_caller]
    pub(crate) fn with_people(configuration: &str, names: &[&str]) -> (Self, Client) {
        let (site, browser) = Self::with_admin(configuration);
        for name in names {
            site.add(name, &[]);
        }
        (site, browser)
    }

    /// The code in the file with the set-up link.
    #[track_caller]
    pub(crate) fn set_up_code(&self) -> String {
        let link = std::fs::read_to_string(self.server.data_dir().join("setup-link"));
        code_of(link.expect("there is a file with the link").trim())
    }

    /// Adds a user by command, who chooses the usual password.
    #[track_caller]
    pub(crate) fn add(&self, name: &str, options: &[&str]) {
        let code = self.invite(name, options);
        let answer = choose_password(&mut self.server.client(), &code);
        assert_eq!(answer.status, 303, "{answer:?}");
        // Choosing a password signs in, and nobody asked for that session.
        self.run(&["end", "--user", name]);
    }

    /// Adds a user by command and returns the code of the one-time link.
    #[track_caller]
    pub(crate) fn invite(&self, name: &str, options: &[&str]) -> String {
        let added = self.run(&[&["user", "add", name, "--json"], options].concat());
        let added: Value = serde_json::from_str(&added).expect("user add prints JSON");
        code_of(added["link"].as_str().expect("there is a link"))
    }

    /// Makes another one-time link for a user and returns its code.
    #[track_caller]
    pub(crate) fn invite_again(&self, name: &str) -> String {
        let printed = self.run(&["user", "passwd", name, "--json"]);
        let printed: Value = serde_json::from_str(&printed).expect("it prints JSON");
        code_of(printed["link"].as_str().expect("there is a link"))
    }

    /// Runs a command that must do its work, and returns what it printed.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let output = self.server.command(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// A browser in which this person has signed in.
    #[track_caller]
    pub(crate) fn browser_of(&self, name: &str) -> Client {
        let mut browser = self.server.client();
        self.sign_in(&mut browser, name);
        browser
    }

    /// Signs in by the form and follows where it leads.
    #[track_caller]
    pub(crate) fn sign_in(&self, browser: &mut Client, name: &str) {
        let answer = send_login(browser, name, PASSWORD);
        assert_eq!(answer.status, 303, "{answer:?}");
        let answer = browser.follow(&answer);
        assert_eq!(answer.header("Location").as_deref(), Some("/cloakroom/account"));
    }

    /// An application with an API key that may do everything.
    #[track_caller]
    pub(crate) fn application(&self) -> Application {
        let scopes =
            ["sessions:read", "sessions:write", "sessions:end", "users:read", "users:write"];
        self.application_with("app", &scopes)
    }

    /// An application with an API key of this name and these scopes.
    #[track_caller]
    pub(crate) fn application_with(&self, name: &str, scopes: &[&str]) -> Application {
        let scopes = scopes.iter().flat_map(|scope| ["--scope", scope]);
        let arguments: Vec<&str> = ["api-key", "add", name].into_iter().chain(scopes).collect();
        let key = self.run(&arguments).trim().to_owned();
        Application { address: self.server.address().clone(), key }
    }

    /// The processor time that the server has taken so far.
    #[track_caller]
    pub(crate) fn processor_time(&self) -> Duration {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.server.pid()));
        let nanoseconds = tasks.expect("it runs").flatten().filter_map(|task| {
            let times = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
            times.split(' ').next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(nanoseconds.sum())
    }
}

/// What calls `/v1` with an API key.
#[derive(Clone, Debug)]
pub(crate) struct Application {
    pub(crate) address: Address,
    pub(crate) key: String,
}

impl Application {
    /// A request with the key and no body.
    pub(crate) fn request(&self, method: &str, path: &str) -> Request {
        Request::new(method, &format!("/v1/{path}"))
            .header("Host", "localhost")
            .header("Authorization", format!("Bearer {}", self.key))
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Response {
        self.request("GET", path).send(&self.address)
    }

    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &Value) -> Response {
        self.json("POST", path, body).send(&self.address)
    }

    #[track_caller]
    pub(crate) fn patch(&self, path: &str, body: &Value) -> Response {
        self.json("PATCH", path, body).send(&self.address)
    }

    pub(crate) fn json(&self, method: &str, path: &str, body: &Value) -> Request {
        self.request(method, path).header("Content-Type", "application/json").body(body.to_string())
    }

    /// Creates a session of this user; its token and its id.
    #[track_caller]
    pub(crate) fn log_in(&self, user: &str) -> (String, String) {
        let answer = self.post("sessions", &serde_json::json!({"user": {"id": user}}));
        assert_eq!(answer.status, 201, "{answer:?}");
        token_and_id(&answer)
    }

    /// What a token is worth now.
    #[track_caller]
    pub(crate) fn verify(&self, token: &str) -> Value {
        let answer = self.post("sessions/verify", &serde_json::json!({ "token": token }));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// How many sessions are live, of up to 200.
    #[track_caller]
    pub(crate) fn live(&self) -> usize {
        self.count_listed("sessions?limit=200")
    }

    /// How many sessions of this user are live.
    #[track_caller]
    pub(crate) fn live_of(&self, user: &str) -> usize {
        self.count_listed(&format!("sessions?limit=200&user={user}"))
    }

    #[track_caller]
    fn count_listed(&self, path: &str) -> usize {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["items"].as_array().expect("a list").len()
    }

    /// Whether a token is good.
    #[track_caller]
    pub(crate) fn is_active(&self, token: &str) -> bool {
        self.verify(token)["active"].as_bool().expect("active is a boolean")
    }
}

/// What a creation answered with.
#[track_caller]
pub(crate) fn token_and_id(answer: &Response) -> (String, String) {
    let body = answer.json();
    let text = |value: &Value| value.as_str().expect("it is a text").to_owned();
    (text(&body["token"]), text(&body["session"]["id"]))
}

/// Checks a problem document, and that it says nothing that it should not.
#[track_caller]
pub(crate) fn check_problem(answer: &Response, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("Content-Type").as_deref(), Some("application/problem+json"));
    assert_eq!(answer.header("Cache-Control").as_deref(), Some("no-store"), "{answer:?}");
    let body = answer.json();
    assert_eq!(body["code"], code, "{body}");
    assert_eq!(body["status"], status);
    assert_eq!(body["type"], format!("urn:cloakroom:problem:{code}"));
    assert!(body["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{body}");
    assert!(answer.headers("Set-Cookie").is_empty(), "{answer:?}");
}

/// The binary under test.
pub(crate) fn binary() -> PathBuf {
    env!("CARGO_BIN_EXE_cloakroom").into()
}

/// Sends the set-up form for the administrator.
#[track_caller]
pub(crate) fn set_up(browser: &mut Client, code: &str) -> Response {
    let form = [
        ("code", code),
        ("name", ADMIN),
        ("display_name", "Ada Lovelace"),
        ("email", "ada@example.org"),
        ("password", PASSWORD),
        ("repeat", PASSWORD),
    ];
    browser.post_form("/cloakroom/setup", &form)
}

/// Sends the form behind a one-time link.
#[track_caller]
pub(crate) fn choose_password(browser: &mut Client, code: &str) -> Response {
    let form = [("code", code), ("password", PASSWORD), ("repeat", PASSWORD)];
    browser.post_form("/cloakroom/password-link", &form)
}

/// Sends the login form.
#[track_caller]
pub(crate) fn send_login(browser: &mut Client, name: &str, password: &str) -> Response {
    browser.post_form("/cloakroom/login", &[("name", name), ("password", password)])
}

/// Whether the account page opens.
#[track_caller]
pub(crate) fn is_signed_in(browser: &mut Client) -> bool {
    let answer = browser.get("/cloakroom/account");
    if answer.status == 200 {
        return true;
    }
    let to = answer.header("Location").unwrap_or_default();
    assert!(answer.status == 303 && to.starts_with("/cloakroom/login?"), "{answer:?}");
    false
}

/// What comes after `#` in a one-time link.
#[track_caller]
pub(crate) fn code_of(link: &str) -> String {
    link.split_once('#').expect("the code is in the fragment").1.to_owned()
}

/// All texts between `before` and `after`.
pub(crate) fn between<'a>(text: &'a str, before: &str, after: &str) -> Vec<&'a str> {
    text.split(before).skip(1).filter_map(|rest| Some(rest.split_once(after)?.0)).collect()
}

/// The sessions that a page has a button to end, in its order.
pub(crate) fn endable(page: &Response) -> Vec<String> {
    between(&page.text(), "/sessions/", "/end\"")
        .into_iter()
        .filter(|id| id.len() == 36)
        .map(str::to_owned)
        .collect()
}

/// The public id of the session of this browser, which its credential says.
#[track_caller]
pub(crate) fn session_of(browser: &Client) -> String {
    let bytes = token_bytes(browser.cookie(COOKIE).expect("the browser has a cookie"));
    SessionId::from_bytes(bytes[1..17].try_into().expect("sixteen bytes")).to_string()
}

/// What a session token decodes to: bucket, id, counter, secret (at 21..53), tag.
#[track_caller]
pub(crate) fn token_bytes(token: &str) -> Vec<u8> {
    let text = token.strip_prefix("clk_").expect("a token begins with clk_");
    URL_SAFE_NO_PAD.decode(text).expect("a token is base64url")
}
