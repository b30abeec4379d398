//! Users, as administrators manage them.

use cloakroom_testkit::servers::Client;
use cloakroom_testkit::servers::http::Response;

use crate::behind::applies;
use crate::support::{
    ADMIN, COOKIE, PASSWORD, Site, between, choose_password, code_of, is_signed_in, send_login,
};

#[track_caller]
fn add(ada: &mut Client, fields: &[(&str, &str)]) -> Response {
    ada.post_form("/cloakroom/admin/users", fields)
}

/// The one-time link on a page.
#[track_caller]
fn link_on(page: &Response) -> String {
    let text = page.text();
    let links = between(&text, "id=\"link\" class=\"mono\" type=\"text\" value=\"", "\"");
    assert_eq!(links.len(), 1, "{page:?}");
    links[0].to_owned()
}

fn path_of(site: &Site, name: &str, act: &str) -> String {
    let id = site.user_id(name);
    format!("/cloakroom/admin/users/{id}/{act}")
}

#[test]
fn a_user_who_was_added_chooses_a_password_by_a_link_that_works_once() {
    let (site, mut ada) = Site::with_admin("");
    let fields = [
        ("name", "Bob"),
        ("display_name", "Bob Baker"),
        ("email", "bob@example.org"),
        ("groups", "sales, editors"),
        ("role", "user"),
    ];
    let page = add(&mut ada, &fields);
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.text().contains("Has no password yet"), "{page:?}");
    for shown in ["Bob Baker", "bob@example.org", ">sales<", ">editors<"] {
        assert!(page.text().contains(shown), "{shown}: {page:?}");
    }
    let link = link_on(&page);
    assert!(link.starts_with(&format!("{}/cloakroom/password-link#", site.server.url())), "{link}");
    assert!(!ada.get("/cloakroom/admin/users").text().contains(&code_of(&link)), "shown twice");

    assert_eq!(send_login(&mut site.server.client(), "bob", "").status, 401);
    let mut bob = site.server.client();
    assert_eq!(bob.get("/cloakroom/password-link").status, 200);
    let answer = choose_password(&mut bob, &code_of(&link));
    assert_eq!(answer.status, 303, "{answer:?}");
    assert_eq!(bob.follow(&answer).status, 200);
    let answer = choose_password(&mut site.server.client(), &code_of(&link));
    assert_eq!(answer.status, 422);
    assert!(answer.text().contains("This code is not right, was used, or is too old."));
    assert!(is_signed_in(&mut site.browser_of("bob")));
    assert!(!ada.get("/cloakroom/admin/users").text().contains("Has no password yet"));
}

#[test]
fn choosing_a_new_password_by_a_link_ends_all_sessions_of_the_user() {
    let (site, mut ada) = Site::with_people("", &["bob"]);
    let mut before = site.browser_of("bob");
    let path = path_of(&site, "bob", "password-link");
    let void = code_of(&link_on(&ada.post_form(&path, &[])));
    let code = code_of(&link_on(&ada.post_form(&path, &[])));
    assert!(is_signed_in(&mut before), "a link alone ends nothing");
    assert_eq!(choose_password(&mut site.server.client(), &void).status, 422);
    let mut bob = site.server.client();
    let form = [("code", code.as_str()), ("password", "short"), ("repeat", "short")];
    assert_eq!(bob.post_form("/cloakroom/password-link", &form).status, 422);
    assert_eq!(choose_password(&mut bob, &code).status, 303);
    assert!(!is_signed_in(&mut before));
    assert!(is_signed_in(&mut bob) && is_signed_in(&mut ada));
}

#[test]
fn a_password_link_is_good_for_three_days_and_not_for_set_up() {
    let (site, _) = Site::with_admin("");
    let code = site.invite("bob", &[]);
    let form =
        [("code", code.as_str()), ("name", "x"), ("password", PASSWORD), ("repeat", PASSWORD)];
    assert_eq!(site.server.client().post_form("/cloakroom/setup", &form).status, 409);
    site.sql("UPDATE cloakroom_one_time_code SET expires_at = expires_at - 3 * 86400000");
    assert_eq!(choose_password(&mut site.server.client(), &code).status, 422);
}

#[test]
fn disabling_a_user_ends_their_sessions_at_once_and_refuses_new_ones() {
    let (site, mut ada) = Site::with_people("", &["bob"]);
    let (mut first, mut second) = (site.browser_of("bob"), site.browser_of("bob"));
    let answer = ada.post_form(&path_of(&site, "bob", "disable"), &[]);
    let page = ada.follow(&answer);
    assert!(page.text().contains("The account is disabled"), "{page:?}");
    assert!(page.text().contains(">Disabled<"), "{page:?}");
    assert!(!is_signed_in(&mut first) && !is_signed_in(&mut second));
    assert_eq!(send_login(&mut first, "bob", PASSWORD).status, 401);
    let answer = ada.post_form(&path_of(&site, "bob", "enable"), &[]);
    assert!(ada.follow(&answer).text().contains("The account is enabled."));
    assert!(!is_signed_in(&mut second), "an ended session came back");
    assert!(is_signed_in(&mut site.browser_of("bob")));
}

#[test]
fn a_disabled_user_does_not_come_back_through_a_password_link() {
    let (site, _) = Site::with_people("", &["bob"]);
    let code = code_of(&serde_link(&site.run(&["user", "passwd", "bob", "--json"])));
    site.run(&["user", "disable", "bob"]);
    let mut bob = site.server.client();
    choose_password(&mut bob, &code);
    assert_eq!(bob.cookie(COOKIE), None);
    assert!(!is_signed_in(&mut bob));
    assert_eq!(send_login(&mut bob, "bob", PASSWORD).status, 401);
}

