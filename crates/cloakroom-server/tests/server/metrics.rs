//! The numbers at `/metrics`, seen as Prometheus sees them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use cloakroom_testkit::servers::http::{Address, Request, Response};
use cloakroom_testkit::servers::{free_port, wait_until};

use crate::behind::applies;
use crate::support::{
    ADMIN, COOKIE, PASSWORD, RECORDS, SOON, Site, is_signed_in, send_login, session_of,
};

type Numbers = BTreeMap<String, f64>;

fn ask(address: &Address, headers: &[(&str, &str)]) -> Response {
    let request = Request::get("/metrics");
    headers.iter().fold(request, |request, (name, value)| request.header(name, value)).send(address)
}

/// What the page says, each number under its name with its labels.
#[track_caller]
pub(crate) fn numbers(site: &Site) -> Numbers {
    let answer = ask(site.server.address(), &[("Host", "localhost")]);
    assert_eq!(answer.status, 200, "{answer:?}");
    let content = answer.header("Content-Type").expect("it says what it is");
    assert_eq!(content, "text/plain; version=0.0.4; charset=utf-8");
    parse(&answer.text())
}

/// Reads the text format, version 0.0.4, strictly.
#[track_caller]
fn parse(page: &str) -> Numbers {
    let (mut numbers, mut family, mut seen) = (Numbers::new(), ("", ""), BTreeSet::new());
    assert!(page.ends_with('\n'), "the last line has an end too");
    for line in page.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            family = (help.split_once(' ').expect(line).0, "");
            assert!(seen.insert(family.0.to_owned()), "a family stands in one place: {line}");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            family.1 = kind.strip_prefix(family.0).expect(line).trim();
            assert!(["counter", "gauge", "histogram"].contains(&family.1), "{line}");
        } else {
            let (series, value) = line.rsplit_once(' ').expect(line);
            check_series(series, family);
            let value = value.parse().expect(line);
            assert!(numbers.insert(series.to_owned(), value).is_none(), "twice: {line}");
        }
    }
    numbers
}

