//! Real nginx with the shipped files, in front of the example application.

use std::path::{Path, PathBuf};
use std::process::Command;

use cloakroom_testkit::servers::http::{Address, Request, Response};
use cloakroom_testkit::servers::{
    Client, Nginx, Process, Python, TempDir, free_port, require, wait_until,
};
use serde_json::Value;

use crate::support::{COOKIE, PASSWORD, SOON, Site, send_login, session_of};

const REQUIREMENTS: &str =
    include_str!("../../../../examples/legacy-data-manager/requirements.txt");

/// The server, nginx and the example application behind one origin.
pub(crate) struct Front {
    pub(crate) site: Site,
    pub(crate) nginx: Nginx,
    _application: Process,
    _dir: TempDir,
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("it is there")
}

impl Front {
    /// `None` where nginx or Python is missing (a visible skip).
    pub(crate) fn start(people: &[&str]) -> Option<Self> {
        Self::with(people, "")
    }

    /// The same with more settings of nginx.
    pub(crate) fn with(people: &[&str], settings: &str) -> Option<Self> {
        require("nginx")?;
        let python = Python::with(REQUIREMENTS)?;
        let (dir, port) = (TempDir::new("front"), free_port());
        let origin = format!("http://localhost:{port}");
        let site = Site::fresh(&format!(
            "public_url = \"{origin}\"\n[app.ldm]\nname = \"Legacy Data Manager\"\n\
             origin = \"{origin}\"\n"
        ));
        let app_port = free_port();
        let application = application(&python, &dir, &site, &origin, app_port);
        let nginx =
            Nginx::start(port, &configuration(port, site.server.port(), app_port, settings))?;
        application.wait_until("the application answers", SOON, || {
            let asked = Request::get("/healthz").try_send(&Address::Port(app_port));
            asked.is_ok_and(|answer| answer.status == 200)
        });
        let front = Self { site, nginx, _application: application, _dir: dir };
        let code = front.site.set_up_code();
        let answer = crate::support::set_up(&mut front.browser(), &code);
        assert_eq!(answer.status, 303, "{answer:?}");
        for name in people {
            let code = front.site.invite(name, &["--group", "staff"]);
            let answer = crate::support::choose_password(&mut front.browser(), &code);
            assert_eq!(answer.status, 303, "{answer:?}");
        }
        Some(front)
    }

    pub(crate) fn browser(&self) -> Client {
        Client::new(self.nginx.address(), &format!("http://localhost:{}", self.nginx.port()))
    }

    pub(crate) fn browser_of(&self, name: &str) -> Client {
        let mut browser = self.browser();
        let answer = send_login(&mut browser, name, PASSWORD);
        assert_eq!(answer.status, 303, "{answer:?}");
        assert_eq!(browser.follow(&answer).status, 303);
        browser
    }
}

fn application(python: &Python, dir: &TempDir, site: &Site, origin: &str, port: u16) -> Process {
    let mut command = Command::new(python.program());
    let place = repository().join("examples/legacy-data-manager");
    command
        .args(["-m", "uvicorn", "ldm.app:app", "--host", "127.0.0.1", "--app-dir"])
        .arg(place)
        .args(["--port", &port.to_string()])
        .env("CLOAKROOM_URL", format!("http://127.0.0.1:{}", site.server.port()))
        .env("CLOAKROOM_ISSUER", origin)
        .env("CLOAKROOM_APP", "ldm")
        .env("LDM_ORIGIN", origin)
        .env("LDM_DATABASE", dir.join("records.db"))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    Process::spawn("application", command, &dir.join("log"))
}

/// The shipped files as they are, around the three addresses.
fn configuration(port: u16, cloakroom: u16, application: u16, settings: &str) -> String {
    let files = repository().join("deploy/nginx");
    let files = files.display();
    Nginx::configuration(&format!(
        r#"
    variables_hash_max_size 2048;
    include "{files}/cloakroom.conf";
    upstream cloakroom {{ server 127.0.0.1:{cloakroom}; keepalive 16; }}
    server {{
        listen 127.0.0.1:{port};
        server_name localhost;
        {settings}
        set $cloakroom_app ldm;
        include "{files}/cloakroom-locations.conf";
        location / {{
            include "{files}/cloakroom-protect.conf";
            proxy_pass http://127.0.0.1:{application};
        }}
    }}"#
    ))
}

