//! Signing in and out.

use std::time::Duration;

use cloakroom_testkit::servers::http::{Connection, Request, Response, escape};

use crate::behind::applies;
use crate::support::{
    ADMIN, COOKIE, PASSWORD, RECORDS, Site, is_signed_in, send_login, session_of,
};

/// A page without what differs by time and by what was typed.
pub(crate) fn plain(answer: &Response, name: &str) -> String {
    let text = answer.text().replace(&format!("value=\"{name}\""), "value=\"…\"");
    let (before, rest) = text.split_once("data-now=\"").expect("every page tells its time");
    format!("{before}{}", rest.split_once('"').expect("an attribute ends").1)
}

/// The least processor time that the server takes for an act, which other load changes little.
fn work(site: &Site, mut act: impl FnMut()) -> Duration {
    let times = (0..6).map(|_| {
        let before = site.processor_time();
        act();
        site.processor_time() - before
    });
    times.min().expect("there were six")
}

#[test]
fn wrong_unknown_disabled_and_without_a_password_get_the_same_answer_for_the_same_work() {
    // More tries are made here than people make.
    let (site, _) = Site::with_people("[login]\naccount_failures = 50", &["bob", "eve"]);
    site.run(&["user", "disable", "eve"]);
    site.invite("new", &[]);
    let mut browser = site.server.client();
    let attempts = [
        (ADMIN, "not the password"),
        ("nobody", PASSWORD),
        ("eve", PASSWORD),
        ("new", ""),
        ("no such name!", PASSWORD),
    ];
    let expected = send_login(&mut browser, "bob", "not the password");
    assert_eq!(expected.status, 401);
    assert!(expected.text().contains("We could not sign you in"), "{expected:?}");
    let usual = work(&site, || drop(send_login(&mut browser, "bob", "not the password")));
    for (name, password) in attempts {
        let answer = send_login(&mut browser, name, password);
        assert_eq!(answer.status, 401, "{name}");
        assert_eq!(plain(&answer, name), plain(&expected, "bob"), "{name}");
        assert_eq!(answer.header_lines.len(), expected.header_lines.len(), "{name}");
        let done = work(&site, || drop(send_login(&mut browser, name, password)));
        assert!(done * 3 > usual && usual * 3 > done, "{name}: {done:?}, bob {usual:?}");
    }
    assert_eq!(browser.cookie(COOKIE), None);
}

#[test]
fn a_login_returns_to_exactly_the_address_asked_for() {
    let (site, _) = Site::with_admin(RECORDS);
    for to in [
        "http://localhost:7999/records?q=a%20b&next=//x&empty=",
        "http://localhost:7999/%E2%82%AC/x;y=1?a=1&a=2#part",
        "http://localhost:7999",
        "/cloakroom/admin?q=a%26b*&after=c%3D1",
    ] {
        let mut browser = site.server.client();
        let page = browser.get(&format!("/cloakroom/login?app=records&to={}", escape(to)));
        assert!(page.text().contains("<h1>Sign in to Records</h1>"), "{page:?}");
        let form = [("name", ADMIN), ("password", PASSWORD), ("app", "records"), ("to", to)];
        let checked = browser.post_form("/cloakroom/login", &form);
        assert_eq!(checked.status, 303, "{checked:?}");
        let answer = browser.follow(&checked);
        assert_eq!((answer.status, answer.header("Location").as_deref()), (303, Some(to)));
        // Who is signed in already is led on at once.
        let again = browser.get(&format!("/cloakroom/login?app=records&to={}", escape(to)));
        assert_eq!(again.header("Location").as_deref(), Some(to));
    }
}

#[test]
fn the_address_asked_for_survives_a_wrong_password() {
    let (site, _) = Site::with_admin(RECORDS);
    let to = "http://localhost:7999/records?a=\"1\"&b=<2>";
    let form = [("name", ADMIN), ("password", "wrong"), ("app", "records"), ("to", to)];
    let page = site.server.client().post_form("/cloakroom/login", &form).text();
    let kept = "value=\"http://localhost:7999/records?a=&#34;1&#34;&#38;b=&#60;2&#62;\"";
    assert!(page.contains(kept), "{page}");
    assert!(page.contains("<h1>Sign in to Records</h1>"), "{page}");
}