#[track_caller]
fn check_series(series: &str, (family, kind): (&str, &str)) {
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let suffix = name.strip_prefix(family).expect(series);
    let suffixes: &[&str] =
        if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
    assert!(suffixes.contains(&suffix), "{series} of {family}");
    let labels = labels.strip_suffix('}').expect(series);
    for label in labels.split(',').filter(|label| !label.is_empty()) {
        let (label, value) = label.split_once("=\"").expect(series);
        assert!(label.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{series}");
        let value = value.strip_suffix('"').expect(series);
        let word = |byte: u8| byte.is_ascii_alphanumeric() || b"_.+-".contains(&byte);
        assert!(value.bytes().all(word), "{series}");
    }
}

#[track_caller]
pub(crate) fn of(numbers: &Numbers, series: &str) -> f64 {
    *numbers.get(series).unwrap_or_else(|| panic!("no {series} in {numbers:#?}"))
}

/// By how much a number grew.
#[track_caller]
fn grown(before: &Numbers, after: &Numbers, series: &str) -> f64 {
    of(after, series) - of(before, series)
}

#[track_caller]
fn check_grown(before: &Numbers, after: &Numbers, expected: &[(&str, f64)]) {
    for (series, count) in expected {
        let grew = grown(before, after, series);
        assert!((grew - count).abs() < 0.5, "{series} grew by {grew}, not by {count}");
    }
}

#[test]
fn the_numbers_follow_what_people_and_strangers_do() {
    let (site, mut ada) = Site::with_people(RECORDS, &["bob"]);
    // A hash is counted after its asker was answered.
    let hashed = |count: f64| {
        let total = || of(&numbers(&site), "cloakroom_password_hashes_total");
        wait_until("every hash is counted", SOON, || (total() - count).abs() < 0.5);
    };
    hashed(2.0);
    let before = numbers(&site);
    let mut bob = site.browser_of("bob");
    let mut stranger = site.server.client();
    assert_eq!(send_login(&mut stranger, "bob", "wrong").status, 401);
    assert_eq!(send_login(&mut stranger, "nobody", PASSWORD).status, 401);
    assert_eq!(bob.send(Request::get("/auth/nginx/records")).status, 200);
    assert_eq!(stranger.send(Request::get("/auth/nginx/records")).status, 401);
    stranger.set_cookie(COOKIE, &format!("clk_{}", "A".repeat(84)));
    assert_eq!(stranger.send(Request::get("/auth/nginx/records")).status, 401);
    let path = format!("/cloakroom/admin/sessions/{}/end", session_of(&bob));
    assert_eq!(ada.post_form(&path, &[]).status, 303);
    assert!(!is_signed_in(&mut bob));
    assert_eq!(ada.post_form("/cloakroom/logout", &[]).status, 200);
    hashed(5.0);
    let after = numbers(&site);
    check_grown(
        &before,
        &after,
        &[
            ("cloakroom_logins_total{outcome=\"success\"}", 1.0),
            ("cloakroom_logins_total{outcome=\"refused\"}", 2.0),
            ("cloakroom_sessions_begun_total{kind=\"user\"}", 1.0),
            ("cloakroom_verifications_total{verdict=\"rejected_forged\"}", 1.0),
            ("cloakroom_verifications_total{verdict=\"rejected_unknown\"}", 1.0),
            ("cloakroom_ends_total{reason=\"admin\"}", 1.0),
            ("cloakroom_ends_total{reason=\"logout\"}", 1.0),
            ("cloakroom_sessions_live{kind=\"user\"}", -1.0),
            ("cloakroom_store_seconds_count{operation=\"insert\"}", 1.0),
            ("cloakroom_password_hashes_total", 3.0),
        ],
    );
    for series in ["valid", "absent"] {
        let series = format!("cloakroom_verifications_total{{verdict=\"{series}\"}}");
        assert!(grown(&before, &after, &series) >= 1.0, "{series}");
    }
    assert!(of(&after, "cloakroom_verification_seconds_sum") > 0.0);
    assert!(after.keys().any(|series| series.starts_with("cloakroom_build_info{version=")));
    check_buckets(&after);
}

/// The buckets of a histogram never shrink, and the last one is the count.
#[track_caller]
fn check_buckets(numbers: &Numbers) {
    let bound = |series: &str| match series.rsplit_once("le=\"")?.1.trim_end_matches("\"}") {
        "+Inf" => Some(f64::INFINITY),
        bound => bound.parse().ok(),
    };
    let mut histogram: Vec<_> = numbers
        .iter()
        .filter(|(series, _)| series.starts_with("cloakroom_verification_seconds_bucket"))
        .map(|(series, count)| (bound(series).expect(series), *count))
        .collect();
    histogram.sort_by(|one, other| one.0.total_cmp(&other.0));
    assert!(histogram.is_sorted_by(|one, other| one.1 <= other.1), "{histogram:?}");
    let count = of(numbers, "cloakroom_verification_seconds_count");
    assert!(histogram.last().is_some_and(|last| (last.1 - count).abs() < 0.5));
}

#[test]
fn what_the_sweeper_removes_is_counted_by_its_reason() {
    let settings = "[session]\nidle_timeout = \"1h\"\nabsolute_timeout = \"90m\"\n\
                    [sweep]\ninterval = \"1s\"";
    let (mut site, _idle) = Site::with_people(settings, &["bob"]);
    let (_idle_too, mut absolute) = (site.browser_of("bob"), site.browser_of("bob"));
    let Some(()) = site.later(Duration::from_secs(50 * 60)) else { return };
    assert!(is_signed_in(&mut absolute));
    let Some(()) = site.later(Duration::from_secs(45 * 60)) else { return };
    wait_until("all are swept", SOON, || {
        of(&numbers(&site), "cloakroom_sweeper_sessions_total") > 2.5
    });
    let after = numbers(&site);
    for (series, expected) in [
        ("cloakroom_sweeper_sessions_total", 3.0),
        ("cloakroom_ends_total{reason=\"idle\"}", 2.0),
        ("cloakroom_ends_total{reason=\"absolute\"}", 1.0),
        ("cloakroom_sweeper_backlog", 0.0),
        ("cloakroom_sweeper_oldest_seconds", 0.0),
        ("cloakroom_sweeper_errors_total", 0.0),
        ("cloakroom_sessions_live{kind=\"user\"}", 0.0),
    ] {
        let found = of(&after, series);
        assert!((found - expected).abs() < 0.5, "{series} is {found}");
    }
    assert!(of(&after, "cloakroom_sweeper_last_success_timestamp_seconds") > 1.7e9);
}

#[test]
fn while_the_store_is_down_its_faults_are_counted_and_the_page_is_there() {
    if !applies("store_outage") {
        return;
    }
    let (site, mut ada) = Site::with_people(RECORDS, &[]);
    let before = numbers(&site);
    site.cut_store();
    assert_eq!(ada.send(Request::get("/auth/nginx/records")).status, 503);
    assert_eq!(ada.post_form("/cloakroom/logout", &[]).status, 503);
    assert_eq!(send_login(&mut site.server.client(), ADMIN, PASSWORD).status, 503);
    let after = numbers(&site);
    let faults = "cloakroom_store_errors_total{operation=\"load\",kind=\"failed\"}";
    assert!(grown(&before, &after, faults) >= 2.0);
    check_grown(
        &before,
        &after,
        &[
            ("cloakroom_verifications_total{verdict=\"error\"}", 2.0),
            ("cloakroom_logins_total{outcome=\"error\"}", 1.0),
        ],
    );
}

#[test]
fn only_programs_on_this_machine_that_ask_directly_are_answered() {
    let site = Site::fresh("");
    let address = site.server.address();
    for host in ["localhost", "127.0.0.1:7070", "[::1]"] {
        assert_eq!(ask(address, &[("Host", host)]).status, 200, "{host}");
    }
    for header in [
        ("X-Forwarded-For", "203.0.113.9"),
        ("X-Forwarded-Host", "login.example.org"),
        ("X-Real-IP", "127.0.0.1"),
        ("Forwarded", "for=203.0.113.9"),
        ("Via", "1.1 proxy"),
    ] {
        let answer = ask(address, &[("Host", "localhost"), header]);
        assert_eq!((answer.status, answer.text().as_str()), (404, ""), "{header:?}");
    }
    // A proxy that passes everything on, and a page of a stranger's that rebinds its own name.
    for host in ["login.example.org", "rebound.example.net:7070"] {
        assert_eq!(ask(address, &[("Host", host)]).status, 404, "{host}");
    }
    let off = Site::fresh("[metrics]\nlisten = \"off\"");
    assert_eq!(ask(off.server.address(), &[("Host", "localhost")]).status, 404);
}

#[test]
fn a_listener_of_its_own_answers_with_the_numbers_and_nothing_else() {
    let port = free_port();
    let site = Site::fresh(&format!("[metrics]\nlisten = \"127.0.0.1:{port}\""));
    assert_eq!(ask(site.server.address(), &[("Host", "localhost")]).status, 404);
    let own = Address::Port(port);
    let answer = ask(&own, &[("Host", "cloakroom.internal:9464")]);
    assert!(parse(&answer.text()).contains_key("process_start_time_seconds"));
    for path in ["/healthz", "/cloakroom/login", "/auth/nginx/records"] {
        assert_eq!(Request::get(path).header("Host", "localhost").send(&own).status, 404, "{path}");
    }
}

#[test]
fn the_shipped_nginx_files_pass_nothing_on_but_the_pages_and_the_question() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("crates/<name>");
    let files = fs::read_dir(root.join("deploy/nginx")).expect("they are there").flatten();
    let text: String = files.map(|file| fs::read_to_string(file.path()).expect("text")).collect();
    let passed: Vec<_> = text.lines().filter(|line| line.contains("http://cloakroom")).collect();
    assert_eq!(passed.len(), 2, "{passed:?}");
    assert!(text.contains("location ^~ /cloakroom/ {") && passed[0].ends_with("cloakroom;"));
    assert!(passed[1].ends_with("http://cloakroom/auth/nginx/$cloakroom_app;"));
}
