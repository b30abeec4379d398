//! A creation that is sent again because its answer was lost makes one session.

use std::thread;

use cloakroom_testkit::servers::http::Response;
use cloakroom_testkit::{Random, rounds, seeds};
use serde_json::{Value, json};

use crate::behind::applies;
use crate::support::{Application, Site, check_problem, token_and_id};

fn create(app: &Application, key: &str, body: &Value) -> Response {
    app.json("POST", "sessions", body).header("Idempotency-Key", key).send(&app.address)
}

#[test]
fn a_retry_gets_the_same_credential_and_another_body_is_refused() {
    let site = Site::fresh("");
    let app = site.application();
    let body = json!({"user": {"id": "anna"}});
    let first = create(&app, "k1", &body);
    assert_eq!((first.status, first.header("Idempotency-Replayed")), (201, None));
    let again = create(&app, "k1", &body);
    assert_eq!(again.header("Idempotency-Replayed").as_deref(), Some("true"));
    assert_eq!((again.status, again.json()), (201, first.json()));
    check_problem(
        &create(&app, "k1", &json!({"user": {"id": "bob"}})),
        422,
        "idempotency-key-reused",
    );
    assert_ne!(token_and_id(&create(&app, "k2", &body)), token_and_id(&first));
    assert_eq!(app.live(), 2);
}

#[test]
fn keys_of_two_applications_do_not_meet() {
    let site = Site::fresh("");
    let (one, other) = (site.application(), site.application_with("other", &["sessions:write"]));
    let body = json!({"user": {"id": "anna"}});
    assert_ne!(token_and_id(&create(&one, "k", &body)), token_and_id(&create(&other, "k", &body)));
}

#[test]
fn a_key_survives_a_crash_of_the_server() {
    if !applies("survives_crash") {
        return;
    }
    let mut site = Site::fresh("");
    let app = site.application();
    let body = json!({"user": {"id": "anna"}});
    let first = create(&app, "k", &body);
    site.server.kill_9();
    site.server.restart();
    assert_eq!(create(&app, "k", &body).json(), first.json());
}

#[test]
fn law_1_a_retry_after_the_end_revives_nothing() {
    let site = Site::fresh("");
    let app = site.application();
    let body = json!({"user": {"id": "anna"}});
    let (token, id) = token_and_id(&create(&app, "k", &body));
    app.post(&format!("sessions/{id}/end"), &json!(null));
    check_problem(&create(&app, "k", &body), 410, "session-ended");
    assert!(!app.is_active(&token));
    assert_eq!(app.live(), 0);
}

#[test]
fn law_1_a_retry_revives_nothing_when_the_history_is_not_kept() {
    let site = Site::fresh("[session]\nhistory = \"0s\"\n[sweep]\ninterval = \"1s\"");
    let app = site.application();
    let body = json!({"user": {"id": "anna"}});
    let (token, id) = token_and_id(&create(&app, "k", &body));
    app.post(&format!("sessions/{id}/end"), &json!(null));
    // As if the session had ended and been forgotten long after its id was reserved.
    let old = id.replace('-', "");
    let aged = format!(
        "{:012x}{}",
        u64::from_str_radix(&old[..12], 16).expect("hex") - 3_600_000,
        &old[12..]
    );
    let aged = site.blob(&aged);
    site.sql(&format!("UPDATE cloakroom_reservation SET session_id = {aged}"));
    check_problem(&create(&app, "k", &body), 410, "session-ended");
    assert!(!app.is_active(&token));
    assert_eq!(app.live(), 0);
}

#[test]
fn a_retry_after_a_rotation_hands_out_no_dead_credential() {
    let site = Site::fresh("");
    let app = site.application();
    let body = json!({"user": {"id": "anna"}});
    let (token, _) = token_and_id(&create(&app, "k", &body));
    let (new, _) = token_and_id(&app.post("sessions/rotate", &json!({ "token": token })));
    check_problem(&create(&app, "k", &body), 409, "credential-superseded");
    assert!(app.is_active(&new));
}

#[test]
fn a_key_that_is_no_key_is_refused() {
    let site = Site::fresh("");
    let app = site.application();
    let body = json!({"user": {"id": "anna"}});
    for key in ["", "a b", "\u{e9}", &"k".repeat(256)] {
        check_problem(&create(&app, key, &body), 400, "invalid-idempotency-key");
    }
    let twice = app.json("POST", "sessions", &body);
    let twice = twice.header("Idempotency-Key", "a").header("Idempotency-Key", "b");
    check_problem(&twice.send(&app.address), 400, "invalid-idempotency-key");
    assert_eq!(app.live(), 0);
}

#[test]
fn parallel_tries_make_one_session_and_an_end_among_them_wins() {
    let site = Site::fresh("");
    let app = site.application();
    for seed in seeds(rounds(12, 500)) {
        let mut random = Random::new(seed);
        let (key, user) = (format!("k-{seed}"), format!("u-{seed}"));
        let body = json!({"user": {"id": user}});
        let ends_meanwhile = random.once_in(2);
        let answers: Vec<Response> = thread::scope(|scope| {
            let tries: Vec<_> = (0..4).map(|_| scope.spawn(|| create(&app, &key, &body))).collect();
            if ends_meanwhile {
                let path = format!("users/{user}/end-sessions");
                app.post(&path, &json!(null));
            }
            tries.into_iter().map(|it| it.join().expect("it answers")).collect()
        });
        let mut made: Vec<_> =
            answers.iter().filter(|it| it.status == 201).map(token_and_id).collect();
        made.dedup();
        assert!(made.len() <= 1, "seed {seed}: two credentials");
        for answer in answers.iter().filter(|it| it.status != 201) {
            assert!(
                ends_meanwhile && [409, 410].contains(&answer.status),
                "seed {seed}: {answer:?}"
            );
        }
        assert!(app.live_of(&user) <= 1, "seed {seed}: two sessions");
        if !ends_meanwhile {
            assert!(app.is_active(&made[0].0), "seed {seed}");
        }
        if answers.iter().any(|it| it.status == 410) {
            assert_eq!(app.live_of(&user), 0, "seed {seed}: it came back");
        }
    }
}
