//! Forms of other sites change nothing.

use cloakroom_testkit::servers::Client;
use cloakroom_testkit::servers::http::{Request, Response};

use crate::support::{ADMIN, COOKIE, PASSWORD, Site, is_signed_in, session_of};

/// What another site, or an old browser there, sends along.
const FOREIGN: [&[(&str, &str)]; 6] = [
    &[("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example")],
    &[("Sec-Fetch-Site", "same-site"), ("Origin", "http://localhost:1")],
    &[("Sec-Fetch-Site", "cross-site")],
    &[("Origin", "https://evil.example")],
    &[("Origin", "null")],
    &[],
];

fn send(
    browser: &mut Client,
    path: &str,
    form: &[(&str, &str)],
    from: &[(&str, &str)],
) -> Response {
    let request = Request::post_form(path, form);
    browser.send(from.iter().fold(request, |request, (name, value)| request.header(name, value)))
}

fn user_id(site: &Site, name: &str) -> String {
    let query = "SELECT id FROM user WHERE name = ?1";
    site.database().query_row(query, [name], |row| row.get(0)).expect("the user is there")
}

#[test]
fn no_form_of_another_site_changes_anything() {
    let (site, mut ada) = Site::with_people("", &["bob"]);
    let bob = site.browser_of("bob");
    let (id, session) = (user_id(&site, "bob"), session_of(&bob));
    let everything = |site: &Site| {
        [
            "SELECT count(*) FROM session",
            "SELECT count(*) FROM ended_session",
            "SELECT count(*) FROM user",
            "SELECT count(*) FROM one_time_code",
            "SELECT sum(epoch + disabled) FROM user",
            "SELECT sum(generation) FROM session",
        ]
        .map(|query| site.count(query))
    };
    let before = everything(&site);
    let login = [("name", "bob"), ("password", PASSWORD)];
    let change =
        [("current", PASSWORD), ("new", "a new pass phrase"), ("repeat", "a new pass phrase")];
    let new = [("name", "new"), ("display_name", "New"), ("role", "admin")];
    for (path, form) in [
        ("login".to_owned(), &login[..]),
        ("logout".to_owned(), &[]),
        ("confirm".to_owned(), &[("password", PASSWORD)]),
        ("setup".to_owned(), &[("code", "x")]),
        ("password-link".to_owned(), &[("code", "x")]),
        ("account/sessions/end-others".to_owned(), &[]),
        (format!("account/sessions/{session}/end"), &[]),
        ("account/password".to_owned(), &change),
        (format!("admin/sessions/{session}/end"), &[]),
        (format!("admin/users/{id}/end"), &[]),
        (format!("admin/users/{id}/disable"), &[]),
        (format!("admin/users/{id}/enable"), &[]),
        (format!("admin/users/{id}/password-link"), &[]),
        ("admin/users".to_owned(), &new),
        ("admin/end-everyone".to_owned(), &[("confirm", "everyone")]),
    ] {
        for from in FOREIGN {
            let answer = send(&mut ada, &format!("/cloakroom/{path}"), form, from);
            assert_eq!(answer.status, 403, "{path} from {from:?}: {answer:?}");
            assert!(answer.headers("Set-Cookie").is_empty(), "{path} from {from:?}");
        }
        let answer = send(&mut ada, &format!("/cloakroom/{path}"), form, FOREIGN[0]);
        assert!(answer.text().contains("We stopped a form from another site"), "{answer:?}");
    }
    assert_eq!(everything(&site), before);
    assert!(is_signed_in(&mut ada) && is_signed_in(&mut bob.clone()));
}

#[test]
fn nobody_is_signed_in_by_a_form_of_another_site() {
    let (site, _) = Site::with_admin("");
    for from in &FOREIGN[..5] {
        let mut victim = site.server.client();
        let form = [("name", ADMIN), ("password", PASSWORD)];
        assert_eq!(send(&mut victim, "/cloakroom/login", &form, from).status, 403, "{from:?}");
        assert_eq!(victim.cookie(COOKIE), None, "{from:?}");
    }
}

#[test]
fn a_browser_without_fetch_metadata_is_known_by_its_origin() {
    let (site, _) = Site::with_admin("");
    let mut old = site.server.client();
    let form = [("name", ADMIN), ("password", PASSWORD)];
    let origin = site.server.url();
    assert_eq!(send(&mut old, "/cloakroom/login", &form, &[("Origin", &origin)]).status, 303);
}

#[test]
fn a_get_never_changes_anything() {
    let (site, mut ada) = Site::with_people("", &["bob"]);
    let bob = site.browser_of("bob");
    let (id, session) = (user_id(&site, "bob"), session_of(&bob));
    for path in [
        format!("account/sessions/{session}/end"),
        "account/sessions/end-others".to_owned(),
        format!("admin/sessions/{session}/end"),
        format!("admin/users/{id}/end"),
        format!("admin/users/{id}/disable"),
        format!("admin/users/{id}/password-link"),
        "admin/end-everyone?confirm=everyone".to_owned(),
    ] {
        assert_eq!(ada.get(&format!("/cloakroom/{path}")).status, 405, "{path}");
        let head = ada.send(Request::new("HEAD", &format!("/cloakroom/{path}")));
        assert_eq!(head.status, 405, "{path}");
    }
    assert!(is_signed_in(&mut bob.clone()) && is_signed_in(&mut ada));
}
