//! Guesses at passwords: they are counted whatever way they come, delayed, and lock nobody out.

use std::thread;
use std::time::Instant;

use cloakroom_testkit::servers::http::{Connection, Request, Response};
use cloakroom_testkit::servers::{Client, wait_until};

use crate::login::plain;
use crate::outage::begin;
use crate::support::{
    ADMIN, PASSWORD, SOON, Site, choose_password, code_of, is_signed_in, send_login,
};

const WRONG: &str = "a guess";
/// Where a stranger guesses from, and where nobody did before.
const STRANGER: &str = "198.51.100.1";
const ELSEWHERE: &str = "198.51.100.200";
const HOME: &str = "203.0.113.5";

/// The login form as a proxy passes it on.
fn login(site: &Site, from: &str, name: &str, password: &str) -> Request {
    let request = Request::post_form("/cloakroom/login", &[("name", name), ("password", password)]);
    let host = site.server.url().replace("http://", "");
    request.header("Host", host).header("Sec-Fetch-Site", "none").header("X-Forwarded-For", from)
}

#[track_caller]
fn login_from(site: &Site, from: &str, name: &str, password: &str) -> Response {
    login(site, from, name, password).send(site.server.address())
}

/// Five wrong passwords, after which nobody is through with waiting while the test runs.
#[track_caller]
fn guess_until_it_waits(site: &Site, from: &str, name: &str) {
    for _ in 0..5 {
        assert_eq!(login_from(site, from, name, WRONG).status, 401);
    }
    hold(site);
}

/// Makes the waits that have begun long: the first is a second, and machines can be slow.
#[track_caller]
fn hold(site: &Site) {
    site.sql("UPDATE cloakroom_guess SET waits_until = waits_until + 600000 WHERE waits_until > 0");
}

#[track_caller]
fn check_waits(answer: &Response) {
    assert_eq!(answer.status, 429, "{answer:?}");
    let seconds = answer.headers("Retry-After").concat();
    assert!(seconds.parse::<u32>().is_ok_and(|seconds| seconds > 500), "{answer:?}");
    assert!(answer.text().contains("Too many tries"), "{answer:?}");
    assert!(answer.text().contains("Your password was not checked."), "{answer:?}");
    assert!(answer.headers("Set-Cookie").is_empty(), "{answer:?}");
}

#[test]
fn every_spelling_of_a_name_shares_one_counter() {
    let (site, _) = Site::with_people("", &["bob"]);
    for name in ["bob", "BOB", "  Bob", "boB\t", "\u{a0}bOb\u{3000}\r\n"] {
        assert_eq!(login_from(&site, STRANGER, name, WRONG).status, 401, "{name:?}");
    }
    hold(&site);
    for name in ["bob", "BoB ", "\u{2003}bob"] {
        check_waits(&login_from(&site, ELSEWHERE, name, PASSWORD));
    }
    // What no user can be called is another name, with a counter of its own.
    for name in ["ｂｏｂ", "bob\u{301}", "b ob", "bob\u{200b}"] {
        assert_eq!(login_from(&site, ELSEWHERE, name, PASSWORD).status, 401, "{name:?}");
    }
}

#[test]
fn every_way_to_prove_a_password_shares_one_counter_and_live_sessions_go_on() {
    let (site, _) = Site::with_people("", &["bob"]);
    let (mut bob, mut other) = (site.browser_of("bob"), site.browser_of("bob"));
    let confirm =
        |bob: &mut Client, it: &str| bob.post_form("/cloakroom/confirm", &[("password", it)]);
    let change = |bob: &mut Client, current: &str| {
        let new = "umbrella harbour nineteen";
        let form = [("current", current), ("new", new), ("repeat", new)];
        bob.post_form("/cloakroom/account/password", &form)
    };
    for _ in 0..2 {
        assert_eq!(login_from(&site, STRANGER, "bob", WRONG).status, 401);
        assert_eq!(confirm(&mut bob, WRONG).status, 401);
    }
    assert_eq!(change(&mut bob, WRONG).status, 422);
    hold(&site);
    check_waits(&login_from(&site, STRANGER, "bob", PASSWORD));
    check_waits(&confirm(&mut bob, PASSWORD));
    check_waits(&change(&mut bob, PASSWORD));
    assert!(is_signed_in(&mut bob) && is_signed_in(&mut other));
}

