//! Clients that are slow on purpose, and very many of them.

use std::time::{Duration, Instant};

use cloakroom_testkit::servers::http::{Connection, Request, urlencoded};
use cloakroom_testkit::servers::wait_until;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit, setrlimit};

use crate::support::{ADMIN, PASSWORD, SOON, Site, is_signed_in};
use crate::wire::{IMPATIENT, Slow, check_unharmed};

const SECOND: Duration = Duration::from_secs(1);

/// Not before its time, and not long after it.
#[track_caller]
fn check_time(after: Duration) {
    assert!(after > SECOND / 2 && after < SECOND * 8, "{after:?}");
}

fn keep_alive(site: &Site) -> Vec<u8> {
    let request = Request::get("/healthz").header("Connection", "keep-alive");
    request.to_bytes(site.server.address())
}

/// Connections that have been answered and stay open.
#[track_caller]
fn idle(site: &Site, count: usize) -> Vec<Connection> {
    let request = keep_alive(site);
    let open = |_| {
        let mut opened = None;
        // The place of a connection that was closed just now may not be free yet.
        wait_until("a connection has its place", SOON, || {
            let mut connection = Connection::open(site.server.address()).expect("it accepts");
            let sent = connection.write(&request);
            let answer = sent.and_then(|()| connection.read_response("GET"));
            opened = answer.is_ok_and(|answer| answer.status == 200).then_some(connection);
            opened.is_some()
        });
        opened.expect("it was waited for")
    };
    (0..count).map(open).collect()
}

#[test]
fn a_head_that_comes_byte_by_byte_is_cut_and_told_so() {
    let (site, mut ada) = Site::with_admin(IMPATIENT);
    for head in [
        &b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: "[..],
        b"GET /",
        b"P",
        b"\r\n\r\n\r\n",
    ] {
        let mut slow = Slow::connect(&site);
        slow.send(head);
        let cut = slow.drip(b"a");
        check_time(cut.after);
        assert!(cut.answer.starts_with("HTTP/1.1 408 "), "{cut:?}");
    }
    check_unharmed(&site, &mut ada, "slow heads");
}

#[test]
fn who_connects_and_sends_nothing_is_cut_without_a_word() {
    let (site, mut ada) = Site::with_admin(IMPATIENT);
    let cut = Slow::connect(&site).wait();
    check_time(cut.after);
    assert_eq!(cut.answer, "");
    check_unharmed(&site, &mut ada, "silence");
}

#[test]
fn a_form_that_comes_byte_by_byte_is_cut_and_told_so() {
    let (site, mut ada) = Site::with_admin(IMPATIENT);
    let form = urlencoded(&[("name", ADMIN), ("password", PASSWORD)]);
    for framing in ["Content-Length: 30000", "Transfer-Encoding: chunked"] {
        let mut slow = Slow::connect(&site);
        let port = site.server.port();
        let head = format!(
            "POST /cloakroom/login HTTP/1.1\r\nHost: localhost:{port}\r\n\
             Sec-Fetch-Site: same-origin\r\n{framing}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\r\n"
        );
        slow.send(head.as_bytes());
        let cut =
            slow.drip(if framing.contains("chunked") { b"1\r\nx\r\n" } else { form.as_bytes() });
        check_time(cut.after);
        assert!(cut.answer.starts_with("HTTP/1.1 408 "), "{framing}: {cut:?}");
        assert!(cut.answer.contains("The form took too long to arrive"), "{cut:?}");
    }
    check_unharmed(&site, &mut ada, "slow forms");
}

#[test]
fn a_client_that_takes_no_answers_is_cut() {
    let (site, mut ada) = Site::with_admin(IMPATIENT);
    let request = Request::get("/cloakroom/static/app.css").header("Connection", "keep-alive");
    let after = Slow::connect(&site).flood(&request.to_bytes(site.server.address()));
    assert!(after > SECOND / 2, "{after:?}");
    check_unharmed(&site, &mut ada, "a client that does not read");
}

#[test]
fn a_connection_is_kept_between_requests_and_cut_when_it_stays_unused() {
    let (site, mut ada) = Site::with_admin(IMPATIENT);
    let mut slow = Slow::connect(&site);
    slow.send(&keep_alive(&site));
    slow.send(&keep_alive(&site));
    let cut = slow.wait();
    check_time(cut.after);
    assert_eq!(cut.answer.matches("HTTP/1.1 200 OK").count(), 2, "{cut:?}");
    assert!(!cut.answer.contains(" 408 "), "{cut:?}");
    check_unharmed(&site, &mut ada, "an idle connection");
}

