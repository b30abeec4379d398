//! API keys: shown once, kept as digests, removed at once, and good for their scopes only.

use cloakroom_testkit::servers::http::Request;
use serde_json::{Value, json};

use crate::support::{Site, check_problem};

/// Every call, and the scope it needs.
const CALLS: [(&str, &str, &str); 24] = [
    ("POST", "sessions", "sessions:write"),
    ("GET", "sessions", "sessions:read"),
    ("POST", "sessions/verify", "sessions:read"),
    ("POST", "sessions/verify-batch", "sessions:read"),
    ("POST", "sessions/rotate", "sessions:write"),
    ("POST", "sessions/log-out", "sessions:end"),
    ("GET", "sessions/count", "sessions:read"),
    ("GET", "sessions/x", "sessions:read"),
    ("POST", "sessions/x/end", "sessions:end"),
    ("POST", "sessions/x/end-others", "sessions:end"),
    ("POST", "sessions/end-everyone", "sessions:end"),
    ("GET", "sessions/x/data", "sessions:read"),
    ("PATCH", "sessions/x/data", "sessions:write"),
    ("GET", "history", "sessions:read"),
    ("GET", "history/x", "sessions:read"),
    ("GET", "users", "users:read"),
    ("POST", "users", "users:write"),
    ("GET", "users/x", "users:read"),
    ("PATCH", "users/x", "users:write"),
    ("GET", "users/x/epoch", "sessions:read"),
    ("POST", "users/x/disable", "users:write"),
    ("POST", "users/x/enable", "users:write"),
    ("POST", "users/x/password-link", "users:write"),
    ("POST", "users/x/end-sessions", "sessions:end"),
];

#[test]
fn every_call_needs_a_key_and_exactly_its_scope() {
    let site = Site::fresh("");
    let document = Request::get("/v1/openapi.json").send(site.server.address()).json();
    let calls = document["paths"].as_object().expect("paths").values();
    let count: usize = calls.map(|path| path.as_object().map_or(0, serde_json::Map::len)).sum();
    assert_eq!(
        count,
        CALLS.len() + 2,
        "the table is complete but for capabilities and the document"
    );
    let scopes = ["sessions:read", "sessions:write", "sessions:end", "users:read", "users:write"];
    let apps =
        scopes.map(|scope| (scope, site.application_with(&scope.replace(':', "-"), &[scope])));
    for (method, path, needed) in CALLS {
        for (scope, app) in &apps {
            let answer = app.json(method, path, &json!({})).send(&app.address);
            if *scope == needed {
                assert!(![401, 403, 405].contains(&answer.status), "{method} {path}: {answer:?}");
                continue;
            }
            check_problem(&answer, 403, "insufficient-scope");
            assert_eq!(answer.json()["scope"], needed, "{method} {path}");
        }
        let request = Request::new(method, &format!("/v1/{path}")).header("Host", "localhost");
        let answer = request.send(site.server.address());
        check_problem(&answer, 401, "api-key-required");
        assert_eq!(answer.header("WWW-Authenticate").as_deref(), Some("Bearer"));
    }
}

#[test]
fn a_key_that_is_wrong_in_any_way_gets_the_same_answer() {
    let site = Site::fresh("");
    let app = site.application();
    let removed = site.application_with("removed", &["sessions:read"]);
    assert_eq!(removed.get("sessions/count").status, 200);
    let said = site.run(&["api-key", "remove", "removed"]);
    assert_eq!(said, "removed the API key removed; it is refused from now on\n");
    let mut other_secret = app.key.clone();
    let last = if other_secret.pop() == Some('A') { 'B' } else { 'A' };
    other_secret.push(last);
    let unknown_id = app.key.replacen(&app.key[5..9], "zzzz", 1);
    let (token, _) = app.log_in("anna");
    let wrong = [&removed.key, &other_secret, &unknown_id, &token, &app.key.to_uppercase()];
    let mut bodies = Vec::new();
    for key in wrong.into_iter().map(|key| format!("Bearer {key}")).chain([
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Basic {}", app.key),
        format!("Bearer  {}", app.key),
        format!("Bearer {} ", app.key.replace('_', " ")),
    ]) {
        let request = Request::get("/v1/sessions/count").header("Host", "localhost");
        let answer = request.header("Authorization", &key).send(&app.address);
        check_problem(&answer, 401, "api-key-required");
        bodies.push(answer.text());
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1);
    let twice =
        app.request("GET", "sessions/count").header("Authorization", format!("Bearer {}", app.key));
    check_problem(&twice.send(&app.address), 401, "api-key-required");
    let in_address = Request::get(&format!("/v1/sessions?access_token={}", app.key));
    check_problem(
        &in_address.header("Host", "localhost").send(&app.address),
        401,
        "api-key-required",
    );
}