#[test]
fn while_it_waits_an_account_answers_as_a_name_that_nobody_has() {
    let (site, _) = Site::with_people("", &["bob", "eve"]);
    site.run(&["user", "disable", "eve"]);
    let names = ["bob", "eve", "nobody", "no such name!"];
    for name in names {
        for _ in 0..5 {
            assert_eq!(login_from(&site, STRANGER, name, WRONG).status, 401);
        }
    }
    // To the same millisecond, and half a minute from the next change of the words.
    let until = site.count("SELECT max(waits_until) FROM cloakroom_guess") + 570_000;
    site.sql(&format!("UPDATE cloakroom_guess SET waits_until = {until} WHERE waits_until > 0"));
    let expected = login_from(&site, ELSEWHERE, "bob", WRONG);
    for name in names {
        for password in [WRONG, PASSWORD] {
            let answer = login_from(&site, ELSEWHERE, name, password);
            check_waits(&answer);
            assert_eq!(plain(&answer, name), plain(&expected, "bob"), "{name}");
            assert_eq!(answer.header_lines.len(), expected.header_lines.len(), "{name}");
        }
    }
}

#[test]
fn of_two_hundred_logins_at_once_no_more_are_checked_than_the_counter_lets_through() {
    let (site, _) = Site::with_people("", &["bob"]);
    let began = Instant::now();
    let mut connections: Vec<Connection> = (0..200)
        .map(|number| {
            let from = format!("198.51.100.{number}");
            let request = login(&site, &from, "bob", WRONG).to_bytes(site.server.address());
            let mut connection = Connection::open(site.server.address()).expect("it is open");
            connection.write(&request).expect("it is sent");
            connection
        })
        .collect();
    let answers = connections.iter_mut().map(|it| it.read_response("POST").expect("an answer"));
    let statuses: Vec<u16> = answers.map(|answer| answer.status).collect();
    // Five, and one more after 1, 3, 7 … seconds, should it have taken so long.
    let most = 5 + (began.elapsed().as_secs() + 1).ilog2();
    let checked = statuses.iter().filter(|status| **status == 401).count();
    assert!((5..=most as usize).contains(&checked), "{checked} checked: {statuses:?}");
    assert!(statuses.iter().all(|status| [401, 429, 503].contains(status)), "{statuses:?}");
    let counted = site.count("SELECT failures FROM cloakroom_guess WHERE kind = 'account'");
    assert_eq!(counted, checked as i64);
}

#[test]
fn a_network_is_a_64_however_often_the_address_changes() {
    let (site, _) = Site::with_admin("[login]\nnetwork_failures = 3");
    for number in 1..=3 {
        let (from, name) = (format!("2001:db8:1:2::{number}"), format!("name{number}"));
        assert_eq!(login_from(&site, &from, &name, WRONG).status, 401);
    }
    hold(&site);
    check_waits(&login_from(&site, "2001:db8:1:2:ffff::9", "name9", WRONG));
    assert_eq!(login_from(&site, "2001:db8:1:3::1", "name9", WRONG).status, 401);
}

#[test]
fn an_address_that_a_stranger_makes_up_is_no_other_network() {
    let (site, _) = Site::with_admin("trusted_proxies = []\n[login]\nnetwork_failures = 3");
    for number in 1..=3 {
        let (from, name) = (format!("198.51.100.{number}"), format!("name{number}"));
        assert_eq!(login_from(&site, &from, &name, WRONG).status, 401);
    }
    hold(&site);
    check_waits(&login_from(&site, "198.51.100.9", "name9", WRONG));
}

#[test]
fn a_stranger_locks_nobody_out_of_where_they_signed_in_before() {
    let (site, _) = Site::with_people("", &["bob"]);
    assert_eq!(login_from(&site, HOME, "bob", PASSWORD).status, 303);
    guess_until_it_waits(&site, STRANGER, "bob");
    check_waits(&login_from(&site, ELSEWHERE, "bob", PASSWORD));
    assert_eq!(login_from(&site, HOME, "bob", WRONG).status, 401);
    assert_eq!(login_from(&site, HOME, "bob", PASSWORD).status, 303);
}

#[test]
fn a_right_password_leaves_nothing_counted_against_the_account_or_its_network() {
    let (site, _) = Site::with_people("", &["bob"]);
    for _ in 0..4 {
        assert_eq!(login_from(&site, HOME, "bob", WRONG).status, 401);
    }
    assert_eq!(login_from(&site, HOME, "bob", PASSWORD).status, 303);
    assert_eq!(site.count("SELECT count(*) FROM cloakroom_guess WHERE kind = 'account'"), 0);
    assert_eq!(site.count("SELECT failures FROM cloakroom_guess WHERE kind = 'network'"), 4);
    assert_eq!(site.count("SELECT failures FROM cloakroom_guess WHERE kind = 'known'"), 0);
}

