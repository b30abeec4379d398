//! What `/auth/nginx/<app>` tells a proxy.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use cloakroom_testkit::servers::http::{Request, Response, escape};
use cloakroom_testkit::servers::{Client, Python};

use crate::support::{ADMIN, COOKIE, PASSWORD, RECORDS, Site, session_of, set_up};

const REQUIREMENTS: &str =
    include_str!("../../../../examples/legacy-data-manager/requirements.txt");
const IDENTITY: [&str; 6] = [
    "Remote-User",
    "Remote-Name",
    "Remote-Email",
    "Remote-Groups",
    "Remote-Session",
    "X-Cloakroom-Assertion",
];
const PAGE: [(&str, &str); 5] = [
    ("X-Original-URL", "http://localhost:7999/records?q=a%20b&x=1"),
    ("X-Original-Method", "GET"),
    ("Accept", "text/html,*/*"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Dest", "document"),
];

fn ask(browser: &mut Client, app: &str, headers: &[(&str, &str)]) -> Response {
    let request = Request::get(&format!("/auth/nginx/{app}"));
    let add = |request: Request, (name, value): &(&str, &str)| request.header(name, value);
    browser.send(headers.iter().fold(request, add))
}

#[test]
fn a_session_is_answered_with_200_and_every_identity_header_even_an_empty_one() {
    let (site, _) = Site::with_admin(RECORDS);
    site.add("bob", &["--display-name", "Bób Bäcker"]);
    let mut bob = site.browser_of("bob");
    let answer = ask(&mut bob, "records", &PAGE);
    assert_eq!((answer.status, answer.body.len()), (200, 0), "{answer:?}");
    let expected = ["bob", "Bób Bäcker", "", "", &session_of(&bob)];
    for (name, value) in IDENTITY.iter().zip(expected) {
        assert_eq!(answer.headers(name), [value], "{name}");
    }
    assert_eq!(answer.headers("X-Cloakroom-Assertion").len(), 1);
    assert_eq!(answer.header("Cache-Control").as_deref(), Some("no-store"));
    assert!(answer.headers("Set-Cookie").is_empty());
    assert!(answer.headers("Location").is_empty());

    site.add("eve", &["--email", "eve@example.org", "--group", "sales", "--group", "editors"]);
    let answer = ask(&mut site.browser_of("eve"), "records", &[]);
    assert_eq!(answer.header("Remote-Email").as_deref(), Some("eve@example.org"));
    assert_eq!(answer.header("Remote-Groups").as_deref(), Some("editors,sales"));
}

#[test]
fn only_a_person_who_opens_a_page_is_told_where_to_sign_in() {
    let (site, _) = Site::with_admin(RECORDS);
    let mut visitor = site.server.client();
    let answer = ask(&mut visitor, "records", &PAGE);
    assert_eq!(answer.status, 401, "{answer:?}");
    let to = escape("http://localhost:7999/records?q=a%20b&x=1").replace("%20", "+");
    let login = format!("http://localhost:7999/cloakroom/login?app=records&to={to}");
    assert_eq!(answer.header("Location"), Some(login));
    assert_eq!(answer.header("Content-Type").as_deref(), Some("application/problem+json"));
    for name in IDENTITY {
        assert!(answer.headers(name).is_empty(), "{name}");
    }
    for (name, value) in [
        ("X-Original-Method", "POST"),
        ("X-Original-Method", "DELETE"),
        ("X-Original-Method", ""),
        ("Accept", "application/json"),
        ("Accept", ""),
        ("Sec-Fetch-Mode", "cors"),
        ("Sec-Fetch-Mode", "websocket"),
        ("Sec-Fetch-Dest", "image"),
        ("Sec-Fetch-Dest", "iframe"),
    ] {
        let headers = PAGE.map(|(it, old)| (it, if it == name { value } else { old }));
        let answer = ask(&mut visitor, "records", &headers);
        assert_eq!((answer.status, answer.header("Location")), (401, None), "{name}: {value}");
    }
    // Old browsers do not say how they fetch.
    let answer = ask(&mut visitor, "records", &PAGE[..3]);
    assert!(answer.header("Location").is_some());
}

#[test]
fn an_address_that_is_not_ours_is_not_returned_to() {
    let (site, _) = Site::with_admin(RECORDS);
    for url in ["https://evil.example/", "http://localhost:7998/x", "//evil.example", ""] {
        let headers = PAGE.map(|(it, old)| (it, if it == "X-Original-URL" { url } else { old }));
        let answer = ask(&mut site.server.client(), "records", &headers);
        let login = "http://localhost:7999/cloakroom/login?app=records&to=";
        assert_eq!(answer.header("Location").as_deref(), Some(login), "{url}");
    }
}

#[test]
fn an_unknown_application_is_not_found_whoever_asks() {
    let (_site, mut ada) = Site::with_admin(RECORDS);
    for app in ["nothing", "Records", "records%2F", "records%20"] {
        let answer = ask(&mut ada, app, &PAGE);
        assert_eq!(answer.status, 404, "{app}: {answer:?}");
        assert!(answer.headers("Remote-User").is_empty());
    }
    assert_eq!(ask(&mut ada, "", &PAGE).status, 404);
}

#[test]
fn a_peer_that_is_no_trusted_proxy_is_told_nothing() {
    let (_site, mut ada) =
        Site::with_admin(&format!("trusted_proxies = [\"192.0.2.1/32\"]\n{RECORDS}"));
    let forged = [("X-Forwarded-For", "192.0.2.1"), ("X-Real-IP", "192.0.2.1")];
    for headers in [&PAGE[..], &forged] {
        let answer = ask(&mut ada, "records", headers);
        assert_eq!(answer.status, 403, "{answer:?}");
        assert!(IDENTITY.iter().all(|name| answer.headers(name).is_empty()));
    }
    // Nor believed about where somebody comes from.
    let form = [("name", ADMIN), ("password", PASSWORD)];
    let login = Request::post_form("/cloakroom/login", &form).header("Sec-Fetch-Site", "none");
    ada.send(login.header("X-Forwarded-For", "203.0.113.9"));
    let page = ada.get("/cloakroom/account").text();
    assert!(page.contains("127.0.0.1") && !page.contains("203.0.113.9"), "{page}");
}

#[test]
fn a_trusted_proxy_is_believed_about_the_address_alone() {
    let (_site, mut ada) = Site::with_admin(RECORDS);
    let form = [("name", ADMIN), ("password", PASSWORD)];
    let login = Request::post_form("/cloakroom/login", &form).header("Sec-Fetch-Site", "none");
    let forged = [
        ("X-Forwarded-For", "198.51.100.1, 203.0.113.9"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Proto", "gopher"),
        ("X-Forwarded-Prefix", "/evil"),
        ("Forwarded", "for=198.51.100.2;host=evil.example"),
    ];
    let login = forged.iter().fold(login, |login, (name, value)| login.header(name, value));
    let answer = ada.send(login);
    assert!(!format!("{answer:?}").contains("evil"), "{answer:?}");
    let page = ada.get("/cloakroom/account").text();
    assert!(page.contains("<dd>203.0.113.9</dd>") && !page.contains("198.51.100"), "{page}");
}

#[test]
fn identity_that_a_client_claims_is_never_given_back() {
    let (site, _) = Site::with_people(RECORDS, &["bob"]);
    let forged = IDENTITY.map(|name| (name, "ada"));
    let answer = ask(&mut site.server.client(), "records", &forged);
    assert_eq!(answer.status, 401);
    assert!(!format!("{answer:?}").contains("ada"), "{answer:?}");
    let answer = ask(&mut site.browser_of("bob"), "records", &forged);
    assert_eq!(answer.headers("Remote-User"), ["bob"]);
}

#[test]
fn an_end_is_seen_by_the_very_next_question() {
    let (site, mut ada) = Site::with_people(RECORDS, &["bob"]);
    let mut bob = site.browser_of("bob");
    assert_eq!(ask(&mut bob, "records", &PAGE).status, 200);
    let path = format!("/cloakroom/admin/sessions/{}/end", session_of(&bob));
    assert_eq!(ada.post_form(&path, &[]).status, 303);
    assert_eq!(ask(&mut bob, "records", &PAGE).status, 401);
    let mut bob = site.browser_of("bob");
    site.run(&["user", "disable", "bob"]);
    assert_eq!(ask(&mut bob, "records", &PAGE).status, 401);
}

#[test]
fn the_question_never_changes_the_credential() {
    let (mut site, _) = Site::with_people(RECORDS, &["bob"]);
    let mut bob = site.browser_of("bob");
    let Some(()) = site.later(Duration::from_secs(7_200)) else { return };
    for _ in 0..3 {
        let answer = ask(&mut bob, "records", &PAGE);
        assert_eq!((answer.status, answer.headers("Set-Cookie").len()), (200, 0), "{answer:?}");
    }
    let old = bob.cookie(COOKIE).map(str::to_owned);
    let page = bob.get("/cloakroom/account");
    assert_eq!(page.headers("Set-Cookie").len(), 1, "a page renews it: {page:?}");
    assert_ne!(bob.cookie(COOKIE).map(str::to_owned), old);
    assert_eq!(ask(&mut bob, "records", &PAGE).status, 200);
}

#[test]
fn a_proxy_on_a_unix_socket_is_trusted_and_finds_the_client_by_its_word() {
    let dir = cloakroom_testkit::servers::TempDir::new("socket");
    let socket = dir.join("s");
    let site = Site::fresh(&format!("listen = \"unix:{}\"\n{RECORDS}", socket.display()));
    // The public URL is the default one, as a socket has no port.
    let mut ada = Client::new(site.server.address().clone(), "http://localhost:7070");
    assert_eq!(set_up(&mut ada, &site.set_up_code()).status, 303);
    assert_eq!(ask(&mut ada, "records", &PAGE).status, 200);
    let page = ada.get("/cloakroom/account").text();
    assert!(page.contains("not known"), "{page}");
    let form = [("name", ADMIN), ("password", PASSWORD)];
    let login = Request::post_form("/cloakroom/login", &form).header("Sec-Fetch-Site", "none");
    ada.send(login.header("X-Forwarded-For", "203.0.113.9"));
    assert!(ada.get("/cloakroom/account").text().contains("<dd>203.0.113.9</dd>"));
}

/// Reads two lines: the assertion and the key set; prints the claims or raises.
const CHECK: &str = r#"
import json, sys, jwt
assertion, keys, audience, issuer = sys.stdin.read().split("\n")[:4]
header = jwt.get_unverified_header(assertion)
assert header["typ"] == "cloakroom-identity+jwt" and header["alg"] == "ES256", header
keys = {key["kid"]: key for key in json.loads(keys)["keys"]}
key = keys[header["kid"]]
assert not {"d", "p", "q", "k"} & key.keys(), "a private key"
claims = jwt.decode(assertion, jwt.PyJWK(key, "ES256"), algorithms=["ES256"], audience=audience,
    issuer=issuer, options={"require": ["iss", "aud", "sub", "sid", "iat", "exp"], "strict_aud": True})
print(json.dumps(claims))
"#;

fn check(python: &Python, lines: [&str; 4]) -> Result<serde_json::Value, String> {
    let mut command = python.command();
    command.args(["-c", CHECK]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("python starts");
    let mut input = child.stdin.take().expect("there is a pipe");
    input.write_all(lines.join("\n").as_bytes()).expect("python reads");
    drop(input);
    let output = child.wait_with_output().expect("python ends");
    serde_json::from_slice(&output.stdout)
        .map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn the_assertion_is_verified_by_anybody_with_the_published_keys_for_one_application_only() {
    let Some(python) = Python::with(REQUIREMENTS) else { return };
    let other = "[app.other]\nname = \"Other\"\norigin = \"http://localhost:7998\"\n";
    let (mut site, _) = Site::with_admin(&format!("{RECORDS}{other}"));
    site.add("bob", &["--id", "u-17", "--display-name", "Bób", "--group", "sales"]);
    let mut bob = site.browser_of("bob");
    let assertion = |bob: &mut Client, app| {
        ask(bob, app, &[]).header("X-Cloakroom-Assertion").expect("there is an assertion")
    };
    let jwks = site.server.client().get("/.well-known/jwks.json");
    assert_eq!(jwks.header("Cache-Control").as_deref(), Some("public, max-age=300"));
    let (keys, issuer) = (jwks.text(), site.server.url());
    let records = assertion(&mut bob, "records");
    let claims = check(&python, [&records, &keys, "records", &issuer]).expect("it holds");
    for (name, value) in [
        ("iss", issuer.as_str().into()),
        ("aud", "records".into()),
        ("sub", "u-17".into()),
        ("name", "bob".into()),
        ("display_name", "Bób".into()),
        ("email", serde_json::Value::Null),
        ("groups", serde_json::json!(["sales"])),
        ("sid", session_of(&bob).into()),
    ] {
        assert_eq!(claims[name], value, "{name}: {claims}");
    }
    let number = |name: &str| claims[name].as_i64().expect("a number");
    assert_eq!(number("exp") - number("iat"), 60);
    assert!((0..30).contains(&(number("iat") - number("auth_time"))));

    let other = assertion(&mut bob, "other");
    let mistaken = check(&python, [&other, &keys, "records", &issuer]).expect_err("another's");
    assert!(mistaken.contains("InvalidAudienceError"), "{mistaken}");
    let (head, body) = records.rsplit_once('.').expect("three parts");
    let flipped = if body.starts_with('A') { 'B' } else { 'A' };
    let forged = format!("{head}.{flipped}{}", &body[1..]);
    let fault = check(&python, [&forged, &keys, "records", &issuer]).expect_err("forged");
    assert!(fault.contains("InvalidSignatureError"), "{fault}");

    site.server.restart();
    assert_eq!(site.server.client().get("/.well-known/jwks.json").text(), keys);
}
