//! The users that the server keeps, as applications see and change them.

use serde_json::{Value, json};

use crate::support::{ADMIN, PASSWORD, Site, check_problem, choose_password, code_of, send_login};

#[test]
fn a_user_is_added_changed_disabled_and_enabled_by_an_application() {
    let (site, _) = Site::with_admin("");
    let app = site.application();
    let order = json!({"name": "Anna", "id": "crm|17", "display_name": "Anna B.", "email": "a@b.example", "groups": ["b", "a", "a"]});
    let added = app.post("users", &order);
    assert_eq!(added.status, 201);
    let user = added.json()["user"].clone();
    assert_eq!(
        (&user["name"], &user["id"], &user["groups"]),
        (&json!("anna"), &json!("crm|17"), &json!(["a", "b"]))
    );
    let code = code_of(added.json()["password_link"].as_str().expect("a link"));
    let mut browser = site.server.client();
    assert_eq!(choose_password(&mut browser, &code).status, 303);
    check_problem(&app.post("users", &order), 409, "user-taken");

    let changed = app.patch("users/crm%7C17", &json!({"display_name": "Anna C.", "email": null}));
    assert_eq!(
        (&changed.json()["display_name"], &changed.json()["email"]),
        (&json!("Anna C."), &Value::Null)
    );
    assert_eq!(changed.json()["groups"], json!(["a", "b"]), "what is left out stays");
    let disabled = app.post("users/crm%7C17/disable", &json!(null)).json();
    assert_eq!(disabled["disabled"], true);
    assert_eq!(send_login(&mut site.server.client(), "anna", PASSWORD).status, 401);
    check_problem(&app.post("sessions", &json!({"user": {"id": "crm|17"}})), 403, "user-disabled");
    assert_eq!(app.post("users/crm%7C17/enable", &json!(null)).json()["disabled"], false);
    assert_eq!(send_login(&mut site.server.client(), "anna", PASSWORD).status, 303);
    let link = app.post("users/crm%7C17/password-link", &json!(null)).json();
    assert!(link["password_link"].as_str().is_some_and(|link| link.contains('#')));
    assert_eq!(app.get("users?limit=1").json()["next"], ADMIN);
}

#[test]
fn law_11_groups_and_disabling_bite_at_once_in_sessions_of_every_kind() {
    let (site, _) = Site::with_people("", &["bob"]);
    let app = site.application();
    let bob = site.browser_of("bob");
    let cookie = bob.cookie(crate::support::COOKIE).expect("a cookie").to_owned();
    let id = app.verify(&cookie)["session"]["user"]["id"].as_str().expect("an id").to_owned();
    let created = app.log_in(&id);
    app.patch(&format!("users/{id}"), &json!({"groups": ["staff"]}));
    for token in [&cookie, &created.0] {
        assert_eq!(app.verify(token)["session"]["user"]["groups"], json!(["staff"]));
    }
    let listed = app.get(&format!("sessions?user={id}")).json();
    assert_eq!(listed["items"][1]["user"]["groups"], json!(["staff"]));
    app.post(&format!("users/{id}/disable"), &json!(null));
    for token in [&cookie, &created.0] {
        assert!(!app.is_active(token));
    }
    assert_eq!(app.get(&format!("history/{}", created.1)).json()["reason"], "user_disabled");
    assert_eq!(app.get(&format!("history/{}", created.1)).json()["ended_by"], "api:app");
}

#[test]
fn the_server_keeps_names_and_groups_of_its_own_users() {
    let (site, _) = Site::with_people("", &["bob"]);
    let app = site.application();
    let users = app.get("users").json();
    let bob = users["items"].as_array().expect("users").iter().find(|user| user["name"] == "bob");
    let id = bob.expect("bob is listed")["id"].clone();
    let with = |member: &str, value: Value| {
        let mut user = json!({ "id": id });
        user[member] = value;
        app.post("sessions", &json!({ "user": user }))
    };
    check_problem(&with("groups", json!(["admins"])), 422, "user-kept-here");
    check_problem(&with("name", json!("alice")), 422, "user-kept-here");
    let created = with("name", json!("bob"));
    assert_eq!((created.status, &created.json()["session"]["user"]["name"]), (201, &json!("bob")));
}

#[test]
fn ids_that_need_an_escape_in_an_address_work_everywhere() {
    let (site, _) = Site::with_admin("");
    let app = site.application();
    for (number, (id, escaped)) in
        [("a%29", "a%2529"), ("a/b", "a%2Fb"), ("a?b#c", "a%3Fb%23c"), ("...", "...")]
            .into_iter()
            .enumerate()
    {
        let added = app.post("users", &json!({"name": format!("user{number}"), "id": id}));
        assert_eq!(added.status, 201, "{added:?}");
        assert_eq!(app.get(&format!("users/{escaped}")).json()["id"], id);
        let (token, _) = app.log_in(id);
        let ended = app.post(&format!("users/{escaped}/end-sessions"), &json!(null)).json();
        assert_eq!((ended, app.is_active(&token)), (json!({"ended": 1}), false));
    }
}

#[test]
fn what_cannot_be_a_user_is_refused_with_what_is_allowed() {
    let (site, _) = Site::with_admin("");
    let app = site.application();
    for (order, word) in [
        (json!({"name": "a b"}), "login name"),
        (json!({"name": "anna", "id": "a b"}), "user id"),
        (json!({"name": "anna", "id": "a\r\nRemote-User: root"}), "user id"),
        (json!({"name": "anna", "display_name": "a\nb"}), "display name"),
        (json!({"name": "anna", "display_name": " "}), "display name"),
        (json!({"name": "anna", "email": "nonsense"}), "e-mail"),
        (json!({"name": "anna", "email": ""}), "e-mail"),
        (json!({"name": "anna", "groups": ["a,b"]}), "group"),
        (json!({"name": "anna", "groups": vec!["a"; 257]}), "at most 256 groups"),
        (json!({"name": "anna", "role": "admin"}), "unknown field `role`"),
    ] {
        let answer = app.post("users", &order);
        check_problem(&answer, 422, "invalid-body");
        assert!(answer.text().contains(word), "{word}: {}", answer.text());
    }
    assert_eq!(site.count("SELECT count(*) FROM cloakroom_user"), 1);
    for path in ["users/nobody", "users/a%20b"] {
        check_problem(&app.get(path), 404, "unknown-user");
        check_problem(&app.patch(path, &json!({})), 404, "unknown-user");
    }
}

#[test]
fn no_key_makes_an_administrator_law_12() {
    let (site, mut ada) = Site::with_admin("");
    let app = site.application();
    let users = app.get("users").json();
    let id = users["items"][0]["id"].as_str().expect("an id").to_owned();
    let login = json!({"user": {"id": id}});
    check_problem(&app.post("sessions", &login), 403, "administrator");
    for act in ["disable", "enable", "password-link"] {
        let answer = app.post(&format!("users/{id}/{act}"), &json!(null));
        check_problem(&answer, 403, "administrator");
    }
    check_problem(
        &app.patch(&format!("users/{id}"), &json!({"email": null})),
        403,
        "administrator",
    );
    assert!(crate::support::is_signed_in(&mut ada));
}
