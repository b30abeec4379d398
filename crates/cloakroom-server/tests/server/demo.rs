//! `make demo`, as a person would run it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use cloakroom_testkit::servers::http::{Address, Request};
use cloakroom_testkit::servers::{Client, Process, Python, TempDir, free_port, require};
use rustix::process::Signal;
use serde_json::Value;

use crate::support::{ADMIN, COOKIE, SOON, Site, binary, is_signed_in};

const REQUIREMENTS: &str =
    include_str!("../../../../examples/legacy-data-manager/requirements.txt");

/// The session cookie of the application without a proxy.
const OWN_COOKIE: &str = "__Host-ldm";

struct Demo {
    process: Process,
    ready: Value,
    dir: TempDir,
}

fn example() -> PathBuf {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/legacy-data-manager");
    place.canonicalize().expect("the example is there")
}

impl Demo {
    /// `None` where nginx or Python is missing (a visible skip).
    fn start() -> Option<Self> {
        require("nginx")?;
        let (program, python) = (require("python3")?, Python::with(REQUIREMENTS)?);
        let dir = TempDir::new("demo");
        lend_packages(&dir, &python);
        let mut command = Command::new(program);
        command
            .arg(example().join("demo.py"))
            .arg("--ready-file")
            .arg(dir.join("ready"))
            .env("CLOAKROOM_BIN", binary())
            .env("PORT", free_port().to_string())
            .env("OWN_PORT", free_port().to_string())
            .env("DATA", dir.join("data"));
        let process = Process::spawn("demo", command, &dir.join("log"));
        let limit = Duration::from_secs(90);
        process.wait_until("the demo is ready", limit, || dir.join("ready").exists());
        let ready = fs::read(dir.join("ready")).expect("it says where it is");
        let ready = serde_json::from_slice(&ready).expect("in JSON");
        Some(Self { process, ready, dir })
    }

    fn url(&self) -> &str {
        self.ready["url"].as_str().expect("an address")
    }

    fn port(&self) -> u16 {
        port_of(self.url())
    }

    /// The application without a proxy.
    fn own_url(&self) -> &str {
        self.ready["own"].as_str().expect("an address")
    }

    /// A browser at its start page, with nobody signed in.
    fn stranger_there(&self) -> Client {
        Client::new(Address::Port(port_of(self.own_url())), self.own_url())
    }

    /// A browser in which one of its own users has signed in.
    fn own_browser_of(&self, name: &str) -> Client {
        let mut browser = self.stranger_there();
        let page = browser.get("/");
        assert_eq!(page.header("Location").as_deref(), Some("/login?next=%2F"));
        let password = self.ready["users"][name].as_str().expect("a password");
        let form = [("name", name), ("password", password), ("next", "/")];
        let answer = browser.post_form("/login", &form);
        assert_eq!(answer.status, 303, "{answer:?}");
        assert_eq!(browser.follow(&answer).status, 200);
        browser
    }

    fn browser_of(&self, name: &str) -> Client {
        let mut browser = Client::new(Address::Port(self.port()), self.url());
        let page = browser.get("/");
        let login = browser.follow(&page);
        assert!(login.text().contains("Sign in to Legacy Data Manager"), "{login:?}");
        let password = self.ready["users"][name].as_str().expect("a password");
        let form = [("name", name), ("password", password), ("app", "ldm")];
        let answer = browser.post_form("/cloakroom/login", &form);
        assert_eq!(answer.status, 303, "{answer:?}");
        let answer = browser.follow(&answer);
        let page = browser.follow(&answer);
        assert_eq!(page.status, 200, "{page:?}");
        browser
    }
}

fn port_of(url: &str) -> u16 {
    url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port")
}

/// The value of the hidden field of that name, in the page of one's devices.
fn hidden(page: &str, name: &str) -> String {
    let field = format!("name=\"{name}\" value=\"");
    let (_, rest) = page.split_once(&field).unwrap_or_else(|| panic!("no {name}: {page}"));
    rest.split('"').next().expect("a value").to_owned()
}