fn serde_link(json: &str) -> String {
    let parsed: serde_json::Value = serde_json::from_str(json).expect("JSON");
    parsed["link"].as_str().expect("a link").to_owned()
}

#[test]
fn administrators_cannot_disable_themselves() {
    let (site, mut ada) = Site::with_admin("");
    let answer = ada.post_form(&path_of(&site, ADMIN, "disable"), &[]);
    let page = ada.follow(&answer);
    assert!(page.text().contains("You cannot disable your own account."), "{page:?}");
    assert!(is_signed_in(&mut ada));
    assert!(is_signed_in(&mut site.browser_of(ADMIN)));
}

#[test]
fn mistakes_are_told_beside_their_field_and_add_nobody() {
    let (site, mut ada) = Site::with_people("", &["bob"]);
    let codes = "SELECT count(*) FROM cloakroom_one_time_code";
    let before = site.count(codes);
    for (field, value) in [
        ("name", "Bob Baker"),
        ("name", ""),
        ("name", "bob"),
        ("name", "BOB"),
        ("name", "b\u{f6}b"),
        ("name", "bob\r\nRemote-User: ada"),
        ("email", "not an address"),
        ("email", "a@b\r\nX: y"),
        ("groups", "one/two"),
        ("groups", "a,b\r\nX"),
    ] {
        let good = [("name", "new"), ("display_name", "New"), ("email", ""), ("groups", "")];
        let form = good.map(|(name, old)| (name, if name == field { value } else { old }));
        let page = add(&mut ada, &form);
        assert_eq!(page.status, 422, "{field}={value:?}: {page:?}");
        assert!(page.text().contains(&format!("id=\"{field}-error\"")), "{field}={value:?}");
    }
    assert_eq!(site.count("SELECT count(*) FROM cloakroom_user"), 2);
    assert_eq!(site.count(codes), before);
}

#[test]
fn names_for_people_are_shown_as_text_and_never_as_markup() {
    let (site, mut ada) = Site::with_admin("");
    let evil = "<img src=x onerror=alert(1)>\"'&";
    let fields = [("name", "eve"), ("display_name", evil), ("email", ""), ("groups", "")];
    let code = code_of(&link_on(&add(&mut ada, &fields)));
    let mut eve = site.server.client();
    assert_eq!(choose_password(&mut eve, &code).status, 303);
    let mut eve = site.server.client().with_user_agent("<script>alert(2)</script>");
    site.sign_in(&mut eve, "eve");
    for page in [
        ada.get("/cloakroom/admin"),
        ada.get("/cloakroom/admin/users"),
        ada.get("/cloakroom/admin/ended"),
        eve.get("/cloakroom/account"),
    ] {
        assert_eq!(page.status, 200);
        assert!(!page.text().contains("<img src=x") && !page.text().contains("<script>alert"));
        assert!(!page.text().contains("onerror=alert(1)>\""));
    }
    assert!(eve.get("/cloakroom/account").text().contains("&#60;img src=x"));
}

#[test]
fn many_users_are_listed_page_by_page() {
    let (site, mut ada) = Site::with_admin("");
    let names: Vec<String> = (0..60).map(|number| format!("user{number:02}")).collect();
    for name in &names {
        site.sql(&format!(
            "INSERT INTO cloakroom_user (id, name, display_name, groups, role, created_at)
             VALUES ('{name}', '{name}', '{name}', '[]', 'user', 0)"
        ));
    }
    let first = ada.get("/cloakroom/admin/users").text();
    let second = ada.get("/cloakroom/admin/users?after=user48").text();
    assert!(first.contains("/cloakroom/admin/users?after=user48"), "{first}");
    for (number, name) in names.iter().enumerate() {
        let row = format!("<span class=\"muted block\">{name}</span>");
        assert_eq!(first.contains(&row), number <= 48, "{name}");
        assert_eq!(second.contains(&row), number > 48, "{name}");
    }
}

#[test]
fn acts_on_a_user_who_is_not_there_are_not_found() {
    let (site, mut ada) = Site::with_admin("");
    for act in ["disable", "enable", "password-link"] {
        let answer = ada.post_form(&format!("/cloakroom/admin/users/nobody/{act}"), &[]);
        assert_eq!(answer.status, 404, "{act}: {answer:?}");
    }
    drop(site);
}

#[test]
fn a_new_password_refuses_earlier_sessions_from_its_own_commit_on() {
    if !applies("sql_view") {
        return;
    }
    let (site, _) = Site::with_people("", &["bob"]);
    (0..3).for_each(|_| drop(site.run(&["end", "--user", "bob"])));
    let ends = "SELECT counted.epoch FROM cloakroom_user_epoch AS counted
         JOIN cloakroom_user AS person ON person.id = counted.user_id WHERE person.name = 'bob'";
    let before = site.count(ends);
    let code = code_of(&serde_link(&site.run(&["user", "passwd", "bob", "--json"])));
    assert_eq!(choose_password(&mut site.server.client(), &code).status, 303);
    let own = site.count("SELECT epoch FROM cloakroom_user WHERE name = 'bob'");
    assert!(own > before, "{own} is not above {before}: sessions would go on until their end");
}
