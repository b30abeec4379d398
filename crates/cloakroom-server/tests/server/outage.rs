//! The store fails: nobody is let in, nobody is signed out.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;

use cloakroom_testkit::servers::http::{Request, Response, urlencoded};
use cloakroom_testkit::servers::wait_until;
use rustix::process::{Pid, Signal, kill_process};

use crate::behind::applies;
use crate::support::{
    ADMIN, COOKIE, PASSWORD, RECORDS, SOON, Site, is_signed_in, send_login, session_of,
};

/// What no answer says of the store.
pub(crate) const HINTS: [&str; 7] =
    ["sqlite", "session\"", "no such table", "cloakroom.db", "postgres", "redis", "relation"];

/// Lets a store take long: the tests below make it wait for them.
pub(crate) const PATIENT: &str = "[store]\ntimeout = \"20s\"\n";

#[track_caller]
fn check_unavailable(answer: &Response) {
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.headers("Retry-After"), ["2"], "{answer:?}");
    assert!(answer.headers("Set-Cookie").is_empty(), "{answer:?}");
    assert_eq!(answer.header("Cache-Control").as_deref(), Some("no-store"));
    for hint in HINTS {
        assert!(!answer.text().to_lowercase().contains(hint), "{hint}: {answer:?}");
    }
}

#[test]
fn a_fault_of_the_store_is_503_and_signs_nobody_out() {
    if !applies("store_outage") {
        return;
    }
    let (site, mut ada) = Site::with_people(RECORDS, &["bob"]);
    let cookie = ada.cookie(COOKIE).map(str::to_owned);
    site.cut_store();
    for path in ["account", "account/password", "admin", "admin/ended", "logout", "login"] {
        check_unavailable(&ada.get(&format!("/cloakroom/{path}")));
    }
    check_unavailable(&ada.send(Request::get("/auth/nginx/records")));
    check_unavailable(&ada.post_form("/cloakroom/account/sessions/end-others", &[]));
    check_unavailable(&ada.post_form("/cloakroom/logout", &[]));
    check_unavailable(&send_login(&mut site.server.client(), "bob", PASSWORD));
    let page = ada.get("/cloakroom/account");
    assert!(page.text().contains("You have not been signed out"), "{page:?}");
    assert!(page.text().contains("href=\"/cloakroom/account\">Try again</a>"), "{page:?}");
    assert_eq!(ada.get("/healthz").status, 200);
    assert_eq!(ada.get("/readyz").status, 503);
    assert_eq!(ada.get("/.well-known/jwks.json").status, 200);

    site.heal_store();
    assert_eq!(ada.cookie(COOKIE).map(str::to_owned), cookie);
    assert!(is_signed_in(&mut ada));
    assert_eq!(ada.get("/readyz").status, 200);
    assert_eq!(ada.send(Request::get("/auth/nginx/records")).status, 200);
    assert!(is_signed_in(&mut site.browser_of("bob")));
}

#[test]
fn while_another_process_holds_the_write_lock_people_go_on_reading_and_an_end_waits_for_it() {
    if !applies("sql_view") {
        return;
    }
    let (site, mut ada) = Site::with_people(&format!("{PATIENT}{RECORDS}"), &["bob"]);
    let mut bob = site.browser_of("bob");
    let held = site.hold_writes();
    let path = format!("/cloakroom/admin/sessions/{}/end", session_of(&bob));
    thread::scope(|threads| {
        let end = threads.spawn(|| ada.post_form(&path, &[]));
        assert!(is_signed_in(&mut bob), "not acknowledged yet, so it may go on");
        assert_eq!(bob.send(Request::get("/auth/nginx/records")).status, 200);
        assert_eq!(bob.get("/readyz").status, 200);
        held.let_go();
        let answer = end.join().expect("the end is answered");
        assert!(answer.header("Location").is_some_and(|to| to.ends_with("done=session-ended")));
    });
    assert!(!is_signed_in(&mut bob));
}

