//! Sessions for applications in any language: create, verify, rotate, list, end.

use std::time::Duration;

use cloakroom_testkit::servers::{Flavor, StoreKind};
use serde_json::{Value, json};

use crate::support::{Site, check_problem, token_and_id};

const HOUR: Duration = Duration::from_secs(3_600);

#[test]
fn a_session_is_created_verified_and_ended_by_its_application() {
    let site = Site::fresh("");
    let app = site.application();
    let order = json!({
        "user": {"id": "17", "name": "anna", "groups": ["staff", "editors"]},
        "client": {"address": "::ffff:203.0.113.9", "user_agent": "curl/8"},
    });
    let answer = app.post("sessions", &order);
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("Cache-Control").as_deref(), Some("no-store"));
    let (token, id) = token_and_id(&answer);
    let session = answer.json()["session"].clone();
    assert_eq!(
        session["user"],
        json!({"id": "17", "name": "anna", "groups": ["staff", "editors"]})
    );
    assert_eq!(session["client"], json!({"address": "203.0.113.9", "user_agent": "curl/8"}));
    let verified = app.verify(&token);
    assert_eq!((&verified["active"], &verified["session"]), (&json!(true), &session));
    assert_eq!(app.get(&format!("sessions/{id}")).json(), session);
    assert_eq!(app.get("sessions/count").json()["sessions"], 1);

    assert_eq!(
        app.post("sessions/log-out", &json!({ "token": token })).json(),
        json!({"ended": 1})
    );
    assert_eq!(app.verify(&token), json!({"active": false}));
    check_problem(&app.get(&format!("sessions/{id}")), 410, "session-ended");
    let ended = app.get(&format!("history/{id}")).json();
    assert_eq!((&ended["reason"], &ended["ended_by"]), (&json!("logout"), &json!("anna")));
    assert_eq!(
        app.post("sessions/log-out", &json!({ "token": token })).json(),
        json!({"ended": 0})
    );
}

#[test]
fn no_answer_says_why_a_credential_is_not_active() {
    let site = Site::fresh("");
    let app = site.application();
    let (ended, id) = app.log_in("anna");
    app.post(&format!("sessions/{id}/end"), &json!({}));
    let (rotated, _) = app.log_in("anna");
    app.post("sessions/rotate", &json!({ "token": rotated }));
    let forged = format!("{}AAAA", &ended[..ended.len() - 4]);
    let other = Site::fresh("").application().log_in("anna").0;
    for token in
        [ended.as_str(), &rotated, &forged, &other, "", "clk_", &"x".repeat(100_000), &app.key]
    {
        assert_eq!(app.verify(token), json!({"active": false}), "{token:.40}");
    }
}

#[test]
fn a_batch_is_verified_in_the_order_of_its_tokens() {
    let site = Site::fresh("");
    let app = site.application();
    let (anna, _) = app.log_in("anna");
    let (bob, _) = app.log_in("bob");
    let answer = app.post("sessions/verify-batch", &json!({"tokens": [bob, "nonsense", anna]}));
    let results = answer.json()["results"].clone();
    assert_eq!(results[0]["session"]["user"]["id"], "bob");
    assert_eq!(results[1], json!({"active": false}));
    assert_eq!(results[2]["session"]["user"]["id"], "anna");
    for wrong in [json!([]), json!(vec!["x"; 101])] {
        let answer = app.post("sessions/verify-batch", &json!({ "tokens": wrong }));
        check_problem(&answer, 422, "invalid-body");
    }
}

#[test]
fn a_rotation_kills_the_old_credential_at_once_and_keeps_the_session() {
    let site = Site::fresh("");
    let app = site.application();
    let (old, id) = app.log_in("anna");
    let answer = app.post("sessions/rotate", &json!({"token": old, "reauthenticated": true}));
    let (new, same) = token_and_id(&answer);
    assert_eq!((answer.status, &same), (200, &id));
    assert!(!app.is_active(&old) && app.is_active(&new));
    check_problem(&app.post("sessions/rotate", &json!({ "token": old })), 410, "session-ended");
    assert!(app.is_active(&new), "reuse of what was rotated away is merely rejected");
}

#[test]
fn a_due_credential_gets_a_successor_when_asked_and_both_are_good_until_it_is_used() {
    let mut site = Site::fresh("[session]\nrenew_after = \"1m\"\nrenew_grace = \"1s\"");
    let app = site.application();
    let (token, _) = app.log_in("anna");
    assert_eq!(app.verify(&token)["successor"], Value::Null);
    let Some(()) = site.later(HOUR) else { return };
    assert_eq!(app.verify(&token)["successor"], Value::Null, "only when asked");
    let ask =
        |token: &str| app.post("sessions/verify", &json!({"token": token, "renew": true})).json();
    let successor = ask(&token)["successor"].as_str().expect("it is due").to_owned();
    assert_eq!(ask(&token)["successor"], json!(successor), "every retry gives the same one");
    assert!(app.is_active(&token) && app.is_active(&successor));
    let Some(()) = site.later(HOUR) else { return };
    assert!(!app.is_active(&token), "after the grace the parent is a stolen copy");
    assert!(!app.is_active(&successor), "and the session ended");
}

