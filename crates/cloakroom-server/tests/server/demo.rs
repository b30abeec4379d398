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
            .env("DATA", dir.join("data"));
        let process = Process::spawn("demo", command, &dir.join("log"));
        let limit = Duration::from_secs(60);
        process.wait_until("the demo is ready", limit, || dir.join("ready").exists());
        let ready = fs::read(dir.join("ready")).expect("it says where it is");
        let ready = serde_json::from_slice(&ready).expect("in JSON");
        Some(Self { process, ready, dir })
    }

    fn url(&self) -> &str {
        self.ready["url"].as_str().expect("an address")
    }

    fn port(&self) -> u16 {
        self.url().rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port")
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
    for line in ["alice", "bob", "Three things to try", demo.url()] {
        assert!(printed.contains(line), "{line}: {printed}");
    }

    let ports = ["url", "cloakroom", "app"].map(|part| {
        let url = demo.ready[part].as_str().expect("an address");
        url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port")
    });
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
