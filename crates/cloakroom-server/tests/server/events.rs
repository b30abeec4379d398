//! The security events in the log, as a machine reads them (ASVS 5.0 16.2, 16.3 and 16.4).

use std::collections::BTreeMap;
use std::time::Duration;

use cloakroom_testkit::servers::http::Request;
use cloakroom_testkit::servers::{Client, wait_until};
use serde_json::Value;

use crate::metrics::numbers;
use crate::support::{
    ADMIN, COOKIE, PASSWORD, RECORDS, SOON, Site, choose_password, send_login, session_of,
};

const JSON: &str = "[log]\nformat = \"json\"\n";
const NEW_PASSWORD: &str = "the next horse, the next battery";

/// The lines of the log; each is one JSON object.
#[track_caller]
fn lines(site: &Site) -> Vec<Value> {
    let log = site.server.log();
    // What is printed at the start is no log.
    let lines =
        log.lines().filter(|line| !line.starts_with("Cloakroom is") && !line.starts_with("  "));
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

/// The lines of events of this name that came after the first `known` lines.
#[track_caller]
fn events(site: &Site, known: usize, name: &str) -> Vec<Value> {
    let named = |line: &Value| {
        let event = line["event"].as_str().unwrap_or_default();
        event.split(':').next() == Some(name)
    };
    lines(site).into_iter().skip(known).filter(named).collect()
}

/// The one event of this name since.
#[track_caller]
fn event(site: &Site, known: usize, name: &str) -> Value {
    let mut found = events(site, known, name);
    assert_eq!(found.len(), 1, "{name}: {found:#?} in {:#?}", lines(site).split_off(known));
    found.remove(0)
}

#[track_caller]
fn check(line: &Value, expected: &[(&str, &str)]) {
    for (name, value) in expected {
        assert_eq!(line[name], *value, "{name} in {line:#}");
    }
}

#[test]
fn a_login_is_told_with_who_what_when_and_where() {
    let (site, _) = Site::with_people(JSON, &["bob"]);
    let (known, user) = (lines(&site).len(), site.user_id("bob"));
    let mut bob = site.server.client().with_user_agent("a browser of Bob's");
    site.sign_in(&mut bob, "bob");
    let login = event(&site, known, "authn_login_success");
    let session = session_of(&bob);
    check(
        &login,
        &[
            ("event", &format!("authn_login_success:{user}")),
            ("appid", "cloakroom"),
            ("level", "INFO"),
            ("user", &user),
            ("session", &session),
            ("protocol", "http"),
            ("source_ip", "127.0.0.1"),
            ("request_method", "POST"),
            ("request_uri", "/cloakroom/login"),
            ("useragent", "a browser of Bob's"),
        ],
    );
    let datetime = login["datetime"].as_str().expect("a moment");
    assert!(datetime.len() == 24 && datetime.ends_with('Z'), "{datetime}");
    assert!(login["description"].is_string() && login["hostname"].is_string());
    let begun = event(&site, known, "session_created");
    check(&begun, &[("user", &user), ("session", &session), ("request_uri", "/cloakroom/login")]);
}

#[test]
fn each_refusal_is_told_and_what_was_typed_is_not() {
    let (site, mut ada) = Site::with_people(&format!("{JSON}{RECORDS}"), &["bob"]);
    let (known, user) = (lines(&site).len(), site.user_id("bob"));
    let mut bob = site.browser_of("bob");
    let mut stranger = site.server.client();
    send_login(&mut stranger, "bob", "wrong");
    send_login(&mut stranger, "hunter2\nlevel=ERROR", "wrong");
    let refused = events(&site, known, "authn_login_fail");
    assert_eq!(refused.len(), 2, "{refused:#?}");
    let named = format!("authn_login_fail:{user}");
    check(&refused[0], &[("event", &named), ("reason", "refused"), ("level", "WARN")]);
    check(&refused[1], &[("event", "authn_login_fail:unknown"), ("reason", "refused")]);
    assert!(!site.server.log().contains("hunter2"));

    bob.get("/cloakroom/admin");
    let what = format!("authz_fail:{user},administration");
    check(&event(&site, known, "authz_fail"), &[("event", &what), ("by", "bob")]);
    bob.post_form("/cloakroom/confirm", &[("password", "wrong")]);
    assert_eq!(events(&site, known, "authn_login_fail").len(), 3);
    let change = [("current", "wrong"), ("new", NEW_PASSWORD), ("repeat", NEW_PASSWORD)];
    bob.post_form("/cloakroom/account/password", &change);
    let refused = event(&site, known, "authn_password_change_fail");
    check(&refused, &[("user", &user), ("reason", "wrong_password"), ("by", "bob")]);

    stranger.send(
        Request::post_form("/cloakroom/logout", &[]).header("Origin", "https://evil.example"),
    );
    event(&site, known, "malicious_cors");
    stranger.set_cookie(COOKIE, &format!("clk_{}", "A".repeat(84)));
    stranger.send(Request::get("/auth/nginx/records"));
    let forged = event(&site, known, "malicious_extraneous");
    check(&forged, &[("reason", "forged"), ("request_uri", "/auth/nginx/{app}")]);
    ada.post_form(&format!("/cloakroom/admin/sessions/{}/end", session_of(&bob)), &[]);
    bob.send(Request::get("/auth/nginx/records"));
    let late = event(&site, known, "session_use_after_expire");
    check(&late, &[("session", &session_of(&bob)), ("reason", "unknown")]);
}

#[test]
fn each_end_is_told_with_its_reason_and_who_ordered_it() {
    let (site, mut ada) = Site::with_people(
        &format!("{JSON}[session]\nlimit = 2\nlimit_policy = \"end_oldest\""),
        &["bob"],
    );
    let (known, user) = (lines(&site).len(), site.user_id("bob"));
    let [first, second, mut third] = [(); 3].map(|()| site.browser_of("bob"));
    let ended = |reason: &str| {
        let mut ends = events(&site, known, "session_ended");
        ends.retain(|end| end["reason"] == reason);
        assert_eq!(ends.len(), 1, "{reason}: {ends:#?}");
        ends.remove(0)
    };
    check(&ended("limit"), &[("user", &user), ("session", &session_of(&first))]);
    site.sign_in(&mut third, "bob");
    check(&ended("replaced"), &[("user", &user), ("scope", "session")]);
    let path = format!("/cloakroom/admin/sessions/{}/end", session_of(&second));
    ada.post_form(&path, &[]);
    let admin = ended("admin");
    let expected = [("user", user.as_str()), ("by", ADMIN), ("protocol", "http")];
    check(&admin, &expected);
    assert_eq!(admin["event"], format!("session_ended:{user},admin"));
    let last = session_of(&third);
    third.post_form("/cloakroom/logout", &[]);
    let logout = event(&site, known, "session_logout");
    check(&logout, &[("user", &user), ("session", &last)]);

    site.browser_of("bob");
    site.run(&["user", "disable", "bob"]);
    let disabled = ended("user_disabled");
    check(&disabled, &[("user", &user), ("by", "operator"), ("protocol", "socket")]);
    assert_eq!((&disabled["scope"], &disabled["count"]), (&"user".into(), &1.into()));
    check(&event(&site, known, "user_updated"), &[("what", "disabled"), ("by", "operator")]);
    site.run(&["end", "--everyone"]);
    let everyone = events(&site, known, "session_ended").pop().expect("an end");
    assert_eq!((&everyone["scope"], &everyone["count"]), (&"everyone".into(), &1.into()));
}

#[test]
fn each_rotation_renewal_and_theft_is_told() {
    let (mut site, _) = Site::with_people(JSON, &["bob"]);
    let mut bob = site.browser_of("bob");
    let (known, session) = (lines(&site).len(), session_of(&bob));
    bob.post_form("/cloakroom/confirm", &[("password", PASSWORD)]);
    let rotated = event(&site, known, "session_rotated");
    check(&rotated, &[("session", &session), ("by", "bob")]);
    assert_eq!(rotated["reauthenticated"], true);
    let mut thief = copy(&site, &bob);
    let Some(()) = site.later(Duration::from_secs(7_200)) else { return };
    bob.get("/cloakroom/account");
    assert!(events(&site, known, "session_renewed").is_empty(), "it was only sent");
    bob.get("/cloakroom/account");
    check(&event(&site, known, "session_renewed"), &[("session", &session)]);
    let Some(()) = site.later(Duration::from_secs(7_200)) else { return };
    thief.get("/cloakroom/account");
    let reuse = event(&site, known, "authn_token_reuse");
    let (user, expected) =
        (site.user_id("bob"), [("session", session.as_str()), ("level", "WARN")]);
    check(&reuse, &expected);
    assert_eq!(reuse["event"], format!("authn_token_reuse:{user},{session}"));
    check(&event(&site, known, "session_ended"), &[("reason", "theft"), ("user", &user)]);
}

fn copy(site: &Site, browser: &Client) -> Client {
    let mut copy = site.server.client();
    copy.set_cookie(COOKIE, browser.cookie(COOKIE).expect("a cookie"));
    copy
}

#[test]
fn passwords_links_users_start_and_stop_are_told() {
    let (mut site, mut ada) = Site::with_admin(JSON);
    event(&site, 0, "sys_startup");
    assert_eq!(events(&site, 0, "authn_token_created").len(), 1, "the set-up link");
    let code = site.invite("bob", &[]);
    let (user, known) = (site.user_id("bob"), lines(&site).len());
    let created = events(&site, 0, "user_created");
    assert_eq!(created.len(), 2, "{created:#?}");
    check(&created[1], &[("user", &user), ("by", "operator")]);
    choose_password(&mut site.server.client(), &code);
    check(&event(&site, known, "authn_password_change"), &[("user", &user)]);
    event(&site, known, "authn_login_success");
    ada.post_form(&format!("/cloakroom/admin/users/{user}/password-link"), &[]);
    let what = format!("authn_token_created:{user},password_link");
    let link = event(&site, known, "authn_token_created");
    check(&link, &[("event", &what), ("by", ADMIN)]);
    site.server.stop();
    event(&site, known, "sys_shutdown");
}

#[test]
fn what_a_sweep_removes_is_one_event() {
    let settings = format!("{JSON}[sweep]\ninterval = \"1s\"");
    let (mut site, _ada) = Site::with_people(&settings, &["bob"]);
    let known = lines(&site).len();
    let (_first, _second) = (site.browser_of("bob"), site.browser_of("bob"));
    let Some(()) = site.later(Duration::from_secs(86_460)) else { return };
    let swept = || events(&site, known, "session_expired");
    wait_until("the sweep is told", SOON, || !swept().is_empty());
    assert_eq!((&swept()[0]["idle"], &swept()[0]["absolute"]), (&3.into(), &0.into()));
}

#[test]
fn what_a_client_sends_neither_ends_a_line_nor_colours_a_terminal() {
    // An escape sequence of one byte in Latin-1, a line separator, and a text turned around.
    let agent = "evil\u{9b}31m\u{2028}level=ERROR \"x\" \u{202e}";
    for format in ["json", "text"] {
        let (site, _) = Site::with_admin(&format!("[log]\nformat = \"{format}\"\n"));
        let mut browser = site.server.client().with_user_agent(agent);
        send_login(&mut browser, "a\u{1b}[31m\r\nb", "wrong");
        let log = site.server.log();
        let line = log.lines().find(|line| line.contains("authn_login_fail")).expect("it is told");
        assert!(line.contains("evil"), "{line}");
        assert!(!log.contains(['\u{9b}', '\u{2028}', '\u{202e}', '\u{1b}', '\r']), "{format}");
        if format == "json" {
            let line: Value = serde_json::from_str(line).expect("it is JSON");
            assert_eq!(line["useragent"], agent);
        }
    }
}

#[test]
fn a_flood_of_forgeries_costs_bounded_lines_and_is_counted_exactly_law_13() {
    let site = Site::fresh(&format!("{JSON}{RECORDS}"));
    let mut stranger = site.server.client();
    stranger.set_cookie(COOKIE, &format!("clk_{}", "A".repeat(84)));
    let (flood, begun) = (400, std::time::Instant::now());
    for _ in 0..flood {
        stranger.send(Request::get("/auth/nginx/records"));
    }
    let seconds = begun.elapsed().as_secs_f64();
    let written = events(&site, 0, "malicious_extraneous").len();
    assert!(written >= 50 && written as f64 <= 51.0 + 10.0 * seconds, "{written} in {seconds} s");
    let numbers = numbers(&site);
    let of = |series: &str| numbers.get(series).copied().unwrap_or_default() as usize;
    assert_eq!(of("cloakroom_verifications_total{verdict=\"rejected_forged\"}"), flood);
    let unwritten = of("cloakroom_log_unwritten_total{event=\"malicious_extraneous\"}");
    assert_eq!(written + unwritten, flood);
    let summary = || lines(&site).into_iter().find(|line| line["kind"] == "malicious_extraneous");
    if unwritten > 0 {
        wait_until("the log says how many were left out", SOON, || summary().is_some());
        assert!(summary().is_some_and(|line| line["unwritten"].as_u64() > Some(0)));
    }
}

#[test]
fn every_event_of_the_table_is_told_by_something() {
    // Each name occurs in one of these tests, or belongs to a part that is tested elsewhere.
    let elsewhere = ["authn_login_lock", "authn_token_revoked", "session_created_anonymous"];
    let tests = include_str!("events.rs");
    let names: BTreeMap<_, _> =
        cloakroom_server::events::SPECS.iter().map(|spec| (spec.name, spec.description)).collect();
    for name in names.keys().filter(|name| !elsewhere.contains(name)) {
        assert!(tests.contains(&format!("\"{name}")), "{name}");
    }
}