#[test]
fn a_request_that_took_long_to_arrive_is_no_thief() {
    let mut site = Site::fresh("[session]\nrenew_after = \"1m\"\nrenew_grace = \"1s\"");
    let app = site.application();
    let (token, _) = app.log_in("anna");
    let Some(()) = site.later(HOUR) else { return };
    let asked = app.post("sessions/verify", &json!({"token": token, "renew": true})).json();
    let successor = asked["successor"].as_str().expect("it is due").to_owned();
    assert!(app.is_active(&successor));
    // The successor came into use twenty seconds ago; the old credential's request arrived before.
    let Some(()) = site.later(Duration::from_secs(20)) else { return };
    let slow = json!({"token": token, "arrived_ms_ago": 60_000});
    assert_eq!(app.post("sessions/verify", &slow).json()["active"], true);
    assert!(app.is_active(&successor));
    let too_long = json!({"token": token, "arrived_ms_ago": 600_001});
    check_problem(&app.post("sessions/verify", &too_long), 422, "invalid-body");
}

#[test]
fn remembered_logins_say_how_long_their_cookie_lives() {
    let site = Site::fresh("");
    let app = site.application();
    let answer = app.post("sessions", &json!({"user": {"id": "anna"}, "remember": true}));
    let created = answer.json();
    let age = created["cookie_max_age"].as_u64().expect("a number of seconds");
    assert!((7_775_990..=7_776_000).contains(&age), "{age}");
    let (token, _) = token_and_id(&answer);
    assert!(app.verify(&token)["cookie_max_age"].as_u64().is_some_and(|left| left <= age));
    assert_eq!(app.verify(&app.log_in("bob").0)["cookie_max_age"], Value::Null);
}

#[test]
fn a_login_takes_the_place_of_the_session_its_client_had_and_carries_what_it_is_told_to() {
    let site = Site::fresh("");
    let app = site.application();
    let (old, id) = app.log_in("anna");
    let write = json!({"changes": [{"key": "cart", "value": [1], "expect": 0}, {"key": "x", "value": 1, "expect": 0}]});
    assert_eq!(app.patch(&format!("sessions/{id}/data"), &write).status, 200);
    let login = |user: &str, replaces: &str| json!({"user": {"id": user}, "replaces": replaces, "carry": ["cart"]});
    let (new, next) = token_and_id(&app.post("sessions", &login("anna", &old)));
    assert!(!app.is_active(&old) && app.is_active(&new));
    assert_eq!(app.get(&format!("history/{id}")).json()["reason"], "replaced");
    let data = app.get(&format!("sessions/{next}/data")).json();
    assert_eq!(data["entries"]["cart"]["value"], json!([1]));
    assert_eq!(data["entries"].as_object().map(serde_json::Map::len), Some(1));
    let (_, other) = token_and_id(&app.post("sessions", &login("bob", &new)));
    let data = app.get(&format!("sessions/{other}/data")).json();
    assert_eq!(data, json!({"entries": {}}), "another user's data is never carried");
    assert_eq!(app.post("sessions", &login("bob", "stale")).status, 201);
}

#[test]
fn sessions_are_listed_in_pages_and_all_that_is_asked_for_holds() {
    let site = Site::fresh("");
    let app = site.application();
    let mut made = Vec::new();
    for number in 0..7 {
        made.push(app.log_in(&format!("user{}", number % 3)).1);
    }
    let ids = |query: &str| -> Vec<String> {
        let (mut ids, mut after) = (Vec::new(), String::new());
        loop {
            let page = app.get(&format!("sessions?limit=2{query}{after}")).json();
            let items = page["items"].as_array().expect("items");
            assert!((1..=2).contains(&items.len()) || ids.is_empty(), "{page}");
            ids.extend(items.iter().filter_map(|item| item["id"].as_str().map(str::to_owned)));
            match page["next"].as_str() {
                Some(next) => after = format!("&after={}", next.replace('~', "%7E")),
                None => return ids,
            }
        }
    };
    made.reverse();
    assert_eq!(ids(""), made);
    assert_eq!(ids("&user=user1"), [made[2].clone(), made[5].clone()]);
    assert_eq!(ids("&name=user1"), ids("&user=user1"));
    assert_eq!(ids("&name_prefix=user").len(), 7);
    assert_eq!(ids("&user=user1&name_prefix=user2"), [""; 0]);
    assert_eq!(ids("&name=user1&name_prefix=us"), ids("&user=user1"));
    for wrong in ["limit=0", "limit=201", "limit=x", "after=x", "nam=x", "limit=1&limit=2"] {
        check_problem(&app.get(&format!("sessions?{wrong}")), 400, "invalid-query");
    }
    check_problem(&app.get(&format!("sessions?name={}", "x".repeat(129))), 400, "invalid-query");
}