#[test]
fn a_key_is_printed_once_and_listed_with_its_use() {
    let site = Site::fresh("");
    let printed = site.run(&["api-key", "add", "ldm", "--scope", "sessions:read", "--json"]);
    let printed: Value = serde_json::from_str(&printed).expect("it prints JSON");
    let key = printed["key"].as_str().expect("there is a key");
    assert!(key.starts_with("ckey_") && key.len() == 61, "{}", key.len());
    assert_eq!((&printed["name"], &printed["scopes"]), (&json!("ldm"), &json!(["sessions:read"])));
    let listed = |site: &Site| -> Value {
        serde_json::from_str(&site.run(&["api-key", "list", "--json"])).expect("it prints JSON")
    };
    assert_eq!(listed(&site)[0]["last_used_at"], Value::Null);
    let app =
        crate::support::Application { address: site.server.address().clone(), key: key.to_owned() };
    app.get("capabilities");
    cloakroom_testkit::servers::wait_until("the use is noted", crate::support::SOON, || {
        listed(&site)[0]["last_used_at"].is_string()
    });
    let text = listed(&site).to_string() + &site.run(&["api-key", "list"]) + &site.server.log();
    assert!(!text.contains(&key[17..]), "the secret is shown again");
    let stored = site.at_rest();
    let held = |text: &str| {
        let holds = |bytes: &[u8]| bytes.windows(text.len()).any(|it| it == text.as_bytes());
        stored.iter().any(|(_, bytes)| holds(bytes))
    };
    assert!(held("ldm"), "its name was found");
    assert!(!held(&key[17..]) && !held(key), "the secret is in the database");
}

#[test]
fn an_operator_sees_and_ends_users_whom_only_an_application_knows() {
    let site = Site::fresh("");
    let app = site.application();
    let order = json!({"user": {"id": "crm|17", "name": "Dave|D"}});
    let (token, id) = crate::support::token_and_id(&app.post("sessions", &order));
    let (other, _) = app.log_in("auth0|42");
    assert!(site.run(&["who", "Dave|D"]).contains(&id));
    assert_eq!(site.run(&["end", "--user", "Dave|D"]), "ended 1 session of Dave|D\n");
    assert!(!app.is_active(&token) && app.is_active(&other));
    assert_eq!(site.run(&["end", "--user", "auth0|42"]), "ended 1 session of auth0|42\n");
    assert!(!app.is_active(&other));
    let (victim, _) = app.log_in("dave");
    let (other, _) = crate::support::token_and_id(
        &app.post("sessions", &json!({"user": {"id": "mallory", "name": "dave"}})),
    );
    let unclear = site.server.command(&["end", "--user", "dave"]);
    let said = String::from_utf8_lossy(&unclear.stderr).into_owned();
    assert!(said.contains("dave, mallory") && unclear.status.code() == Some(1), "{said}");
    assert!(app.is_active(&victim) && app.is_active(&other));
    assert_eq!(site.run(&["end", "--user-id", "dave"]), "ended 1 session of dave\n");
    assert!(!app.is_active(&victim) && app.is_active(&other));
    let why = site.run(&["why", app.verify(&other)["session"]["id"].as_str().expect("an id")]);
    assert!(!why.contains("refused"), "{why}");
    let nobody = site.server.command(&["end", "--user", "nobody"]);
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("there is no user"), "{nobody:?}");
}

#[test]
fn a_wrong_order_for_a_key_says_what_to_do() {
    let site = Site::fresh("");
    site.application_with("app", &["sessions:read"]);
    for (arguments, said) in [
        (
            &["api-key", "add", "app", "--scope", "sessions:read"][..],
            "there is an API key app already",
        ),
        (
            &["api-key", "add", "b", "--scope", "sessions:all"],
            "there is no scope \"sessions:all\"; the scopes are",
        ),
        (&["api-key", "add", "a b", "--scope", "users:read"], "the name of an API key has 1 to 64"),
        (&["api-key", "remove", "nobody"], "there is no API key of this id or name"),
    ] {
        let output = site.server.command(arguments);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {error}");
        assert!(error.contains(said), "{arguments:?}: {error}");
    }
    assert_eq!(site.server.command(&["api-key", "add", "b"]).status.code(), Some(2));
}