#[test]
fn a_logout_that_could_not_be_written_keeps_the_cookie_and_can_be_tried_again() {
    if !applies("sql_view") {
        return;
    }
    let (site, mut ada) = Site::with_admin("");
    // The session can be read, but its end cannot be recorded.
    site.rename("ended_session", "away");
    check_unavailable(&ada.post_form("/cloakroom/logout", &[]));
    site.rename("away", "ended_session");
    assert!(is_signed_in(&mut ada), "an end that was not acknowledged, and undone as a whole");
    assert_eq!(ada.post_form("/cloakroom/logout", &[]).status, 200);
    assert_eq!(ada.cookie(COOKIE), None);
    assert!(is_signed_in(&mut site.browser_of(ADMIN)));
}

/// Sends a form whose request is surely under way: the server has asked for the body.
pub(crate) fn begin(site: &Site, token: &str, path: &str, fields: &[(&str, &str)]) -> TcpStream {
    let body = urlencoded(fields);
    let (host, length) = (site.server.url().replace("http://", ""), body.len());
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n\
         Cookie: {COOKIE}={token}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {length}\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n"
    );
    let mut stream = TcpStream::connect(("127.0.0.1", site.server.port())).expect("it is open");
    stream.write_all(head.as_bytes()).expect("it is sent");
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).expect("it is asked for");
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(body.as_bytes()).expect("it is sent");
    stream
}

/// Hangs up, and waits until the server has noticed: it hangs up too, without an answer.
fn hang_up(mut stream: TcpStream) {
    stream.shutdown(Shutdown::Write).expect("it is still open");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the server hangs up");
    assert_eq!(String::from_utf8_lossy(&answer), "");
}

#[test]
fn a_client_that_hangs_up_leaves_nothing_half_done_law_9() {
    if !applies("sql_view") {
        return;
    }
    let (site, mut ada) = Site::with_people(PATIENT, &["bob"]);
    let app = site.application();
    let mut bob = site.browser_of("bob");
    let token = bob.cookie(COOKIE).expect("a cookie").to_owned();
    // Nothing can be written until all have hung up.
    let held = site.hold_writes();
    let before = app.live();
    for (token, path, fields) in [
        (token.as_str(), "/cloakroom/logout", &[("q", "")][..]),
        ("", "/cloakroom/login", &[("name", ADMIN), ("password", PASSWORD)]),
    ] {
        hang_up(begin(&site, token, path, fields));
    }
    held.let_go();
    wait_until("the logout is done", SOON, || !is_signed_in(&mut bob));
    // The login either was recorded as a whole, or not at all; in no case is anybody locked out.
    assert!(app.live() <= before);
    assert!(is_signed_in(&mut ada) && is_signed_in(&mut site.browser_of("bob")));
}

#[test]
fn a_stop_finishes_the_requests_under_way() {
    if !applies("sql_view") {
        return;
    }
    let (mut site, mut ada) = Site::with_people(PATIENT, &["bob"]);
    let mut bob = site.browser_of("bob");
    let path = format!("/cloakroom/admin/sessions/{}/end", session_of(&bob));
    let token = ada.cookie(COOKIE).expect("a cookie").to_owned();
    let held = site.hold_writes();
    let mut connection = begin(&site, &token, &path, &[("q", "bob")]);
    let pid = i32::try_from(site.server.pid()).ok().and_then(Pid::from_raw).expect("an id");
    kill_process(pid, Signal::TERM).expect("it is asked to stop");
    wait_until("nobody new is let in", SOON, || {
        Request::get("/healthz").try_send(site.server.address()).is_err()
    });
    held.let_go();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("it is answered");
    assert!(answer.contains("done=session-ended"), "{answer}");
    site.server.restart();
    assert!(!is_signed_in(&mut bob) && is_signed_in(&mut ada));
}
