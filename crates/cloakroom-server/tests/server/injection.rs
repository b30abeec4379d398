//! Line breaks and zero bytes in everything that may come out again in a header.

use cloakroom_testkit::servers::http::{Request, Response};

use crate::support::{COOKIE, PASSWORD, RECORDS, Site, choose_password, send_login};
use crate::wire::{IMPATIENT, check_unharmed, exchange};

const BREAKS: &[&str] =
    &["\r\n", "\n", "\r", "\0", "\r\n\r\n", "\u{85}", "\u{2028}", "\u{b}", "\u{560a}"];

#[track_caller]
fn check(answer: &Response, case: &str) {
    assert!(answer.status < 500, "{case}: {answer:?}");
    for name in ["X-Injected", "Remote-Admin"] {
        assert!(answer.headers(name).is_empty(), "{case}: {answer:?}");
    }
    assert!(answer.headers("Set-Cookie").iter().all(|it| it.starts_with(COOKIE)), "{answer:?}");
}

#[test]
fn no_form_splits_an_answer() {
    let (site, mut ada) = Site::with_admin(RECORDS);
    for line in BREAKS {
        let bad = format!("x{line}X-Injected: 1{line}Set-Cookie: a=b");
        let case = format!("{line:?}");
        for fields in [
            &[("name", bad.as_str()), ("display_name", "X"), ("email", "")][..],
            &[("name", "eve"), ("display_name", "X"), ("email", &bad)],
            &[("name", "eve"), ("display_name", "X"), ("email", ""), ("groups", &bad)],
        ] {
            let answer = ada.post_form("/cloakroom/admin/users", fields);
            check(&answer, &case);
            assert_eq!(answer.status, 422, "{case}: {answer:?}");
        }
        let mut visitor = site.server.client();
        check(&send_login(&mut visitor, &bad, "x"), &case);
        let fields = [("name", "x"), ("password", "x"), ("app", &bad), ("to", &bad)];
        check(&visitor.post_form("/cloakroom/login", &fields), &case);
        let escaped = cloakroom_testkit::servers::http::escape(&bad);
        for path in [
            format!("/cloakroom/login?to=/{escaped}"),
            format!("/cloakroom/login?app={escaped}"),
            format!("/cloakroom/account?done={escaped}"),
            format!("/cloakroom/admin?q={escaped}&after={escaped}"),
            format!("/cloakroom/{escaped}"),
            format!("/{escaped}"),
            format!("/auth/nginx/{escaped}"),
            format!("/cloakroom/static/{escaped}"),
        ] {
            check(&ada.get(&path), &path);
            check(&visitor.get(&path), &path);
            check(&ada.send(Request::get(&path).header("Host", "evil.example")), &path);
        }
    }
    assert_eq!(site.count("SELECT count(*) FROM cloakroom_user"), 1);
}

#[test]
fn a_display_name_adds_nothing_to_what_a_proxy_is_told() {
    let (site, mut ada) = Site::with_admin(RECORDS);
    for (at, line) in BREAKS.iter().enumerate() {
        let (name, display) = (format!("u{at}"), format!("Eve{line}Remote-Admin: 1{line}X: y"));
        let fields = [("name", name.as_str()), ("display_name", &display), ("email", "")];
        let answer = ada.post_form("/cloakroom/admin/users", &fields);
        check(&answer, &name);
        if answer.status == 422 {
            continue;
        }
        let mut eve = site.server.client();
        assert_eq!(choose_password(&mut eve, &site.invite_again(&name)).status, 303, "{name}");
        let answer = eve.send(Request::get("/auth/nginx/records"));
        assert_eq!(answer.status, 200, "{answer:?}");
        check(&answer, &name);
        assert_eq!(answer.headers("Remote-User"), [name.as_str()], "{answer:?}");
        assert_eq!(answer.headers("Remote-Name").len(), 1, "{answer:?}");
    }
}

#[test]
fn raw_line_breaks_in_a_request_come_back_in_no_answer() {
    let (site, mut ada) = Site::with_admin(IMPATIENT);
    let host = format!("Host: localhost:{}", site.server.port());
    for (at, byte) in ["\r", "\n", "\0", "\u{b}", "\u{85}"].iter().enumerate() {
        for request in [
            format!(
                "GET /cloakroom/x{byte}X-Injected: 1 HTTP/1.1\r\n{host}\r\nConnection: close\r\n\r\n"
            ),
            format!(
                "GET /x HTTP/1.1\r\nHost: evil{byte}X-Injected: 1\r\nConnection: close\r\n\r\n"
            ),
            format!(
                "GET /x HTTP/1.1\r\n{host}\r\nX-Forwarded-For: 1{byte}X-Injected: 1\r\nConnection: close\r\n\r\n"
            ),
            format!(
                "GET /x HTTP/1.1\r\n{host}\r\nUser-Agent: a{byte}X-Injected: 1\r\nConnection: close\r\n\r\n"
            ),
            format!(
                "GET /x HTTP/1.1\r\n{host}\r\nOrigin: a{byte}X-Injected: 1\r\nConnection: close\r\n\r\n"
            ),
            format!(
                "GET /x HTTP/1.1\r\n{host}\r\nCookie: a=b{byte}X-Injected: 1\r\nConnection: close\r\n\r\n"
            ),
        ] {
            for answer in exchange(&site, request.as_bytes()) {
                check(&answer, &request);
            }
        }
        check_unharmed(&site, &mut ada, &format!("break {at}"));
    }
}

#[test]
fn what_a_client_calls_itself_is_kept_as_text_and_shown_as_text() {
    let (site, _) = Site::with_admin("");
    let agent = b"<script>alert(1)</script>\xff\xfe \x80 {{7*7}} ${jndi:ldap://x}".to_vec();
    let mut browser = site.server.client();
    let form = Request::post_form("/cloakroom/login", &[("name", "ada"), ("password", PASSWORD)])
        .header("Sec-Fetch-Site", "same-origin")
        .header("User-Agent", agent);
    assert_eq!(browser.send(form).status, 303);
    let page = browser.get("/cloakroom/account");
    assert_eq!(page.status, 200);
    assert!(!page.text().contains("<script>alert"), "{page:?}");
}
