//! What people do with their own sessions.

use std::time::Duration;

use cloakroom_testkit::servers::Client;
use cloakroom_testkit::servers::http::Response;

use crate::support::{
    ADMIN, COOKIE, PASSWORD, Site, between, endable, is_signed_in, send_login, session_of,
};

pub(crate) const NEW_PASSWORD: &str = "another horse, another battery";
const ELEVEN_MINUTES: Duration = Duration::from_secs(660);
const CHROME_ON_ANDROID: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 \
                                 (KHTML, like Gecko) Chrome/144.0.0.0 Mobile Safari/537.36";

#[track_caller]
pub(crate) fn change_password(browser: &mut Client, current: &str, new: &str) -> Response {
    let form = [("current", current), ("new", new), ("repeat", new)];
    browser.post_form("/cloakroom/account/password", &form)
}

#[test]
fn the_account_lists_each_device_with_browser_system_address_and_times() {
    let (site, _) = Site::with_people("", &["bob"]);
    let mut desk = site.browser_of("bob");
    let mut phone = site.server.client().with_user_agent(CHROME_ON_ANDROID);
    site.sign_in(&mut phone, "bob");
    let page = desk.get("/cloakroom/account").text();
    let devices = between(&page, "<h2 class=\"device-name\"", "</li>");
    assert_eq!(devices.len(), 2, "{page}");
    assert!(devices[0].contains("Firefox on Linux") && devices[0].contains("This device"));
    assert!(devices[1].contains("Chrome on Android") && !devices[1].contains("This device"));
    for device in devices {
        assert!(device.contains("<dd>127.0.0.1</dd>"), "{device}");
        assert_eq!(device.matches("<time datetime=\"20").count(), 2, "{device}");
    }
}

#[test]
fn one_device_ends_the_other_whose_next_request_is_refused() {
    let (site, _) = Site::with_people("", &["bob"]);
    let (mut first, mut second) = (site.browser_of("bob"), site.browser_of("bob"));
    let listed = endable(&first.get("/cloakroom/account"));
    assert_eq!(listed, [session_of(&second)]);
    let path = format!("/cloakroom/account/sessions/{}/end", listed[0]);
    let answer = first.post_form(&path, &[]);
    assert!(first.follow(&answer).text().contains("The session has ended."));
    assert!(!is_signed_in(&mut second));
    assert!(is_signed_in(&mut first));
    let again = first.post_form(&path, &[]);
    assert!(first.follow(&again).text().contains("had already ended"));
}

#[test]
fn nobody_ends_a_session_of_someone_else_from_their_account() {
    let (site, mut ada) = Site::with_people("", &["bob", "eve"]);
    let mut eve = site.browser_of("eve");
    let bob = site.browser_of("bob");
    for session in [session_of(&bob), session_of(&ada)] {
        let path = format!("/cloakroom/account/sessions/{session}/end");
        let answer = eve.post_form(&path, &[]);
        // The same as for a session that is not there at all.
        let nothing = "/cloakroom/account/sessions/01890000-0000-7000-8000-000000000000/end";
        assert_eq!(answer.header("Location"), eve.post_form(nothing, &[]).header("Location"));
    }
    assert!(is_signed_in(&mut bob.clone()) && is_signed_in(&mut ada));
    assert_eq!(eve.post_form("/cloakroom/account/sessions/x/end", &[]).status, 404);
    assert!(!eve.get("/cloakroom/account").text().contains(&session_of(&bob)));
}

#[test]
fn ending_all_others_leaves_this_device_and_other_people_alone() {
    let (site, mut ada) = Site::with_people("", &["bob"]);
    let mut others = [site.browser_of("bob"), site.browser_of("bob")];
    let mut bob = site.browser_of("bob");
    let answer = bob.post_form("/cloakroom/account/sessions/end-others", &[]);
    let page = bob.follow(&answer);
    assert!(page.text().contains("Your other sessions have ended."), "{page:?}");
    assert!(endable(&page).is_empty());
    assert!(others.iter_mut().all(|other| !is_signed_in(other)));
    assert!(is_signed_in(&mut bob) && is_signed_in(&mut ada));
    // A later login is not touched by it.
    assert!(is_signed_in(&mut site.browser_of("bob")));
    assert!(is_signed_in(&mut bob));
}

#[test]
fn a_change_of_password_ends_all_other_sessions_at_once_and_renews_this_one() {
    let (site, _) = Site::with_people("", &["bob"]);
    let (mut other, mut bob) = (site.browser_of("bob"), site.browser_of("bob"));
    let (mut copy, ended) = (bob.clone(), session_of(&other));
    assert_eq!(bob.get("/cloakroom/account/password").status, 200);
    let answer = change_password(&mut bob, PASSWORD, NEW_PASSWORD);
    assert_eq!(answer.status, 303, "{answer:?}");
    assert_eq!(answer.headers("Set-Cookie").len(), 1);
    assert!(bob.follow(&answer).text().contains("Your password is changed."));
    assert!(!is_signed_in(&mut other), "the other session goes on");
    assert!(!is_signed_in(&mut copy), "the credential from before the change goes on");
    assert!(is_signed_in(&mut bob));
    assert!(site.run(&["why", &ended]).contains("password"));
    let mut browser = site.server.client();
    assert_eq!(send_login(&mut browser, "bob", PASSWORD).status, 401);
    assert_eq!(send_login(&mut browser, "bob", NEW_PASSWORD).status, 303);
    // A second change keeps the session too, though it is older than the first change.
    let answer = change_password(&mut bob, NEW_PASSWORD, PASSWORD);
    assert_eq!(answer.status, 303, "{answer:?}");
    assert!(is_signed_in(&mut bob) && !is_signed_in(&mut browser));
}

