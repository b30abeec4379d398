//! What goes on at once through `/v1`, and what the store's faults look like.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;

use cloakroom_testkit::servers::http::{Address, Request};
use cloakroom_testkit::servers::wait_until;
use cloakroom_testkit::{Random, rounds, seeds};
use serde_json::json;

use crate::behind::applies;
use crate::outage::HINTS;
use crate::support::{Application, SOON, Site, check_problem};

#[test]
fn law_1_no_call_that_races_an_end_revives_the_session() {
    let site = Site::fresh("");
    let app = site.application();
    for seed in seeds(rounds(15, 1_000)) {
        let mut random = Random::new(seed);
        let (token, id) = app.log_in("anna");
        let rotated = thread::scope(|scope| {
            let rotation = scope.spawn(|| app.post("sessions/rotate", &json!({ "token": token })));
            let change = json!({"changes": [{"key": "k", "value": 1, "overwrite": true}]});
            let data = format!("sessions/{id}/data");
            let writer = app.clone();
            scope.spawn(move || writer.patch(&data, &change));
            scope.spawn(|| app.post("sessions/verify", &json!({"token": token, "renew": true})));
            match random.below(3) {
                0 => app.post(&format!("sessions/{id}/end"), &json!(null)),
                1 => app.post("users/anna/end-sessions", &json!(null)),
                _ => app.post("sessions/end-everyone", &json!({"confirm": "everyone"})),
            };
            rotation.join().expect("it answers")
        });
        if rotated.status == 200 {
            let new = rotated.json()["token"].as_str().expect("a token").to_owned();
            assert!(!app.is_active(&new), "seed {seed}: a rotation outlived the end");
        }
        assert!(!app.is_active(&token), "seed {seed}");
        check_problem(&app.get(&format!("sessions/{id}")), 410, "session-ended");
        if applies("sql_view") {
            assert_eq!(site.count("SELECT count(*) FROM cloakroom_session_data"), 0, "seed {seed}");
        }
    }
}

#[test]
fn law_9_a_caller_that_hangs_up_leaves_its_end_done() {
    let site = Site::fresh("");
    let app = site.application();
    for seed in seeds(rounds(8, 200)) {
        let (token, id) = app.log_in("anna");
        drop(begin(&app, &format!("sessions/{id}/end"), "{}"));
        wait_until(&format!("seed {seed}: the end is done"), SOON, || !app.is_active(&token));
    }
}

#[test]
fn law_11_a_rotation_during_a_change_of_groups_is_not_taken_for_an_end() {
    let (site, _) = Site::with_people("", &["bob"]);
    let app = site.application();
    let users = app.get("users").json();
    let bob = users["items"].as_array().expect("users").iter().find(|user| user["name"] == "bob");
    let id = bob.and_then(|bob| bob["id"].as_str()).expect("bob is listed").to_owned();
    let (mut token, _) = app.log_in(&id);
    for seed in seeds(rounds(15, 500)) {
        let groups = json!({"groups": [format!("g{}", seed % 1_000)]});
        let answer = thread::scope(|scope| {
            let change = scope.spawn(|| app.patch(&format!("users/{id}"), &groups));
            let answer = app.post("sessions/rotate", &json!({ "token": token }));
            assert_eq!(change.join().expect("it answers").status, 200);
            answer
        });
        assert_eq!(answer.status, 200, "seed {seed}: {answer:?}");
        answer.json()["token"].as_str().expect("a token").clone_into(&mut token);
        assert_eq!(app.verify(&token)["session"]["user"]["groups"], groups["groups"]);
    }
}

/// Sends a call up to its last byte, once it is certain that the server has begun it.
fn begin(app: &Application, path: &str, body: &str) -> TcpStream {
    let Address::Port(port) = app.address else { panic!("it listens on a port") };
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it is open");
    let (key, length) = (&app.key, body.len());
    let head = format!(
        "POST /v1/{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\
         Expect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("it is sent");
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).expect("it is asked for");
    stream.write_all(body.as_bytes()).expect("it is sent");
    stream
}

#[test]
fn law_5_while_the_store_is_down_every_call_says_that_nothing_is_known() {
    let site = Site::fresh("");
    let app = site.application();
    let (token, id) = app.log_in("anna");
    if !applies("store_outage") {
        return;
    }
    site.cut_store();
    let calls = [
        app.get("sessions"),
        app.get(&format!("sessions/{id}")),
        app.get(&format!("sessions/{id}/data")),
        app.post("sessions", &json!({"user": {"id": "bob"}})),
        app.post("sessions/verify", &json!({ "token": token })),
        app.post("sessions/verify-batch", &json!({ "tokens": [token] })),
        app.post("sessions/rotate", &json!({ "token": token })),
        app.post("sessions/log-out", &json!({ "token": token })),
        app.post(&format!("sessions/{id}/end"), &json!(null)),
        app.post("users/anna/end-sessions", &json!(null)),
    ];
    for answer in &calls {
        check_problem(answer, 503, "sessions-unavailable");
        assert_eq!(answer.headers("Retry-After"), ["2"], "{answer:?}");
        for hint in HINTS {
            assert!(!answer.text().to_lowercase().contains(hint), "{hint}: {answer:?}");
        }
    }
    site.heal_store();
    site.rename("api_key", "away");
    check_problem(&app.get("capabilities"), 503, "sessions-unavailable");
    site.rename("away", "api_key");
    assert!(app.is_active(&token));
}

#[test]
fn the_document_needs_no_key() {
    let site = Site::fresh("");
    let answer = Request::get("/v1/openapi.json").header("Host", "x").send(site.server.address());
    assert_eq!((answer.status, &answer.json()["openapi"]), (200, &json!("3.1.0")));
}
