//! What changes something needs a POST, and nothing makes another request one.

use cloakroom_testkit::servers::http::{Request, urlencoded};

use crate::posts;
use crate::support::{COOKIE, Site, is_signed_in};
use crate::wire::{IMPATIENT, check_unharmed, statuses};

/// Headers by which some frameworks let a request have another method.
const OVERRIDES: &[(&str, &str)] = &[
    ("X-HTTP-Method-Override", "POST"),
    ("X-HTTP-Method", "POST"),
    ("X-Method-Override", "POST"),
    ("X-Original-Method", "POST"),
    ("X-Forwarded-Method", "POST"),
];

const METHODS: &[&str] = &[
    "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "QUERY", "post", "Post", "POSTx",
    "PO", "LINK", "_", "M-SEARCH",
];

#[test]
fn only_a_post_changes_anything() {
    let (site, mut ada) = Site::with_people("", &["bob"]);
    let bob = site.browser_of("bob");
    let before = posts::everything(&site);
    for post in posts::all(&site, &bob) {
        let fields = urlencoded(&[post.form, &[("_method", "POST")]].concat());
        for method in METHODS {
            let mut request = Request::new(method, &format!("{}?{fields}", post.path))
                .header("Sec-Fetch-Site", "same-origin")
                .header("Origin", site.server.url())
                .header("Content-Type", "application/x-www-form-urlencoded");
            for (name, value) in OVERRIDES {
                request = request.header(name, value);
            }
            let answer = ada.send(request.body(fields.clone()));
            assert!(answer.status < 500, "{method} {}: {answer:?}", post.path);
            assert!(answer.headers("Set-Cookie").is_empty(), "{method} {}", post.path);
            let is_known = ["GET", "HEAD", "OPTIONS"].contains(method);
            assert!(is_known || answer.status == 405, "{method} {}: {answer:?}", post.path);
            assert!(answer.status != 405 || answer.header("Allow").is_some(), "{answer:?}");
        }
    }
    assert_eq!(posts::everything(&site), before);
    assert!(is_signed_in(&mut ada) && is_signed_in(&mut bob.clone()));
}

#[test]
fn a_post_to_a_page_is_no_way_to_another_method() {
    let (site, mut ada) = Site::with_people("", &["bob"]);
    let before = posts::everything(&site);
    for path in ["account", "admin", "admin/ended", "static/app.css", "nothing"] {
        for method in ["DELETE", "PUT", "PATCH", "GET"] {
            let form = Request::post_form(&format!("/cloakroom/{path}"), &[("_method", method)])
                .header("Sec-Fetch-Site", "same-origin")
                .header("X-HTTP-Method-Override", method);
            let answer = ada.send(form);
            assert!([404, 405].contains(&answer.status), "{method} {path}: {answer:?}");
        }
    }
    assert_eq!(posts::everything(&site), before);
}

#[test]
fn targets_in_other_forms_reach_nothing_else() {
    let (site, mut ada) = Site::with_admin(IMPATIENT);
    let cookie = format!("{COOKIE}={}", ada.cookie(COOKIE).expect("a cookie"));
    let port = site.server.port();
    for (target, expected) in [
        // In absolute form, for the host that is asked and for another.
        (format!("GET http://localhost:{port}/cloakroom/account"), &[200][..]),
        (format!("GET HTTP://LOCALHOST:{port}/cloakroom/account"), &[200]),
        ("GET http://evil.example/cloakroom/account".to_owned(), &[400]),
        (format!("GET http://evil@localhost:{port}/cloakroom/account"), &[400]),
        (format!("GET ftp://localhost:{port}/cloakroom/account"), &[200, 400]),
        // In asterisk and authority form.
        ("OPTIONS *".to_owned(), &[200, 400, 404, 405]),
        ("GET *".to_owned(), &[400, 404]),
        (format!("CONNECT localhost:{port}"), &[405]),
        (format!("GET localhost:{port}"), &[400, 404]),
        // Paths that mean another path to somebody else.
        ("GET //cloakroom/account".to_owned(), &[400, 404]),
        ("GET /cloakroom//account".to_owned(), &[404]),
        ("GET /cloakroom/./account".to_owned(), &[404]),
        ("GET /cloakroom/x/../account".to_owned(), &[404]),
        ("GET /cloakroom/%2e%2e/cloakroom/account".to_owned(), &[404]),
        ("GET /cloakroom/account/".to_owned(), &[404]),
        ("GET /cloakroom/account;x=y".to_owned(), &[404]),
        ("GET /cloakroom/account%00".to_owned(), &[404]),
        ("GET /cloakroom/account%2f".to_owned(), &[404]),
        ("GET /cloakroom/accoun%74".to_owned(), &[404]),
        ("GET /Cloakroom/account".to_owned(), &[404]),
        ("GET /cloakroom\\account".to_owned(), &[400, 404]),
    ] {
        let request = format!(
            "{target} HTTP/1.1\r\nHost: localhost:{port}\r\nCookie: {cookie}\r\n\
             Connection: close\r\n\r\n"
        );
        let statuses = statuses(&site, request.as_bytes());
        assert!(
            matches!(statuses[..], [status] if expected.contains(&status)),
            "{target}: {statuses:?}"
        );
        check_unharmed(&site, &mut ada, &target);
    }
}
