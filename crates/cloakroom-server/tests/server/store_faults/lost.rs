//! Answers of the store are lost where it commits: nobody is told what is not known, and what
//! comes after agrees with one of the two.

use cloakroom_testkit::servers::Proxy;
use cloakroom_testkit::servers::http::Request;
use serde_json::json;
use std::time::Instant;

use super::scene::{Scene, cookie};
use crate::behind::applies;
use crate::support::{Site, check_problem, is_signed_in};

/// What the write of an end by its owner holds, and nothing that is read before it.
const LOGOUT: &str = "logout";
/// A browser that no other session has.
const BROWSER: &str = "Lost/1.0";

/// A scene in which all that is written here was written once, so that nothing is prepared first.
#[track_caller]
fn scene() -> Option<Scene> {
    let scene = Scene::that_can_be_without_its_store()?;
    scene.check_recovery(Instant::now());
    scene.check_end_is_seen();
    let mut other = scene.site.browser_of(crate::support::ADMIN);
    assert_eq!(other.post_form("/cloakroom/logout", &[]).status, 200);
    Some(scene)
}

fn writes(scene: &Scene) -> &Proxy {
    scene.vital().next().expect("the store is behind a proxy")
}

fn logout(scene: &Scene) -> Request {
    let form = Request::post_form("/cloakroom/logout", &[]);
    form.header("Origin", scene.site.server.url()).header("Cookie", cookie(&scene.late))
}

#[test]
fn a_logout_whose_answer_is_lost_is_asked_again_and_acknowledged() {
    let Some(mut scene) = scene() else { return };
    writes(&scene).lose_answer_to(LOGOUT);
    let answered = scene.ask("a logout", logout(&scene));
    assert!(writes(&scene).has_struck());
    assert_eq!(answered.answer().status, 200, "{answered:?}");
    assert!(!is_signed_in(&mut scene.late) && is_signed_in(&mut scene.ada));
}

#[test]
fn a_logout_that_nobody_heard_of_again_is_unknown_and_keeps_the_cookie() {
    let Some(mut scene) = scene() else { return };
    writes(&scene).cut_before_answer_to(LOGOUT);
    let answered = scene.ask("a logout", logout(&scene));
    assert!(writes(&scene).has_struck());
    answered.check_unknown();
    writes(&scene).heal();
    scene.check_recovery(Instant::now());
    assert!(!is_signed_in(&mut scene.late), "the store had done it before it was cut off");
    assert!(is_signed_in(&mut scene.ada));
}

#[test]
fn a_login_whose_answer_is_lost_is_unknown_and_its_session_can_be_ended() {
    let Some(mut scene) = scene() else { return };
    let id = scene.site.user_id_by_api(&scene);
    let before = scene.app.live_of(&id);
    writes(&scene).lose_answer_to(BROWSER);
    let answered = scene.ask("a login", scene.login().header("User-Agent", BROWSER));
    assert!(writes(&scene).has_struck());
    answered.check_unknown();
    assert_eq!(scene.app.live_of(&id), before + 1, "the store has it, though nobody was told");
    let page = scene.ada.get("/cloakroom/account");
    assert!(page.text().contains("/sessions/"), "{page:?}");
    scene.ada.post_form("/cloakroom/account/sessions/end-others", &[]);
    assert_eq!(scene.app.live_of(&id), 1);
    assert!(is_signed_in(&mut scene.ada) && !is_signed_in(&mut scene.late));
}

#[test]
fn a_creation_whose_answer_is_lost_can_be_sent_again_and_makes_one_session() {
    let Some(scene) = scene() else { return };
    let create = || {
        let body = json!({"user": {"id": "emil", "name": "lost-and-found"}});
        scene.app.json("POST", "sessions", &body).header("Idempotency-Key", "k")
    };
    writes(&scene).lose_answer_to("lost-and-found");
    let answered = scene.ask("a creation", create());
    assert!(writes(&scene).has_struck());
    answered.check_unknown();
    check_problem(answered.answer(), 503, "outcome-unknown");
    let again = scene.ask("the creation again", create());
    assert_eq!(again.answer().status, 201, "{again:?}");
    assert_eq!(scene.app.live_of("emil"), 1);
    let token = again.answer().json()["token"].as_str().expect("a token").to_owned();
    assert!(scene.app.is_active(&token));
}

#[test]
fn an_end_by_an_application_that_nobody_heard_of_is_unknown_and_can_be_sent_again() {
    let Some(scene) = scene() else { return };
    let (token, id) = scene.app.log_in("dora");
    let end = || scene.app.json("POST", &format!("sessions/{id}/end"), &json!(null));
    writes(&scene).cut_before_answer_to("api:app");
    let answered = scene.ask("an end", end());
    assert!(writes(&scene).has_struck(), "{answered:?}");
    answered.check_unknown();
    writes(&scene).heal();
    scene.check_recovery(Instant::now());
    assert!(!scene.app.is_active(&token));
    assert!([200, 410].contains(&scene.ask("the end again", end()).answer().status));
}

#[test]
fn a_write_that_waits_for_long_is_given_up_in_time_and_then_done_or_not() {
    if !applies("sql_view") {
        return;
    }
    let mut scene = Scene::new();
    let held = scene.site.hold_writes();
    let requests = vec![("a logout", logout(&scene)), ("a login", scene.login())];
    for answered in scene.ask_at_once(requests, || scene.check_health(20)) {
        answered.check_unavailable();
    }
    assert!(is_signed_in(&mut scene.ada), "whoever only reads is not kept waiting");
    held.let_go();
    scene.check_recovery(Instant::now());
    // Whatever became of the logout, it can be done now.
    scene.late.post_form("/cloakroom/logout", &[]);
    assert!(!is_signed_in(&mut scene.late) && is_signed_in(&mut scene.ada));
}

impl Site {
    fn user_id_by_api(&self, scene: &Scene) -> String {
        let users = scene.app.get("users").json();
        users["items"][0]["id"].as_str().expect("there is a user").to_owned()
    }
}