#[test]
fn a_wait_survives_a_restart_and_a_kill() {
    let (mut site, _) = Site::with_people("", &["bob"]);
    guess_until_it_waits(&site, STRANGER, "bob");
    site.server.restart();
    check_waits(&login_from(&site, ELSEWHERE, "bob", PASSWORD));
    site.server.kill_9();
    site.server.restart();
    check_waits(&login_from(&site, ELSEWHERE, "bob", PASSWORD));
}

#[test]
fn an_operator_or_a_one_time_link_ends_the_wait() {
    let (site, _) = Site::with_people("", &["bob"]);
    guess_until_it_waits(&site, STRANGER, "bob");
    let said = site.run(&["user", "unlock", "BOB"]);
    assert_eq!(said, "unlocked bob; 5 wrong passwords had been counted\n");
    let said = site.run(&["user", "unlock", "bob"]);
    assert_eq!(said, "bob was not locked; no wrong password was counted\n");
    assert_eq!(login_from(&site, ELSEWHERE, "bob", PASSWORD).status, 303);

    guess_until_it_waits(&site, STRANGER, "bob");
    let made = site.run(&["user", "passwd", "bob", "--json"]);
    let made: serde_json::Value = serde_json::from_str(&made).expect("it is JSON");
    let code = code_of(made["link"].as_str().expect("there is a link"));
    let answer = choose_password(&mut site.server.client(), &code);
    assert_eq!(answer.status, 303, "{answer:?}");
    assert_eq!(login_from(&site, STRANGER, "bob", PASSWORD).status, 303);
}

#[test]
fn to_hang_up_neither_takes_a_guess_back_nor_leaves_a_right_password_counted() {
    let (site, _) = Site::with_people("", &["bob"]);
    let hang_up_on = |password: &str| {
        let fields = [("name", "bob"), ("password", password)];
        drop(begin(&site, "", "/cloakroom/login", &fields));
    };
    let counted = || {
        site.count("SELECT coalesce(max(failures), 0) FROM cloakroom_guess WHERE kind = 'account'")
    };
    hang_up_on(WRONG);
    wait_until("it is counted", SOON, || counted() == 1);
    assert_eq!(login_from(&site, STRANGER, "bob", WRONG).status, 401);
    assert_eq!(counted(), 2, "the first one too");
    hang_up_on(PASSWORD);
    wait_until("nothing is counted", SOON, || counted() == 0);
}

#[test]
fn the_log_has_one_lock_for_each_wait_and_bounded_lines_for_what_is_refused_meanwhile() {
    let settings = "[login]\nlongest_delay = \"1h\"\n";
    let (site, _) = Site::with_people(settings, &["bob"]);
    guess_until_it_waits(&site, STRANGER, "bob");
    site.sql(
        "UPDATE cloakroom_guess SET waits_until = waits_until + 3600000 WHERE kind = 'account'",
    );
    for _ in 0..150 {
        check_waits(&login_from(&site, STRANGER, "bob", WRONG));
    }
    let log = site.server.log();
    assert_eq!(log.matches("authn_login_lock").count(), 1, "{log}");
    let told = log.matches("reason=limited").count();
    assert!((40..150).contains(&told), "{told} lines");
}

#[test]
fn many_right_passwords_at_once_do_not_refuse_each_other() {
    let (site, _) = Site::with_people("", &["bob"]);
    assert_eq!(login_from(&site, STRANGER, "bob", WRONG).status, 401);
    thread::scope(|threads| {
        let logins: Vec<_> =
            (0..12).map(|_| threads.spawn(|| login_from(&site, HOME, "bob", PASSWORD))).collect();
        for login in logins {
            let answer = login.join().expect("it is answered");
            // Busy, should the machine be so slow; but not too many tries.
            assert!([303, 503].contains(&answer.status), "{answer:?}");
        }
    });
    assert_eq!(login_from(&site, HOME, "bob", PASSWORD).status, 303);
}

#[test]
fn guesses_at_one_account_delay_no_other() {
    let (site, _) = Site::with_people("", &["bob"]);
    thread::scope(|threads| {
        for number in 0..4 {
            let site = &site;
            threads.spawn(move || {
                for _ in 0..5 {
                    login_from(site, &format!("198.51.100.{number}"), "bob", WRONG);
                }
            });
        }
    });
    assert_eq!(send_login(&mut site.server.client(), ADMIN, PASSWORD).status, 303);
}
