//! Hostile bodies, headers and methods against `/v1`.

use cloakroom_testkit::servers::http::{Connection, Request, Response};
use serde_json::json;

use crate::support::{Application, Site, check_problem};

fn send(
    app: &Application,
    method: &str,
    path: &str,
    kind: &str,
    body: impl Into<Vec<u8>>,
) -> Response {
    app.request(method, path).header("Content-Type", kind).body(body).send(&app.address)
}

#[test]
fn a_body_that_is_not_what_it_should_be_is_refused_with_a_word_why() {
    let site = Site::fresh("");
    let app = site.application();
    let verify = |kind: &str, body: &[u8]| send(&app, "POST", "sessions/verify", kind, body);
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""] {
        check_problem(&verify(kind, br#"{"token":"x"}"#), 415, "json-required");
    }
    assert_eq!(verify("application/json; charset=utf-8", br#"{"token":"x"}"#).status, 200);
    for body in [
        &b""[..],
        b"{",
        b"null",
        b"[]",
        b"\"token\"",
        b"{\"token\": \"\xff\xfe\"}",
        br#"{"token":"x","token":"y"}"#,
        br#"{"token":"x"} {"token":"y"}"#,
        br#"{"token":"x","extra":1}"#,
        br#"{"token":{"$gt":""}}"#,
        br#"{"token":["x"]}"#,
        br#"{"token":"x","renew":"true"}"#,
        br#"{"token":"\ud800"}"#,
    ] {
        check_problem(&verify("application/json", body), 422, "invalid-body");
    }
}

#[test]
fn what_a_call_does_not_take_is_refused() {
    let site = Site::fresh("");
    let app = site.application();
    let (token, id) = app.log_in("anna");
    for path in ["sessions/count?user=x", "capabilities?x=1", &format!("history/{id}?x=1")] {
        check_problem(&app.get(path), 400, "invalid-query");
    }
    let verify = app.post("sessions/verify?renew=true", &json!({ "token": token }));
    check_problem(&verify, 400, "invalid-query");
    check_problem(&app.post("sessions/verify", &json!([token, true])), 422, "invalid-body");
    check_problem(&app.post("users/anna/disable", &json!({"reason": "x"})), 422, "invalid-body");
    for body in [
        json!({"user": ["anna"]}),
        json!({"user": {"id": "anna"}, "client": [null, null]}),
        json!([{"id": "anna"}]),
    ] {
        check_problem(&app.post("sessions", &body), 422, "invalid-body");
    }
    let listed = json!({"changes": [["k", 1, null, 0]]});
    let data = app.patch(&format!("sessions/{id}/data"), &listed);
    check_problem(&data, 422, "invalid-body");
    for path in ["sessions/%FF", "users/%FF/epoch", "history/%C0%80"] {
        check_problem(&app.get(path), 404, "not-found");
    }
    check_problem(&app.post("sessions", &json!({"user": {"id": ".."}})), 422, "invalid-body");
}

#[test]
fn a_credential_in_the_wrong_place_is_not_repeated_in_the_error() {
    let site = Site::fresh("");
    let app = site.application();
    let (token, _) = app.log_in("anna");
    for (path, body) in [
        ("sessions/verify", json!({"token": "x", "renew": token})),
        ("sessions/x/end", json!({ "reason": token })),
        ("sessions/end-everyone", json!({ "confirm": app.key })),
        ("sessions/verify", json!({"token": "x", token.as_str(): 1})),
    ] {
        let answer = app.post(path, &body);
        check_problem(&answer, 422, "invalid-body");
        for secret in [&token, &app.key] {
            assert!(!answer.text().contains(&secret[5..20]), "{answer:?}");
        }
    }
    assert!(!site.server.log().contains(&token[4..]));
}

#[test]
fn deep_and_large_bodies_cost_little_and_are_refused() {
    let site = Site::fresh("");
    let app = site.application();
    let (_, id) = app.log_in("anna");
    for levels in [65, 10_000, 60_000] {
        let deep = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let body = format!(r#"{{"changes":[{{"key":"k","value":{deep},"expect":0}}]}}"#);
        let answer = send(&app, "PATCH", &format!("sessions/{id}/data"), "application/json", body);
        check_problem(&answer, 422, "invalid-body");
    }
    let unclosed = send(&app, "POST", "sessions", "application/json", "{\"user\":".repeat(60));
    check_problem(&unclosed, 422, "invalid-body");
    let large = format!(r#"{{"token":"{}"}}"#, "x".repeat(200_000));
    check_problem(
        &send(&app, "POST", "sessions/verify", "application/json", large),
        413,
        "body-too-large",
    );
    assert_eq!(app.get("capabilities").status, 200);
}

#[test]
fn many_members_that_share_a_hash_or_a_prefix_are_refused_quickly() {
    let site = Site::fresh("");
    let app = site.application();
    let members: Vec<String> = (0..8_000).map(|n| format!("\"k{n}\":1")).collect();
    let body = format!("{{{}}}", members.join(","));
    check_problem(&send(&app, "POST", "sessions", "application/json", body), 422, "invalid-body");
}

#[test]
fn only_the_methods_of_a_call_reach_it() {
    let site = Site::fresh("");
    let app = site.application();
    let (token, id) = app.log_in("anna");
    for method in ["DELETE", "PUT", "TRACE", "post", "PROPFIND"] {
        let answer = app.request(method, &format!("sessions/{id}/end")).send(&app.address);
        assert!([400, 405].contains(&answer.status), "{method}: {answer:?}");
    }
    let answer = app.get(&format!("sessions/{id}/end"));
    check_problem(&answer, 405, "method-not-allowed");
    assert_eq!(answer.header("Allow").as_deref(), Some("POST"));
    for name in ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"] {
        let request = app.request("GET", &format!("sessions/{id}/end")).header(name, "POST");
        check_problem(&request.send(&app.address), 405, "method-not-allowed");
    }
    assert!(app.is_active(&token));
    for path in ["", "x", "sessions/", "sessions//verify", "../v1/sessions", "sessions/x/y/z"] {
        check_problem(&app.get(path), 404, "not-found");
    }
}

#[test]
fn a_session_cookie_is_no_key_and_a_page_of_another_site_can_do_nothing() {
    let (site, mut ada) = Site::with_admin("");
    let answer = ada.send(Request::get("/v1/sessions"));
    check_problem(&answer, 401, "api-key-required");
    let app = site.application();
    let preflight = Request::new("OPTIONS", "/v1/sessions")
        .header("Host", "localhost")
        .header("Origin", "https://evil.example")
        .header("Access-Control-Request-Method", "POST");
    let answer = preflight.send(&app.address);
    assert_eq!(answer.header("Access-Control-Allow-Origin"), None, "{answer:?}");
}

#[test]
fn names_and_addresses_cannot_break_a_header_or_a_line() {
    let site = Site::fresh("");
    let app = site.application();
    for user in [
        json!({"id": "a\r\nSet-Cookie: x=1"}),
        json!({"id": "a", "name": "a\nb"}),
        json!({"id": "a", "groups": ["x,y"]}),
        json!({"id": "a", "groups": [""]}),
        json!({"id": ""}),
        json!({"id": "x".repeat(129)}),
        json!({"id": 5}),
    ] {
        check_problem(&app.post("sessions", &json!({ "user": user })), 422, "invalid-body");
    }
    for client in [json!({"address": "1.2.3.4, 5.6.7.8"}), json!({"address": "localhost"})] {
        let order = json!({"user": {"id": "a"}, "client": client});
        check_problem(&app.post("sessions", &order), 422, "invalid-body");
    }
    let order =
        json!({"user": {"id": "a"}, "client": {"user_agent": "x\r\n\u{1b}[31my".repeat(300)}});
    let shown = app.post("sessions", &order).json()["session"]["client"]["user_agent"].clone();
    let shown = shown.as_str().expect("it is kept");
    assert!(shown.len() <= 512 && !shown.chars().any(char::is_control), "{shown}");
}

#[test]
fn a_request_hidden_behind_a_body_is_not_carried_out() {
    let site = Site::fresh("");
    let app = site.application();
    let (token, id) = app.log_in("anna");
    let hidden = app.json("POST", &format!("sessions/{id}/end"), &json!({}));
    let hidden = hidden.to_bytes(&app.address);
    for framing in [
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
        format!("Content-Length: {}\r\nContent-Length: 0\r\n\r\n", hidden.len()),
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n".to_owned(),
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n".to_owned(),
    ] {
        let head = "POST /v1/sessions/verify HTTP/1.1\r\nHost: localhost\r\n";
        let mut connection = Connection::open(&app.address).expect("it opens");
        let bytes = [head.as_bytes(), framing.as_bytes(), &hidden].concat();
        // The server may close before all of it is written.
        let _ = connection.write(&bytes);
        if let Ok(answer) = connection.read_response("POST") {
            assert!((400..500).contains(&answer.status), "{framing:?}: {answer:?}");
        }
        assert!(app.is_active(&token), "{framing:?} smuggled a request");
    }
}