/// Spares the demo its own installation: its Python is the one that tests share.
fn lend_packages(dir: &TempDir, python: &Python) {
    let script = format!("#!/bin/sh\nexec {} \"$@\"\n", python.program().display());
    let program = dir.write("data/venv/bin/python", script);
    fs::set_permissions(program, fs::Permissions::from_mode(0o700)).expect("it can be run");
    let mut digest = Command::new("sha256sum");
    digest.arg(example().join("requirements.txt"));
    let digest = digest.output().expect("coreutils are there").stdout;
    dir.write("data/venv/installed", &digest[..64]);
    dir.write("data/.cloakroom-demo", "");
}

#[test]
fn in_the_demo_alice_and_bob_see_their_own_records_alone_and_ctrl_c_stops_everything() {
    let Some(mut demo) = Demo::start() else { return };
    let (mut alice, mut bob) = (demo.browser_of("alice"), demo.browser_of("bob"));
    let (hers, his) = (alice.get("/").text(), bob.get("/").text());
    for (own, other, record) in [(&hers, &his, "Server room inventory"), (&his, &hers, "Payroll")] {
        assert!(own.contains(record) && !other.contains(record), "{record}");
    }
    assert_eq!(alice.get("/cloakroom/admin").status, 200);
    assert_eq!(bob.get("/cloakroom/admin").status, 403);
    // The third of the things to try.
    let forged = Request::get("/api/whoami").header("Remote-User", "alice");
    let forged = forged.header("Host", demo.url().trim_start_matches("http://"));
    assert_eq!(forged.send(&Address::Port(demo.port())).status, 401);
    let printed = demo.process.log();
    let addresses = [demo.url(), demo.own_url()];
    for line in ["alice", "bob", "carol", "dave", "Four things to try"].into_iter().chain(addresses)
    {
        assert!(printed.contains(line), "{line}: {printed}");
    }

    let ports = ["url", "own", "cloakroom", "app"]
        .map(|part| port_of(demo.ready[part].as_str().expect("an address")));
    demo.process.signal(Signal::INT);
    let status = demo.process.wait_for_exit(SOON).expect("it stops");
    assert_eq!(status.code(), Some(0), "{}", demo.process.log());
    for port in ports {
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err(), "{port} is taken");
    }
    drop(demo.dir);
}

#[test]
fn the_demo_and_a_server_beside_it_sign_nobody_out_though_cookies_ignore_ports() {
    let Some(demo) = Demo::start() else { return };
    let (site, mut ada) = Site::with_admin("");
    let mut alice = demo.browser_of("alice");
    let theirs = "__Host-cloakroom-demo";
    let (mine, hers) =
        (ada.cookie(COOKIE).map(str::to_owned), alice.cookie(theirs).map(str::to_owned));
    // One browser has both, and sends both to either.
    ada.set_cookie(theirs, hers.as_deref().expect("the demo's cookie"));
    alice.set_cookie(COOKIE, mine.as_deref().expect("the server's cookie"));
    assert!(is_signed_in(&mut ada) && is_signed_in(&mut alice));
    assert_eq!(alice.get("/").status, 200);
    let seen = alice.get("/api/whoami").text();
    assert!(!seen.contains("clk_"), "a credential reached the application: {seen}");
    ada.post_form("/cloakroom/logout", &[]);
    assert_eq!(ada.cookie(theirs).map(str::to_owned), hers, "the other's cookie stays");
    assert!(is_signed_in(&mut alice));
    assert!(is_signed_in(&mut site.browser_of(ADMIN)));
}