#[test]
fn nobody_is_sent_to_another_site() {
    let (site, _) = Site::with_admin(RECORDS);
    let mut browser = site.browser_of(ADMIN);
    for to in [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "http://localhost:7999@evil.example/",
        "http://localhost:7998/",
        "javascript:alert(1)",
        "/%2f/evil.example",
        "\t//evil.example",
    ] {
        let query = format!("to={}", escape(to));
        let answer = browser.get(&format!("/cloakroom/login?{query}"));
        assert_eq!(answer.header("Location").as_deref(), Some("/cloakroom/account"), "{to}");
        let answer = browser.get(&format!("/cloakroom/login?app=records&{query}"));
        assert_eq!(answer.header("Location").as_deref(), Some("http://localhost:7999/"), "{to}");
        let form = [("password", PASSWORD), ("to", to)];
        let answer = browser.post_form("/cloakroom/confirm", &form);
        assert_eq!(answer.header("Location").as_deref(), Some("/cloakroom/account"), "{to}");
    }
}

#[test]
fn an_unknown_application_is_not_found() {
    let (site, _) = Site::with_admin(RECORDS);
    let mut browser = site.server.client();
    let page = browser.get("/cloakroom/login?app=nothing");
    assert_eq!(page.status, 404);
    assert!(page.text().contains("We do not know this application"), "{page:?}");
    let form = [("name", ADMIN), ("password", PASSWORD), ("app", "nothing")];
    assert_eq!(browser.post_form("/cloakroom/login", &form).status, 404);
    assert_eq!(browser.cookie(COOKIE), None);
}

#[test]
fn the_cookie_is_for_this_host_alone_and_outlives_the_browser_only_when_asked_to() {
    let (site, _) = Site::with_admin("");
    let set_cookie = |fields: &[(&str, &str)]| {
        let answer = site.server.client().post_form("/cloakroom/login", fields);
        let mut cookies = answer.headers("Set-Cookie");
        assert_eq!(cookies.len(), 1, "{answer:?}");
        cookies.remove(0).to_ascii_lowercase()
    };
    let form = [("name", ADMIN), ("password", PASSWORD)];
    let plain = set_cookie(&form);
    assert!(plain.starts_with("__host-cloakroom=clk_"), "{plain}");
    for attribute in ["; secure", "; httponly", "; samesite=lax", "; path=/"] {
        assert!(plain.contains(attribute), "{plain}");
    }
    for attribute in ["domain", "max-age", "expires"] {
        assert!(!plain.contains(attribute), "{plain}");
    }
    let remembered = set_cookie(&[&form[..], &[("remember", "yes")]].concat());
    assert!(remembered.contains("; max-age=77"), "{remembered}");
}

#[test]
fn a_login_whose_cookie_the_browser_dropped_says_so() {
    let (site, _) = Site::with_admin("");
    let mut browser = site.server.client();
    let answer = send_login(&mut browser, ADMIN, PASSWORD);
    browser.clear_cookies();
    let page = browser.follow(&answer);
    assert_eq!(page.status, 200);
    assert!(page.text().contains("Your browser did not keep the sign-in"), "{page:?}");
}

#[test]
fn a_login_over_another_one_gives_a_fresh_credential_and_ends_the_first() {
    let (site, _) = Site::with_people("", &["bob"]);
    let mut browser = site.browser_of(ADMIN);
    let (first, mut thief) = (session_of(&browser), browser.clone());
    assert_eq!(send_login(&mut browser, "bob", PASSWORD).status, 303);
    assert_ne!(session_of(&browser), first);
    assert!(browser.get("/cloakroom/account").text().contains("bob"));
    assert!(!is_signed_in(&mut thief));
    assert!(site.run(&["why", &first]).contains("replaced"));
}

#[test]
fn a_credential_that_was_planted_before_the_login_is_not_adopted() {
    let (site, _) = Site::with_admin("");
    let mut browser = site.server.client();
    let planted = format!("clk_{}", "A".repeat(84));
    browser.set_cookie(COOKIE, &planted);
    site.sign_in(&mut browser, ADMIN);
    assert_ne!(browser.cookie(COOKIE), Some(planted.as_str()));
}

#[test]
fn a_visit_to_the_sign_out_page_changes_nothing() {
    let (site, mut browser) = Site::with_admin("");
    let page = browser.get("/cloakroom/logout");
    assert_eq!(page.status, 200);
    assert!(page.text().contains("Sign out?"), "{page:?}");
    assert!(page.headers("Set-Cookie").is_empty());
    assert!(is_signed_in(&mut browser));
    assert_eq!(site.server.client().get("/cloakroom/logout").status, 200);
}