#[test]
fn sessions_end_one_by_one_by_user_all_others_and_all_with_who_ordered_it() {
    let site = Site::fresh("");
    let app = site.application();
    let (anna, bob) = ([0; 3].map(|_| app.log_in("anna")), [0; 3].map(|_| app.log_in("bob")));
    let end = |path: &str, body: Value| app.post(path, &body).json()["ended"].as_u64();
    let why = |id: &str| {
        let ended = app.get(&format!("history/{id}")).json();
        (ended["reason"].clone(), ended["ended_by"].clone())
    };
    assert_eq!(
        end(&format!("sessions/{}/end", anna[0].1), json!({"by": "eve", "reason": "logout"})),
        Some(1)
    );
    assert_eq!(end(&format!("sessions/{}/end", anna[0].1), json!(null)), Some(0));
    assert_eq!(why(&anna[0].1), (json!("logout"), json!("eve")));
    assert_eq!(end(&format!("sessions/{}/end-others", anna[1].1), json!({})), Some(1));
    assert!(app.is_active(&anna[1].0) && !app.is_active(&anna[2].0) && app.is_active(&bob[0].0));
    assert_eq!(why(&anna[2].1), (json!("admin"), json!("api:app")));
    assert_eq!(end("users/bob/end-sessions", json!({})), Some(3));
    assert_eq!(end("users/bob/end-sessions", json!({})), Some(0));
    check_problem(&app.post("sessions/end-everyone", &json!({})), 422, "invalid-body");
    check_problem(
        &app.post("sessions/end-everyone", &json!({"confirm": "yes"})),
        422,
        "invalid-body",
    );
    assert!(app.is_active(&anna[1].0));
    assert_eq!(end("sessions/end-everyone", json!({"confirm": "everyone"})), Some(1));
    assert!(!app.is_active(&anna[1].0));
    let history = app.get("history?limit=200").json();
    assert_eq!(history["items"].as_array().map(Vec::len), Some(6));
    assert_eq!(app.get("history?name=bob").json()["items"].as_array().map(Vec::len), Some(3));
    check_problem(&app.get("history/nonsense"), 404, "unknown-session");
}

#[test]
fn a_login_as_of_an_epoch_is_refused_when_all_sessions_ended_since() {
    let site = Site::fresh("");
    let app = site.application();
    let epoch = app.get("users/anna/epoch").json()["epoch"].clone();
    let login = json!({"user": {"id": "anna"}, "as_of_epoch": epoch});
    assert_eq!(app.post("sessions", &login).status, 201);
    app.post("users/anna/end-sessions", &json!({}));
    check_problem(&app.post("sessions", &login), 409, "epoch-superseded");
    // One from the future must not outlive the ends that come.
    let ahead = json!({"user": {"id": "anna"}, "as_of_epoch": 1_000_000});
    let (token, _) = token_and_id(&app.post("sessions", &ahead));
    app.post("users/anna/end-sessions", &json!({}));
    assert!(!app.is_active(&token));
    assert_eq!(app.log_in("anna").0.len(), 88);
}

#[test]
fn the_limit_of_sessions_is_told() {
    let site = Site::fresh("[session]\nlimit = 1");
    let app = site.application();
    let (token, _) = app.log_in("anna");
    check_problem(&app.post("sessions", &json!({"user": {"id": "anna"}})), 409, "session-limit");
    assert!(app.is_active(&token));

    let site = Site::fresh("[session]\nlimit = 1\nlimit_policy = \"end_oldest\"");
    let app = site.application();
    let (_, first) = app.log_in("anna");
    let answer = app.post("sessions", &json!({"user": {"id": "anna"}}));
    assert_eq!(answer.json()["ended"], json!([first]));
}

#[test]
fn the_server_says_what_it_promises() {
    let site = Site::fresh("[session]\nidle_timeout = \"15m\"");
    let app = site.application_with("reader", &["sessions:read"]);
    let told = app.get("capabilities").json();
    let (strategy, bound, durability) = match StoreKind::chosen() {
        StoreKind::Memory => ("memory", "immediate", "lost on a crash"),
        StoreKind::Sqlite => ("database", "immediate", "lossless"),
        // The private servers of the tests do not sync.
        StoreKind::Postgres => ("database", "immediate", "lost on restart"),
        StoreKind::Redis(_) => ("redis", "immediate", "lost on restart"),
        StoreKind::Backed(Flavor::Redis) => ("redis", "within 2s", "lost on restart"),
        StoreKind::Backed(Flavor::Valkey) => ("redis", "within 2s", "lossless"),
    };
    let words = ["strategy", "revocation_bound", "durability"].map(|name| &told[name]);
    assert_eq!(words, [strategy, bound, durability]);
    assert_eq!(
        (&told["idle_timeout_seconds"], &told["scopes"]),
        (&json!(900), &json!(["sessions:read"]))
    );
}
