//! The first administrator.

use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::{ADMIN, COOKIE, PASSWORD, Site, code_of, is_signed_in, send_login, set_up};

#[test]
fn the_set_up_link_makes_the_first_administrator_and_signs_in() {
    let site = Site::fresh("");
    let mut browser = site.server.client();
    assert_eq!(browser.get("/cloakroom/setup").status, 200);
    let answer = set_up(&mut browser, &site.set_up_code());
    assert_eq!(
        (answer.status, answer.header("Location")),
        (303, Some("/cloakroom/admin?done=set-up".to_owned()))
    );
    let page = browser.follow(&answer);
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.text().contains("Cloakroom is set up."), "{page:?}");
    assert!(page.text().contains("Ada Lovelace"), "{page:?}");
}

#[test]
fn the_set_up_link_works_once_and_its_file_goes() {
    let (site, mut first) = Site::with_admin("");
    assert!(!site.server.data_dir().join("setup-link").exists());
    let mut second = site.server.client();
    assert_eq!(second.get("/cloakroom/setup").status, 409);
    let answer = set_up(&mut second, "abcd-efgh-ijkm-npqr-stuv-wxyz");
    assert_eq!(answer.status, 409, "{answer:?}");
    assert!(answer.text().contains("Cloakroom is already set up"), "{answer:?}");
    assert_eq!(second.cookie(COOKIE), None);
    assert!(is_signed_in(&mut first));
    let refused = site.server.command(&["setup-link"]);
    assert_eq!(refused.status.code(), Some(1));
}

#[test]
fn many_set_ups_with_one_code_at_once_make_one_administrator() {
    let site = Site::fresh("");
    let code = site.set_up_code();
    let answers: Vec<u16> = thread::scope(|threads| {
        let racer = |_| threads.spawn(|| set_up(&mut site.server.client(), &code).status);
        let racers: Vec<_> = (0..6).map(racer).collect();
        racers.into_iter().map(|racer| racer.join().expect("a racer ends")).collect()
    });
    let made = answers.iter().filter(|status| **status == 303).count();
    assert_eq!(made, 1, "{answers:?}");
    // 503: so many passwords at once are too many for a busy machine.
    let known = |status: &u16| [303, 409, 422, 503].contains(status);
    assert!(answers.iter().all(known), "{answers:?}");
    assert_eq!(site.count("SELECT count(*) FROM cloakroom_user"), 1);
}

#[test]
fn a_set_up_code_is_good_for_an_hour() {
    let site = Site::fresh("");
    let ends = site.count("SELECT expires_at / 1000 FROM cloakroom_one_time_code");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
    let left = ends - i64::try_from(now.as_secs()).expect("it is long before the end of time");
    assert!((3_500..=3_600).contains(&left), "{left} s");
    site.sql("UPDATE cloakroom_one_time_code SET expires_at = expires_at - 3600000");
    let answer = set_up(&mut site.server.client(), &site.set_up_code());
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(answer.text().contains("over an hour old"), "{answer:?}");
    assert_eq!(site.count("SELECT count(*) FROM cloakroom_user"), 0);
}

#[test]
fn a_fresh_link_makes_the_one_before_void() {
    let mut site = Site::fresh("");
    let first = site.set_up_code();
    site.server.restart();
    let second = site.set_up_code();
    let printed = site.run(&["setup-link"]);
    let link = printed.lines().find(|line| line.contains('#')).expect("a link is printed");
    assert!(link.trim().starts_with(&format!("{}/cloakroom/setup#", site.server.url())), "{link}");
    for void in [&first, &second] {
        assert_eq!(set_up(&mut site.server.client(), void).status, 422);
    }
    assert_eq!(set_up(&mut site.server.client(), &code_of(link.trim())).status, 303);
}

#[test]
fn each_mistake_in_the_set_up_form_is_told_beside_its_field_and_makes_nobody() {
    let site = Site::fresh("");
    let code = site.set_up_code();
    let good = [
        ("code", code.as_str()),
        ("name", ADMIN),
        ("display_name", "Ada"),
        ("email", ""),
        ("password", PASSWORD),
        ("repeat", PASSWORD),
    ];
    for (field, wrong) in [
        ("code", "abcd-efgh-ijkm-npqr-stuv-wxyz"),
        ("code", ""),
        ("name", "Ada Lovelace"),
        ("name", ""),
        ("email", "no address"),
        ("password", "short"),
        ("password", "password123"),
        ("repeat", "something else entirely"),
    ] {
        let form = good.map(|(name, value)| (name, if name == field { wrong } else { value }));
        let answer = site.server.client().post_form("/cloakroom/setup", &form);
        assert_eq!(answer.status, 422, "{field}={wrong}: {answer:?}");
        assert!(answer.text().contains(&format!("id=\"{field}-error\"")), "{field}: {answer:?}");
        assert!(!answer.text().contains(PASSWORD), "a password came back: {answer:?}");
    }
    assert_eq!(site.count("SELECT count(*) FROM cloakroom_user"), 0);
    assert_eq!(site.server.client().post_form("/cloakroom/setup", &good).status, 303);
}

#[test]
fn names_are_folded_to_one_spelling() {
    let site = Site::fresh("");
    let code = site.set_up_code();
    let form = [
        ("code", code.as_str()),
        ("name", " ADA@Example.org "),
        ("display_name", ""),
        ("email", ""),
        ("password", PASSWORD),
        ("repeat", PASSWORD),
    ];
    assert_eq!(site.server.client().post_form("/cloakroom/setup", &form).status, 303);
    let answer = send_login(&mut site.server.client(), "Ada@EXAMPLE.org", PASSWORD);
    assert_eq!(answer.status, 303, "{answer:?}");
}

#[test]
fn until_there_is_somebody_the_login_page_leads_to_the_set_up() {
    let site = Site::fresh("");
    let mut browser = site.server.client();
    let answer = browser.get("/");
    let answer = browser.follow(&answer);
    let answer = browser.follow(&answer);
    assert_eq!(answer.header("Location").as_deref(), Some("/cloakroom/setup"));
    assert!(browser.follow(&answer).text().contains("Set up Cloakroom"));
    assert_eq!(set_up(&mut browser, &site.set_up_code()).status, 303);
    assert_eq!(site.server.client().get("/cloakroom/login").status, 200);
}