#[test]
fn signing_out_ends_the_session_and_takes_the_cookie_away() {
    let (site, mut browser) = Site::with_admin("");
    let (session, mut copy) = (session_of(&browser), browser.clone());
    let answer = browser.post_form("/cloakroom/logout", &[]);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.text().contains("You are signed out"), "{answer:?}");
    let cleared = answer.headers("Set-Cookie").concat();
    assert!(
        cleared.starts_with("__Host-cloakroom=;") && cleared.contains("Max-Age=0"),
        "{cleared}"
    );
    assert_eq!(browser.cookie(COOKIE), None);
    assert!(!is_signed_in(&mut copy), "a copy of the cookie goes on");
    assert!(site.run(&["why", &session]).contains("logout"));
    // Once more, and without a session.
    assert_eq!(copy.post_form("/cloakroom/logout", &[]).status, 200);
    assert_eq!(site.server.client().post_form("/cloakroom/logout", &[]).status, 200);
}

#[test]
fn only_the_answer_to_a_logout_takes_a_cookie_away() {
    let (site, mut browser) = Site::with_admin("");
    let copy = browser.clone();
    browser.post_form("/cloakroom/logout", &[]);
    for path in ["account", "admin", "login", "logout", "setup", "password-link", "nothing"] {
        let mut late = copy.clone();
        let answer = late.get(&format!("/cloakroom/{path}"));
        assert!(answer.headers("Set-Cookie").is_empty(), "{path}: {answer:?}");
    }
    let mut late = copy.clone();
    let answer = late.post_form("/cloakroom/account/sessions/end-others", &[]);
    assert!(answer.headers("Set-Cookie").is_empty(), "{answer:?}");
    drop(site);
}

#[test]
fn who_is_not_signed_in_is_led_to_the_page_asked_for_after_signing_in() {
    let (site, _) = Site::with_admin("");
    let mut browser = site.server.client();
    let answer = browser.get("/cloakroom/admin?q=a*&after=");
    assert_eq!(answer.status, 303);
    let login = browser.follow(&answer);
    assert!(login.text().contains("value=\"/cloakroom/admin?q=a*&#38;after=\""), "{login:?}");
    let answer = browser.post_form("/cloakroom/account/sessions/end-others", &[]);
    let page = browser.follow(&answer);
    assert!(page.text().contains("Your session has ended"), "{page:?}");
    assert!(page.text().contains("value=\"/cloakroom/account\""), "{page:?}");
}

#[test]
fn the_home_page_leads_to_the_account() {
    let (_site, mut browser) = Site::with_admin("");
    let answer = browser.get("/");
    assert_eq!(answer.header("Location").as_deref(), Some("/cloakroom/account"));
    assert_eq!(browser.follow(&answer).status, 200);
}

#[test]
fn a_session_survives_a_restart_of_the_server() {
    let (mut site, mut browser) = Site::with_admin("");
    site.server.restart();
    assert!(is_signed_in(&mut browser));
    if !applies("survives_crash") {
        return;
    }
    site.server.kill_9();
    site.server.restart();
    assert!(is_signed_in(&mut browser));
}

#[test]
fn an_excess_of_sign_ins_is_refused_at_once_and_slows_nobody_who_is_in() {
    let (site, mut ada) = Site::with_admin("");
    let request = |name: &str| {
        let fields = [("name", name), ("password", PASSWORD)];
        let request = Request::post_form("/cloakroom/login", &fields);
        let request = request.header("Host", site.server.url().trim_start_matches("http://"));
        request.header("Sec-Fetch-Site", "same-origin").to_bytes(site.server.address())
    };
    let mut connections: Vec<Connection> = (0..400)
        .map(|number| {
            let request = request(&format!("nobody{number}"));
            let mut connection = Connection::open(site.server.address()).expect("it is open");
            connection.write(&request).expect("it is sent");
            connection
        })
        .collect();
    assert!(is_signed_in(&mut ada), "while they wait");
    let answers = connections.iter_mut().map(|it| it.read_response("POST").expect("an answer"));
    let (refused, checked): (Vec<_>, Vec<_>) = answers.partition(|answer| answer.status == 503);
    assert!(!refused.is_empty() && !checked.is_empty(), "{} of 400 refused", refused.len());
    assert!(checked.iter().all(|answer| answer.status == 401));
    for answer in refused {
        assert!(answer.header("Retry-After").is_some(), "{answer:?}");
        assert!(answer.text().contains("Your password was not checked."), "{answer:?}");
    }
    assert!(is_signed_in(&mut site.browser_of(ADMIN)));
}