#[test]
fn a_password_is_not_changed_by_mistake() {
    let (site, _) = Site::with_people("", &["bob"]);
    let (mut bob, mut other) = (site.browser_of("bob"), site.browser_of("bob"));
    for (current, new, repeat, field) in [
        ("wrong password", NEW_PASSWORD, NEW_PASSWORD, "current"),
        ("", NEW_PASSWORD, NEW_PASSWORD, "current"),
        (PASSWORD, "short", "short", "new"),
        (PASSWORD, "iloveyou1", "iloveyou1", "new"),
        (PASSWORD, NEW_PASSWORD, "something else", "repeat"),
    ] {
        let form = [("current", current), ("new", new), ("repeat", repeat)];
        let answer = bob.post_form("/cloakroom/account/password", &form);
        assert_eq!(answer.status, 422, "{answer:?}");
        assert!(answer.text().contains(&format!("id=\"{field}-error\"")), "{field}: {answer:?}");
        assert!(!answer.text().contains(NEW_PASSWORD), "a password came back: {answer:?}");
    }
    assert!(is_signed_in(&mut other));
    assert_eq!(send_login(&mut site.server.client(), "bob", PASSWORD).status, 303);
}

#[test]
fn sensitive_acts_need_the_password_of_the_last_ten_minutes() {
    let (mut site, _) = Site::with_people("", &["bob"]);
    let (mut bob, mut other) = (site.browser_of("bob"), site.browser_of("bob"));
    let Some(()) = site.later(ELEVEN_MINUTES) else { return };
    let end_other = format!("/cloakroom/account/sessions/{}/end", session_of(&other));
    let confirm = "/cloakroom/confirm?to=%2Fcloakroom%2Faccount";
    for path in [&*end_other, "/cloakroom/account/sessions/end-others"] {
        assert_eq!(bob.post_form(path, &[]).header("Location").as_deref(), Some(confirm));
    }
    let password = format!("{confirm}%2Fpassword");
    let answer = change_password(&mut bob, PASSWORD, NEW_PASSWORD);
    assert_eq!(answer.header("Location").as_ref(), Some(&password));
    let answer = bob.get("/cloakroom/account/password");
    assert_eq!(answer.header("Location"), Some(password));
    assert!(is_signed_in(&mut other));

    let page = bob.follow(&answer);
    assert!(page.text().contains("Confirm that it is you"), "{page:?}");
    let to = ("to", "/cloakroom/account/password");
    let wrong = bob.post_form("/cloakroom/confirm", &[("password", "wrong"), to]);
    assert_eq!(wrong.status, 401, "{wrong:?}");
    let mut copy = bob.clone();
    let answer = bob.post_form("/cloakroom/confirm", &[("password", PASSWORD), to]);
    assert_eq!(bob.follow(&answer).status, 200);
    assert!(!is_signed_in(&mut copy), "the credential from before goes on");
    let answer = bob.post_form(&end_other, &[]);
    assert!(answer.header("Location").is_some_and(|to| to.ends_with("done=session-ended")));
    assert!(!is_signed_in(&mut other));
}

#[test]
fn sensitive_acts_of_administrators_need_it_too() {
    let (mut site, mut ada) = Site::with_people("", &["bob"]);
    let mut bob = site.browser_of("bob");
    let id = site.user_id("bob");
    let Some(()) = site.later(ELEVEN_MINUTES) else { return };
    for (path, form) in [
        (format!("sessions/{}/end", session_of(&bob)), vec![]),
        (format!("users/{id}/end"), vec![]),
        ("end-everyone".to_owned(), vec![("confirm", "everyone")]),
        ("users".to_owned(), vec![("name", "new"), ("display_name", "New")]),
        (format!("users/{id}/disable"), vec![]),
        (format!("users/{id}/password-link"), vec![]),
    ] {
        let answer = ada.post_form(&format!("/cloakroom/admin/{path}"), &form);
        let to = answer.header("Location").unwrap_or_default();
        assert!(to.starts_with("/cloakroom/confirm?to=%2Fcloakroom%2Fadmin"), "{path}: {answer:?}");
    }
    assert!(is_signed_in(&mut bob) && is_signed_in(&mut ada));
    assert_eq!(site.count("SELECT count(*) FROM cloakroom_user"), 2);
}

#[test]
fn a_session_that_was_not_used_for_a_day_has_ended() {
    let (mut site, mut ada) = Site::with_admin("");
    assert!(is_signed_in(&mut ada));
    let Some(()) = site.later(Duration::from_secs(86_460)) else { return };
    assert!(!is_signed_in(&mut ada));
    assert!(ada.cookie(COOKIE).is_some(), "only a logout takes the cookie away");
    assert!(is_signed_in(&mut site.browser_of(ADMIN)));
}

#[test]
fn a_limit_of_sessions_is_kept_as_configured() {
    let (site, ada) = Site::with_people("[session]\nlimit = 2\n", &["bob"]);
    let mut both = [site.browser_of("bob"), site.browser_of("bob")];
    let mut third = site.server.client();
    let answer = send_login(&mut third, "bob", PASSWORD);
    assert_eq!(answer.status, 409, "{answer:?}");
    assert!(answer.text().contains("You are signed in on too many devices"), "{answer:?}");
    assert!(both.iter_mut().all(is_signed_in) && is_signed_in(&mut ada.clone()));

    let (site, _) =
        Site::with_people("[session]\nlimit = 2\nlimit_policy = \"end_oldest\"\n", &["bob"]);
    let mut all = [site.browser_of("bob"), site.browser_of("bob"), site.browser_of("bob")];
    let live: Vec<bool> = all.iter_mut().map(is_signed_in).collect();
    assert_eq!(live, [false, true, true]);
}
