//! What an application keeps in a session, by key.

use std::thread;

use serde_json::{Value, json};

use crate::behind::applies;
use crate::support::{Application, Site, check_problem};

fn session(site: &Site) -> (Application, String) {
    let app = site.application();
    let (_, id) = app.log_in("anna");
    (app, format!("sessions/{id}/data"))
}

fn write(key: &str, value: &Value, expect: u64) -> Value {
    json!({"changes": [{"key": key, "value": value, "expect": expect}]})
}

#[test]
fn a_value_comes_back_exactly_as_it_was_written() {
    let site = Site::fresh("");
    let (app, data) = session(&site);
    let body = r#"{"changes": [{"key": "n", "value": {"big": 12345678901234567890123, "z": 1.50, "a": "\u00e9"}, "expect": 0}]}"#;
    let request = app.request("PATCH", &data).header("Content-Type", "application/json").body(body);
    assert_eq!(request.send(&app.address).json(), json!({"versions": {"n": 1}}));
    let text = app.get(&data).text();
    assert!(
        text.contains(r#"{"big": 12345678901234567890123, "z": 1.50, "a": "\u00e9"}"#),
        "{text}"
    );
}

#[test]
fn null_is_a_value_and_an_absent_key_has_version_zero() {
    let site = Site::fresh("");
    let (app, data) = session(&site);
    assert_eq!(app.patch(&data, &write("k", &json!(null), 0)).status, 200);
    let read = app.get(&format!("{data}?key=k&key=other")).json();
    let expected =
        json!({"k": {"value": null, "version": 1}, "other": {"value": null, "version": 0}});
    assert_eq!(read["entries"], expected);
}

#[test]
fn a_change_of_what_changed_meanwhile_is_refused_whole_and_names_the_key() {
    let site = Site::fresh("");
    let (app, data) = session(&site);
    app.patch(&data, &write("a", &json!(1), 0));
    let both = json!({"changes": [
        {"key": "b", "value": 1, "expect": 0},
        {"key": "a", "value": 2, "expect": 0},
    ]});
    let answer = app.patch(&data, &both);
    check_problem(&answer, 409, "data-conflict");
    assert_eq!(answer.json()["key"], "a");
    assert_eq!(app.get(&data).json()["entries"], json!({"a": {"value": 1, "version": 1}}));
    let over = json!({"changes": [{"key": "a", "value": 3, "overwrite": true}]});
    assert_eq!(app.patch(&data, &over).json(), json!({"versions": {"a": 2}}));
    let gone = json!({"changes": [{"key": "a", "remove": true, "expect": 2}]});
    assert_eq!(app.patch(&data, &gone).json(), json!({"versions": {"a": 0}}));
    check_problem(&app.patch(&data, &write("a", &json!(1), 2)), 409, "data-conflict");
}

#[test]
fn law_3_changes_of_different_keys_merge_and_increments_of_one_all_count() {
    let site = Site::fresh("");
    let (app, data) = session(&site);
    thread::scope(|scope| {
        for worker in 0..4 {
            let (app, data) = (app.clone(), data.clone());
            scope.spawn(move || {
                for _ in 0..10 {
                    increment(&app, &data, "shared");
                    increment(&app, &data, &format!("own-{worker}"));
                }
            });
        }
    });
    let entries = app.get(&data).json()["entries"].clone();
    assert_eq!(entries["shared"]["value"], 40);
    for worker in 0..4 {
        assert_eq!(entries[format!("own-{worker}")]["value"], 10);
    }
}

/// Adds one to a number by compare-and-set, as often as it takes.
pub(crate) fn increment(app: &Application, data: &str, key: &str) {
    for _ in 0..1_000 {
        let entry = app.get(&format!("{data}?key={key}")).json()["entries"][key].clone();
        let (value, version) = (entry["value"].as_u64(), entry["version"].as_u64());
        let next = json!(value.unwrap_or(0) + 1);
        let answer = app.patch(data, &write(key, &next, version.expect("a version")));
        if answer.status == 200 {
            return;
        }
        check_problem(&answer, 409, "data-conflict");
    }
    panic!("one of a thousand tries succeeds");
}

#[test]
fn a_change_says_exactly_one_thing() {
    let site = Site::fresh("");
    let (app, data) = session(&site);
    for change in [
        json!({"key": "k"}),
        json!({"key": "k", "value": 1}),
        json!({"key": "k", "expect": 0}),
        json!({"key": "k", "value": 1, "remove": true, "expect": 0}),
        json!({"key": "k", "value": 1, "expect": 0, "overwrite": true}),
        json!({"key": "k", "value": 1, "overwrite": false}),
        json!({"key": "k", "value": 1, "expect": -1}),
        json!({"key": "", "value": 1, "expect": 0}),
        json!({"key": "a\nb", "value": 1, "expect": 0}),
        json!({"key": "x".repeat(129), "value": 1, "expect": 0}),
        json!({"key": "k", "value": 1, "expect": 0, "more": 1}),
    ] {
        check_problem(&app.patch(&data, &json!({ "changes": [change] })), 422, "invalid-body");
    }
    let twice = json!({"changes": [
        {"key": "k", "value": 1, "expect": 0}, {"key": "k", "value": 2, "expect": 0},
    ]});
    check_problem(&app.patch(&data, &twice), 422, "invalid-body");
    check_problem(&app.patch(&data, &json!({"changes": []})), 422, "invalid-body");
    assert_eq!(app.get(&data).json(), json!({"entries": {}}));
}

#[test]
fn data_beyond_the_limits_is_refused_and_nothing_of_it_is_kept() {
    let site = Site::fresh("");
    let (app, data) = session(&site);
    let large = write("k", &json!("x".repeat(70_000)), 0);
    check_problem(&app.patch(&data, &large), 413, "data-too-large");
    let keys: Vec<Value> =
        (0..64).map(|n| json!({"key": format!("k{n}"), "value": 1, "expect": 0})).collect();
    assert_eq!(app.patch(&data, &json!({ "changes": keys })).status, 200);
    check_problem(&app.patch(&data, &write("one-more", &json!(1), 0)), 413, "data-too-large");
    assert_eq!(app.get(&data).json()["entries"].as_object().map(serde_json::Map::len), Some(64));
    check_problem(&app.get(&format!("{data}?{}", "key=k&".repeat(65))), 400, "invalid-query");
    check_problem(&app.get(&format!("{data}?keys=k")), 400, "invalid-query");
}

#[test]
fn law_1_an_ended_session_takes_no_change_and_shows_no_data() {
    let site = Site::fresh("");
    let app = site.application();
    let (_, id) = app.log_in("anna");
    let data = format!("sessions/{id}/data");
    app.post(&format!("sessions/{id}/end"), &json!({}));
    check_problem(&app.patch(&data, &write("k", &json!(1), 0)), 410, "session-ended");
    check_problem(&app.get(&data), 410, "session-ended");
    for unknown in ["01a21273-539b-7c63-a326-0682338df208", "nonsense", "%00"] {
        let data = format!("sessions/{unknown}/data");
        check_problem(&app.get(&data), 404, "unknown-session");
        check_problem(&app.patch(&data, &write("k", &json!(1), 0)), 404, "unknown-session");
    }
    if applies("sql_view") {
        assert_eq!(site.count("SELECT count(*) FROM cloakroom_session_data"), 0);
    }
}
