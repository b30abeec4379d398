//! Sessions in memory: an orderly stop keeps them, a start that fails does not lose them, and the
//! server says what they are.

use std::fs;

use cloakroom_testkit::servers::http::Request;
use cloakroom_testkit::servers::wait_until;
use rustix::process::{Pid, Signal, kill_process};

use crate::outage::{PATIENT, begin};
use crate::support::{ADMIN, PASSWORD, SOON, Site, is_signed_in, session_of};

const IN_MEMORY: &str = "strategy = 'memory'";

#[test]
fn who_is_signed_in_stays_so_over_an_orderly_restart_and_who_signed_out_does_not() {
    let (mut site, mut ada) = Site::with_people(IN_MEMORY, &["bob"]);
    let (mut bob, mut late) = (site.browser_of("bob"), site.browser_of("bob"));
    late.post_form("/cloakroom/logout", &[]);
    site.server.restart();
    assert!(is_signed_in(&mut ada) && is_signed_in(&mut bob));
    assert!(!is_signed_in(&mut late));
    let saved = site.server.data_dir().join("sessions.snapshot");
    assert!(!saved.exists(), "what ends from now on must not come back after a crash");
    site.run(&["end", &session_of(&bob)]);
    site.server.kill_9();
    site.server.restart();
    assert!(!is_signed_in(&mut bob) && !is_signed_in(&mut ada), "a crash ends them all");
    assert!(site.server.log().contains("in the memory of this one process"));
}

#[test]
fn no_other_server_starts_before_all_is_saved() {
    let (mut site, mut ada) = Site::with_admin(&format!("{IN_MEMORY}\n{PATIENT}"));
    let database = site.sqlite();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    let login = begin(&site, "", "/cloakroom/login", &[("name", ADMIN), ("password", PASSWORD)]);
    let pid = i32::try_from(site.server.pid()).ok().and_then(Pid::from_raw).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    wait_until("nobody new is let in", SOON, || {
        Request::get("/healthz").try_send(site.server.address()).is_err()
    });
    let refused = site.server.command(&["serve"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("another server is running on the data directory"), "{said}");
    database.execute_batch("ROLLBACK").unwrap();
    drop(login);
    site.server.restart();
    assert!(is_signed_in(&mut ada));
}

#[test]
fn a_start_that_fails_and_a_command_without_a_server_lose_no_session() {
    let (mut site, mut ada) = Site::with_admin(IN_MEMORY);
    site.server.stop();
    let in_the_way = site.server.data_dir().join("admin.sock");
    fs::write(&in_the_way, "").unwrap();
    let failed = site.server.command(&["serve", "--listen", "127.0.0.1:0"]);
    let said = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert!(!failed.status.success() && said.contains("no socket is in its place"), "{said}");
    fs::remove_file(in_the_way).unwrap();
    let who = site.server.command(&["who"]);
    assert!(String::from_utf8_lossy(&who.stderr).contains("start it with"), "{who:?}");
    site.server.restart();
    assert!(is_signed_in(&mut ada));
}