#[test]
fn a_thousand_idle_connections_cost_little_and_slow_nobody() {
    let (site, mut ada) = Site::with_admin("");
    let files = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: files.maximum, maximum: files.maximum };
    setrlimit(Resource::Nofile, raised).expect("a process may raise its own limit");
    let before = memory(&site);
    let connections = idle(&site, 1_000);
    let start = Instant::now();
    assert!(is_signed_in(&mut ada));
    assert!(start.elapsed() < SECOND * 5, "{:?}", start.elapsed());
    let each = memory(&site).saturating_sub(before) / 1_000;
    assert!(each < 64, "{each} KiB for each idle connection");
    drop(connections);
    check_unharmed(&site, &mut ada, "a thousand idle connections");
}

/// What the server has in memory, in KiB.
fn memory(site: &Site) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", site.server.pid()));
    let status = status.expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// What a connection gets for which there is no place.
#[track_caller]
fn refusal(site: &Site) -> String {
    Slow::connect(site).wait().answer
}

#[test]
fn beyond_the_most_connections_new_ones_are_refused_at_once_until_one_closes() {
    let (site, mut ada) = Site::with_admin("[limits]\nconnections = 16\n");
    let mut connections = idle(&site, 16);
    for _ in 0..5 {
        let refused = refusal(&site);
        assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
        assert!(refused.contains("\r\nRetry-After: 2\r\n"), "{refused}");
    }
    assert!(site.run(&["who"]).contains(ADMIN), "operators have a socket of their own");
    assert_eq!(site.server.log().matches("there are too many connections").count(), 1);
    connections.pop();
    wait_until("a place is free", SOON, || site.server.is_ready());
    drop(connections);
    // The server frees a place when it sees the end of its connection.
    let mut account = || ada.send(Request::get("/cloakroom/account")).status == 200;
    wait_until("all is as before", SOON, || site.server.is_ready() && account());
}

#[test]
fn strangers_leave_places_for_trusted_proxies() {
    let (site, _ada) = Site::with_admin("trusted_proxies = []\n[limits]\nconnections = 16\n");
    let mut connections = idle(&site, 14);
    assert!(refusal(&site).starts_with("HTTP/1.1 503 "));
    connections.pop();
    wait_until("a place is free", SOON, || site.server.is_ready());
}

#[test]
fn one_address_takes_no_more_than_its_share_of_connections() {
    let settings = "trusted_proxies = []\n[limits]\nconnections_per_address = 3\n";
    let (site, mut ada) = Site::with_admin(settings);
    let mut connections = idle(&site, 3);
    assert!(refusal(&site).starts_with("HTTP/1.1 503 "));
    let log = site.server.log();
    assert!(log.contains("limits.connections_per_address"), "{log}");
    connections.pop();
    wait_until("a place is free", SOON, || site.server.is_ready());
    drop(connections);
    // The server frees a place when it sees the end of its connection.
    let mut account = || ada.send(Request::get("/cloakroom/account")).status == 200;
    wait_until("all is as before", SOON, || site.server.is_ready() && account());
}

#[test]
fn without_files_for_connections_the_server_waits_for_some_and_goes_on() {
    let (site, mut ada) = Site::with_admin("");
    let server = Pid::from_raw(i32::try_from(site.server.pid()).expect("it fits"));
    let open =
        std::fs::read_dir(format!("/proc/{}/fd", site.server.pid())).expect("it runs").count();
    let most = getrlimit(Resource::Nofile).maximum;
    let few = Rlimit { current: Some(open as u64), maximum: most };
    let before = prlimit(server, Resource::Nofile, few).expect("its limit can be set");
    // Files that it had open for a moment when they were counted leave room for a few.
    let mut waiting = Vec::new();
    wait_until("accepting fails", SOON, || {
        let mut connection = Connection::open(site.server.address()).expect("the kernel accepts");
        connection.write(&keep_alive(&site)).expect("it is sent");
        waiting.push(connection);
        site.server.log().contains("accepting connections fails")
    });
    let busy = site.processor_time();
    assert!(!site.server.command(&["version"]).stdout.is_empty());
    assert!(site.processor_time() - busy < SECOND, "it spins");
    prlimit(server, Resource::Nofile, before).expect("its limit can be set");
    for mut connection in waiting {
        assert_eq!(connection.read_response("GET").expect("it is served at last").status, 200);
    }
    assert_eq!(site.server.log().matches("accepting connections fails").count(), 1);
    check_unharmed(&site, &mut ada, "running out of files");
}

#[test]
fn idle_connections_do_not_keep_the_server_from_stopping() {
    let mut site = Site::fresh("");
    let _connections = idle(&site, 50);
    let start = Instant::now();
    site.server.stop();
    assert!(start.elapsed() < SECOND * 5, "{:?}", start.elapsed());
}
