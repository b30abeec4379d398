//! What holds for every answer: headers, hosts, methods, sizes, odd cookies.

use cloakroom_testkit::servers::http::{Request, Response};

use crate::support::{ADMIN, COOKIE, PASSWORD, RECORDS, Site, is_signed_in, send_login};

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
                      img-src 'self' data:; connect-src 'self'; \
                      form-action 'self' http://localhost:7999; base-uri 'none'; \
                      frame-ancestors 'none'";

#[track_caller]
fn check_page(answer: &Response) {
    for (name, value) in [
        ("Content-Security-Policy", POLICY),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Cache-Control", "no-store"),
    ] {
        assert_eq!(answer.headers(name), [value], "{name}: {answer:?}");
    }
    if answer.status != 303 {
        assert_eq!(answer.headers("Content-Type"), ["text/html; charset=utf-8"], "{answer:?}");
        let text = answer.text();
        for inline in ["<script>", "<style", " style=\"", " onclick", "javascript:"] {
            assert!(!text.contains(inline), "{inline}: {text}");
        }
    }
}

#[test]
fn every_page_and_every_refusal_has_the_headers_that_keep_browsers_in_check() {
    let (site, mut ada) = Site::with_people(RECORDS, &["bob"]);
    let (mut visitor, mut bob) = (site.server.client(), site.browser_of("bob"));
    for path in [
        "login",
        "login?app=records&to=%2Fx",
        "login?app=nothing",
        "login?over=1",
        "login?check=1",
        "logout",
        "setup",
        "password-link",
        "account",
        "nothing",
        "admin",
    ] {
        check_page(&visitor.get(&format!("/cloakroom/{path}")));
    }
    for path in [
        "account",
        "account/password",
        "confirm",
        "logout",
        "login",
        "admin",
        "admin/ended",
        "admin/users",
        "nothing",
        "admin/nothing",
        "account?done=session-ended",
    ] {
        check_page(&ada.get(&format!("/cloakroom/{path}")));
        check_page(&bob.get(&format!("/cloakroom/{path}")));
    }
    check_page(&visitor.get("/nothing"));
    check_page(&visitor.get("/cloakroom"));
    check_page(&send_login(&mut visitor, ADMIN, "wrong"));
    check_page(&visitor.post_form("/cloakroom/login", &[]));
    check_page(&visitor.send(Request::post_form("/cloakroom/login", &[]).header("Origin", "null")));
    check_page(&ada.post_form("/cloakroom/admin/users", &[("name", "?")]));
    check_page(&ada.post_form("/cloakroom/logout", &[]));
}

#[test]
fn a_page_over_https_asks_for_https_from_now_on() {
    let site = Site::fresh("public_url = \"https://login.example.org\"");
    let request = Request::get("/cloakroom/login").header("Host", "login.example.org");
    let answer = request.send(site.server.address());
    let header = answer.header("Strict-Transport-Security");
    assert_eq!(header.as_deref(), Some("max-age=31536000"));
}

#[test]
fn a_host_that_is_not_configured_gets_no_page() {
    let (site, mut ada) = Site::with_admin(RECORDS);
    let port = site.server.port();
    for host in [
        "evil.example".to_owned(),
        "localhost".to_owned(),
        format!("evil.example:{port}"),
        format!("localhost.evil.example:{port}"),
        String::new(),
    ] {
        let get = ada.send(Request::get("/cloakroom/account?x=1").header("Host", &host));
        let to = format!("{}/cloakroom/account?x=1", site.server.url());
        assert_eq!((get.status, get.header("Location")), (307, Some(to)), "{host}");
        let form = [("name", ADMIN), ("password", PASSWORD)];
        let post = Request::post_form("/cloakroom/login", &form).header("Host", &host);
        let post = ada.send(post.header("Origin", format!("http://{host}")));
        assert_eq!(post.status, 421, "{host}: {post:?}");
        assert!(post.headers("Set-Cookie").is_empty());
    }
    let by_app = ada.send(Request::get("/cloakroom/account").header("Host", "LOCALHOST:7999"));
    assert_eq!(by_app.status, 200, "the origin of an application is configured");
}

#[test]
fn methods_that_nothing_answers_are_not_allowed() {
    let (site, mut ada) = Site::with_admin(RECORDS);
    for method in ["PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "XYZ"] {
        for path in ["/cloakroom/account", "/cloakroom/login", "/auth/nginx/records", "/healthz"] {
            assert_eq!(ada.send(Request::new(method, path)).status, 405, "{method} {path}");
        }
    }
    for path in ["/cloakroom/account", "/auth/nginx/records", "/healthz"] {
        let request = Request::new("POST", path).header("Origin", site.server.url());
        assert_eq!(ada.send(request).status, 405, "{path}");
    }
    assert!(is_signed_in(&mut ada));
}

#[test]
fn a_head_gets_the_headers_of_the_page_alone() {
    let (_site, mut ada) = Site::with_admin(RECORDS);
    for path in ["/cloakroom/login", "/cloakroom/account", "/cloakroom/static/app.css", "/healthz"]
    {
        let get = ada.send(Request::get(path));
        let head = ada.send(Request::new("HEAD", path));
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        assert_eq!(head.header("Content-Type"), get.header("Content-Type"), "{path}");
        assert_eq!(head.header("Cache-Control"), get.header("Cache-Control"), "{path}");
    }
}