/// What arrived at the application.
#[track_caller]
pub(crate) fn who_am_i(browser: &mut Client, forged: &[(&str, &str)]) -> Value {
    let request = Request::get("/api/whoami");
    let add = |request: Request, (name, value): &(&str, &str)| request.header(name, value);
    let answer = browser.send(forged.iter().fold(request, add));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

pub(crate) fn arrived(seen: &Value, name: &str) -> Vec<String> {
    let headers = seen["headers"].as_array().expect("headers are a list").iter();
    let named = headers.filter(|pair| pair[0].as_str().is_some_and(|it| it == name));
    named.map(|pair| pair[1].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn the_verified_identity_arrives_at_the_application() {
    let Some(front) = Front::start(&["bob"]) else { return };
    let mut bob = front.browser_of("bob");
    let seen = who_am_i(&mut bob, &[]);
    assert_eq!(seen["identity"]["name"], "bob", "{seen}");
    assert_eq!(seen["identity"]["groups"], serde_json::json!(["staff"]));
    assert_eq!(seen["identity"]["session"], session_of(&bob));
    assert_eq!(arrived(&seen, "remote-user"), ["bob"]);
    assert_eq!(arrived(&seen, "x-cloakroom-assertion"), ["(verified)"]);
    assert_eq!(bob.get("/").status, 200);
}

#[test]
fn identity_and_addresses_that_a_client_forges_never_arrive() {
    let Some(front) = Front::start(&["bob"]) else { return };
    let mut bob = front.browser_of("bob");
    let forged = [
        ("Remote-User", "ada"),
        ("Remote-Groups", "admins"),
        ("Remote-Name", "forged"),
        ("Remote-Email", "forged@evil.example"),
        ("Remote-Session", "forged"),
        ("Remote_User", "ada"),
        ("X-Cloakroom-Assertion", "forged"),
        ("X_Cloakroom_Assertion", "forged"),
        ("X-Forwarded-For", "203.0.113.66"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Proto", "gopher"),
        ("X-Forwarded-User", "ada"),
        ("X-Forwarded-Uri", "/forged"),
        ("X-Original-URL", "/forged"),
        ("X-Original-URI", "/forged"),
        ("X-Rewrite-URL", "/forged"),
        ("X-Real-IP", "203.0.113.66"),
        ("Forwarded", "for=203.0.113.66"),
        ("remote-user", "ada"),
    ];
    let seen = who_am_i(&mut bob, &forged);
    assert_eq!(seen["identity"]["name"], "bob", "{seen}");
    for forgery in ["ada", "admins", "forged", "evil.example", "203.0.113.66", "gopher"] {
        assert!(!seen["headers"].to_string().contains(forgery), "{forgery}: {seen}");
    }
    assert_eq!(arrived(&seen, "x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(arrived(&seen, "remote-user"), ["bob"]);

    let mut visitor = front.browser();
    for path in ["/api/whoami", "/"] {
        let add = |request: Request, (name, value): &(&str, &str)| request.header(name, value);
        let answer = visitor.send(forged.iter().fold(Request::get(path), add));
        assert_eq!(answer.status, 401, "{answer:?}");
        assert_eq!(answer.header("Content-Type").as_deref(), Some("application/problem+json"));
    }
    // Neither do they lead a person who signs in elsewhere.
    let request = Request::get("/x?y=1").header("Accept", "text/html");
    let answer = visitor.send(request.header("X-Original-URL", "https://evil.example/"));
    assert!(!format!("{answer:?}").contains("evil"), "{answer:?}");
    // The question itself cannot be asked from outside.
    assert_eq!(bob.get("/_cloakroom/auth").status, 404);
    assert_ne!(bob.get("/auth/nginx/ldm").header("Remote-User").as_deref(), Some("bob"));
}

#[test]
fn the_application_never_sees_a_credential_of_ours_but_its_own_cookies_law_14() {
    let Some(front) = Front::start(&["bob"]) else { return };
    let mut bob = front.browser_of("bob");
    let token = bob.cookie(COOKIE).expect("a cookie").to_owned();
    let ours = format!("{COOKIE}={token}");
    for (sent, kept) in [
        (format!("theme=dark; {ours}; lang=de"), &["theme=dark", "lang=de"][..]),
        (format!("{ours}; theme=dark"), &["theme=dark"]),
        (format!("theme=dark;{ours}"), &["theme=dark"]),
        (format!("{ours};{ours}; theme=dark"), &["theme=dark"]),
        (format!("a=1; {ours}; b=2; {ours}; c=3"), &["a=1", "b=2", "c=3"]),
        (format!("{COOKIE}-demo=x; {ours}; theme=dark"), &["theme=dark"]),
        (ours.clone(), &[]),
    ] {
        let seen = who_am_i(&mut bob, &[("Cookie", &sent)]);
        let text = seen.to_string();
        assert!(!text.contains(&token) && !text.contains("clk_"), "{sent}: {seen}");
        let cookies = arrived(&seen, "cookie").join("; ");
        let arrived: Vec<&str> =
            cookies.split(';').map(str::trim).filter(|it| !it.is_empty()).collect();
        assert_eq!(arrived, kept, "{sent}");
    }
    let bearer = format!("Bearer {token}");
    let answer = front.browser().send(Request::get("/api/whoami").header("Authorization", bearer));
    assert_eq!(answer.status, 401, "a credential of ours works in its cookie alone");
}

#[test]
fn a_person_signs_in_and_comes_back_to_exactly_the_address_asked_for() {
    let Some(front) = Front::start(&["bob"]) else { return };
    let mut bob = front.browser();
    let path = "/records?q=a%20b&next=%2F%2Fx&empty=&euro=%E2%82%AC";
    let answer = bob.get(path);
    assert_eq!(answer.status, 302, "{answer:?}");
    let page = bob.follow(&answer);
    assert!(page.text().contains("Sign in to Legacy Data Manager"), "{page:?}");
    let text = page.text();
    let to = crate::support::between(&text, "name=\"to\" value=\"", "\"")[0].replace("&#38;", "&");
    let form = [("name", "bob"), ("password", PASSWORD), ("app", "ldm"), ("to", &to)];
    let checked = bob.post_form("/cloakroom/login", &form);
    let answer = bob.follow(&checked);
    let expected = format!("http://localhost:{}{path}", front.nginx.port());
    assert_eq!(answer.header("Location"), Some(expected));
    assert_ne!(bob.follow(&answer).status, 302);
}

#[test]
fn scripts_and_forms_get_401_and_no_redirect() {
    let Some(front) = Front::start(&[]) else { return };
    let mut visitor = front.browser();
    let is_problem = |answer: &Response| {
        assert_eq!((answer.status, answer.header("Location")), (401, None), "{answer:?}");
        assert_eq!(answer.json()["code"], "not-logged-in");
        assert_eq!(answer.header("Cache-Control").as_deref(), Some("no-store"));
    };
    is_problem(&visitor.send(Request::get("/api/records").header("Accept", "application/json")));
    is_problem(&visitor.post_form("/records", &[("title", "x")]));
    let script = Request::get("/").header("Accept", "text/html").header("Sec-Fetch-Mode", "cors");
    is_problem(&visitor.send(script));
}

#[test]
fn each_person_sees_their_own_records_alone() {
    let Some(front) = Front::start(&["bob"]) else { return };
    let (mut ada, mut bob) = (front.browser_of("ada"), front.browser_of("bob"));
    assert_eq!(bob.post_form("/records", &[("title", "Bob's record")]).status, 303);
    assert!(bob.get("/").text().contains("Bob"));
    assert!(bob.get("/api/records").text().contains("Bob's record"));
    assert!(!ada.get("/api/records").text().contains("Bob's record"));
}

#[test]
fn a_logout_in_one_tab_is_refused_in_the_other_at_the_next_request() {
    let Some(front) = Front::start(&["bob"]) else { return };
    let mut tab = front.browser_of("bob");
    let mut other = tab.clone();
    assert_eq!(other.get("/api/records").status, 200);
    assert_eq!(tab.post_form("/cloakroom/logout", &[]).status, 200);
    let refused = other.send(Request::get("/api/records").header("Accept", "application/json"));
    assert_eq!(refused.status, 401, "{refused:?}");
    let page = other.get("/");
    assert_eq!(page.status, 302);
    assert_eq!(other.follow(&page).status, 200);
}

#[test]
fn while_the_server_is_away_nobody_is_let_in_or_signed_out_and_all_goes_on_after_it() {
    let Some(mut front) = Front::start(&["bob"]) else { return };
    let mut bob = front.browser_of("bob");
    let cookie = bob.cookie(COOKIE).map(str::to_owned);
    front.site.server.stop();
    for path in ["/", "/api/records", "/cloakroom/account"] {
        let page = bob.get(path);
        assert_eq!(page.status, 503, "{path}: {page:?}");
        assert_eq!(page.headers("Retry-After"), ["2"], "{path}");
        assert!(page.text().contains("You have not been signed out"), "{path}: {page:?}");
        assert!(page.headers("Set-Cookie").is_empty());
        let answer = bob.send(Request::get(path).header("Accept", "application/json"));
        assert_eq!(answer.status, 503, "{path}");
        assert_eq!(answer.json()["code"], "sessions-unavailable", "{path}");
    }
    assert_eq!(front.browser().get("/").status, 503, "nor is anybody let in");
    front.site.server.restart();
    wait_until("nginx tries it again", SOON, || bob.get("/api/records").status == 200);
    assert_eq!(bob.cookie(COOKIE).map(str::to_owned), cookie);
    assert_eq!(bob.get("/cloakroom/account").status, 200);
}

#[test]
fn a_fault_of_the_store_passes_nginx_as_503() {
    let Some(front) = Front::start(&["bob"]) else { return };
    let mut bob = front.browser_of("bob");
    front.site.cut_store();
    for path in ["/", "/api/records", "/cloakroom/account"] {
        let answer = bob.get(path);
        assert_eq!((answer.status, answer.headers("Retry-After").len()), (503, 1), "{answer:?}");
    }
    front.site.heal_store();
    assert_eq!(bob.get("/api/records").status, 200);
}