#[test]
fn without_a_proxy_the_application_keeps_its_own_users_sessions_in_cloakroom() {
    let Some(demo) = Demo::start() else { return };
    let (mut carol, mut dave) = (demo.own_browser_of("carol"), demo.own_browser_of("dave"));
    let (hers, his) = (carol.get("/").text(), dave.get("/").text());
    for (own, other, record) in [(&hers, &his, "Leases 2021"), (&his, &hers, "Key register")] {
        assert!(own.contains(record) && !other.contains(record), "{record}");
    }
    let cookie = carol.cookie(OWN_COOKIE).expect("a session cookie").to_owned();
    assert!(!carol.get("/api/whoami").text().contains(&cookie), "the page shows its credential");

    // A logout bites in every tab, at its next request.
    let mut tab = carol.clone();
    assert_eq!(carol.post_form("/logout", &[]).status, 303);
    assert_eq!(carol.cookie(OWN_COOKIE), None);
    assert_eq!(tab.get("/").header("Location").as_deref(), Some("/login?next=%2F"));
    assert_eq!(tab.get("/api/records").status, 303, "a person opens it");

    // An administrator ends the session from Cloakroom's side.
    let mut admin = demo.browser_of("alice");
    let list = admin.get("/cloakroom/admin?q=dave").text();
    let target = "/cloakroom/admin/sessions/";
    let (_, form) = list.split_once(target).unwrap_or_else(|| panic!("no form: {list}"));
    let end = format!("{target}{}", form.split('"').next().expect("the end of its address"));
    assert_eq!(admin.post_form(&end, &[]).status, 303);
    assert_eq!(dave.get("/").header("Location").as_deref(), Some("/login?next=%2F"));
    assert_eq!(admin.get("/").status, 200);
}

#[test]
fn without_a_proxy_people_see_their_devices_and_end_them() {
    let Some(demo) = Demo::start() else { return };
    let (mut desk, mut phone) = (demo.own_browser_of("carol"), demo.own_browser_of("carol"));
    let (mut third, mut dave) = (demo.own_browser_of("carol"), demo.own_browser_of("dave"));
    let page = desk.get("/account").text();
    assert!(page.contains("Firefox on Linux") && page.contains("this device"), "{page}");
    assert_eq!(page.matches("<article").count(), 3, "{page}");

    let of_third = hidden(&page, "session_id");
    let refused = dave.post_form("/account/end", &[("session_id", &of_third)]);
    assert_eq!(refused.status, 404, "another's session: {refused:?}");
    assert_eq!(third.get("/").status, 200);
    let ended = desk.post_form("/account/end", &[("session_id", &of_third)]);
    assert!(desk.follow(&ended).text().contains("1 session ended"));
    assert_eq!(third.get("/").status, 303);
    assert_eq!(phone.get("/").status, 200);
    desk.post_form("/account/end-others", &[]);
    assert_eq!(phone.get("/").status, 303);
    assert_eq!(desk.get("/").status, 200);
    assert_eq!(dave.get("/").status, 200);
}

#[test]
fn the_applications_own_sign_in_says_no_to_all_wrong_ones_alike_and_leads_nowhere_else() {
    let Some(demo) = Demo::start() else { return };
    let mut browser = demo.stranger_there();
    for name in ["carol", "nobody", "alice", ""] {
        let form = [("name", name), ("password", "guess"), ("next", "/")];
        let answer = browser.post_form("/login", &form);
        assert_eq!(answer.status, 401);
        assert!(answer.text().contains("do not belong together"), "{answer:?}");
    }
    assert_eq!(browser.cookie(OWN_COOKIE), None);
    let password = demo.ready["users"]["carol"].as_str().expect("a password");
    for next in ["//evil.example", "https://evil.example", "/\\evil.example", "evil"] {
        let form = [("name", "carol"), ("password", password), ("next", next)];
        let answer = demo.stranger_there().post_form("/login", &form);
        assert_eq!(answer.header("Location").as_deref(), Some("/"), "{next}");
    }
    let request = Request::post_form("/login", &[("name", "carol"), ("password", password)]);
    let foreign = request.header("Origin", "https://evil.example").header("Host", "localhost");
    assert_eq!(foreign.send(&Address::Port(port_of(demo.own_url()))).status, 403);
}