#[test]
fn a_form_that_is_too_large_or_none_is_refused_with_a_page() {
    let (site, _) = Site::with_admin(RECORDS);
    let mut browser = site.server.client();
    let long = "x".repeat(40_000);
    let answer = send_login(&mut browser, ADMIN, &long);
    assert_eq!(answer.status, 400, "{answer:?}");
    check_page(&answer);
    for (kind, body) in [
        ("application/json", "{\"name\":\"ada\"}"),
        ("text/plain", "name=ada"),
        ("application/x-www-form-urlencoded", "name=ada"),
        ("application/x-www-form-urlencoded", "name=%ff%fe&password=x"),
        ("application/x-www-form-urlencoded", "name=a&name=b&password=x"),
    ] {
        let request = Request::new("POST", "/cloakroom/login").header("Content-Type", kind);
        let answer = browser.send(request.header("Sec-Fetch-Site", "same-origin").body(body));
        assert!([400, 401].contains(&answer.status), "{kind} {body}: {answer:?}");
        check_page(&answer);
    }
    for query in ["app=a&app=b", "to=%ff", "x=%", "q=%00"] {
        let answer = browser.get(&format!("/cloakroom/login?{query}"));
        assert!([200, 400].contains(&answer.status), "{query}: {answer:?}");
        check_page(&answer);
    }
}

#[test]
fn cookies_that_are_no_text_hide_nothing_and_break_nothing() {
    let (_site, mut ada) = Site::with_admin("");
    let own = format!("{COOKIE}={}", ada.cookie(COOKIE).expect("a cookie"));
    for (cookies, is_in) in [
        ([b"x=\xff\xfe; ".to_vec(), own.clone().into_bytes()].concat(), true),
        ([own.clone().into_bytes(), b"; \xff".to_vec()].concat(), true),
        (format!("{COOKIE}=\u{1F36A}; {own}").into_bytes(), true),
        (b"__Host-cloakroom=\xff\xff".to_vec(), false),
        (format!("{COOKIE}=").into_bytes(), false),
        (format!("{COOKIE}={}", "x".repeat(6_000)).into_bytes(), false),
        (b";;;=;=".to_vec(), false),
    ] {
        let request = Request::get("/cloakroom/account").header("Cookie", &cookies);
        let answer = ada.send(request.header("Accept", "text/html"));
        let expected = if is_in { 200 } else { 303 };
        assert_eq!(answer.status, expected, "{}: {answer:?}", String::from_utf8_lossy(&cookies));
        assert!(answer.headers("Set-Cookie").is_empty());
    }
}

#[test]
fn two_live_sessions_in_one_request_are_refused_and_signing_in_again_is_the_way_out() {
    let (site, ada) = Site::with_people("", &["bob"]);
    let bob = site.browser_of("bob");
    let value = |browser: &cloakroom_testkit::servers::Client| {
        browser.cookie(COOKIE).expect("a cookie").to_owned()
    };
    let both = format!("{COOKIE}={}; {COOKIE}={}", value(&ada), value(&bob));
    let mut browser = site.server.client();
    let answer = browser.send(Request::get("/cloakroom/account").header("Cookie", &both));
    assert_eq!(answer.status, 400, "{answer:?}");
    assert!(answer.text().contains("Your browser sent two sessions at once"), "{answer:?}");
    assert!(answer.text().contains("href=\"/cloakroom/login\">Sign in again</a>"), "{answer:?}");
    let login = browser.send(Request::get("/cloakroom/login").header("Cookie", &both));
    assert_eq!(login.status, 200, "{login:?}");
    assert_eq!(browser.send(Request::get("/cloakroom/logout").header("Cookie", &both)).status, 200);
    let logout = Request::post_form("/cloakroom/logout", &[]).header("Cookie", &both);
    let logout = browser.send(logout.header("Origin", site.server.url()));
    assert_eq!(logout.status, 200, "{logout:?}");
    assert!(!is_signed_in(&mut ada.clone()) && !is_signed_in(&mut bob.clone()));
}

#[test]
fn static_files_are_kept_by_browsers_for_as_long_as_their_version_lasts() {
    let (_site, mut ada) = Site::with_admin("");
    let page = ada.get("/cloakroom/account").text();
    for name in ["app.css", "app.js", "logo.svg"] {
        let href = page.split('"').find(|part| part.contains(name)).expect(name).to_owned();
        let versioned = ada.get(&href);
        assert_eq!(versioned.status, 200);
        let caching = versioned.header("Cache-Control").unwrap_or_default();
        assert!(caching.contains("immutable"), "{name}: {caching}");
        let plain = ada.get(&format!("/cloakroom/static/{name}"));
        assert!(!plain.header("Cache-Control").unwrap_or_default().contains("immutable"));
        assert_eq!(plain.header("X-Content-Type-Options").as_deref(), Some("nosniff"));
    }
    assert_eq!(ada.get("/cloakroom/static/..%2fapp.css").status, 404);
    assert_eq!(ada.get("/cloakroom/static/nothing.css").status, 404);
}
