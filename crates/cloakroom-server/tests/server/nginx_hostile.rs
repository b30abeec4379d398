//! What an attacker sends to real nginx with the shipped files.

use cloakroom_testkit::servers::Client;
use cloakroom_testkit::servers::http::{Address, Request};

use crate::nginx::{Front, arrived, who_am_i};
use crate::smuggling::SHAPES;
use crate::support::{COOKIE, is_signed_in};
use crate::wire::exchange_at;

/// nginx that waits for nobody for longer than a second.
const IMPATIENT: &str = "client_header_timeout 1s; client_body_timeout 1s; keepalive_timeout 1s;";

/// Headers that tell an application who somebody is, ours and those of others.
const IDENTITY: &[&str] = &[
    "Remote-User",
    "Remote-Name",
    "Remote-Email",
    "Remote-Groups",
    "Remote-Session",
    "X-Cloakroom-Assertion",
    "X-Forwarded-User",
];

/// Spellings that an application could take for the same header: CGI and WSGI turn every dash
/// into an underscore, and some servers other signs too.
fn spellings(name: &str) -> Vec<String> {
    let mixed = name.char_indices().map(|(at, it)| match at % 2 {
        0 => it.to_ascii_lowercase(),
        _ => it.to_ascii_uppercase(),
    });
    vec![
        name.to_owned(),
        name.to_lowercase(),
        name.to_uppercase(),
        mixed.collect(),
        name.replace('-', "_"),
        name.to_uppercase().replace('-', "_"),
        name.replacen('-', "_", 1),
        name.replace('-', "."),
        format!("HTTP_{}", name.to_uppercase().replace('-', "_")),
        format!("{name}_"),
        format!("_{name}"),
        format!("{name}."),
    ]
}

#[test]
fn no_spelling_of_an_identity_header_reaches_the_application() {
    let Some(front) = Front::start(&["bob"]) else { return };
    let mut bob = front.browser_of("bob");
    for name in IDENTITY {
        for spelling in spellings(name) {
            let seen = who_am_i(&mut bob, &[(&spelling, "forged-ada"), (&spelling, "forged-too")]);
            assert_eq!(seen["identity"]["name"], "bob", "{spelling}: {seen}");
            assert_eq!(arrived(&seen, "remote-user"), ["bob"], "{spelling}");
            let identity: Vec<_> = seen["headers"]
                .as_array()
                .expect("headers are a list")
                .iter()
                .filter(|pair| is_like(pair[0].as_str().unwrap_or_default(), name))
                .filter(|pair| pair[1].as_str().is_some_and(|value| value.contains("forged")))
                .collect();
            assert!(identity.is_empty(), "{spelling}: {identity:?}");
        }
    }
}

/// Whether a careless application could take one name for the other.
fn is_like(arrived: &str, name: &str) -> bool {
    let letters = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase()
    };
    letters(arrived).trim_start_matches("http") == letters(name)
}

#[test]
fn naming_headers_hop_by_hop_takes_none_of_ours_away() {
    let Some(front) = Front::start(&["bob"]) else { return };
    let mut bob = front.browser_of("bob");
    for named in [
        "close, Remote-User",
        "close, X-Cloakroom-Assertion, Remote-Groups, Remote-Session",
        "close, Cookie",
        "close, X-Original-Method, X-Original-URL, X-Forwarded-For, Host",
    ] {
        let seen = who_am_i(&mut bob, &[("Connection", named)]);
        assert_eq!(seen["identity"]["name"], "bob", "{named}: {seen}");
        assert_eq!(arrived(&seen, "x-cloakroom-assertion"), ["(verified)"], "{named}");
    }
    let answer =
        front.browser().send(Request::get("/api/whoami").header("Connection", "close, Cookie"));
    assert_eq!(answer.status, 401, "{answer:?}");
}

fn hidden_logout(front: &Front, browser: &Client) -> String {
    let cookie = browser.cookie(COOKIE).expect("it is signed in");
    let port = front.nginx.port();
    format!(
        "POST /cloakroom/logout HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\
         Origin: http://localhost:{port}\r\nSec-Fetch-Site: same-origin\r\n\
         Cookie: {COOKIE}={cookie}\r\nContent-Length: 0\r\n\r\n"
    )
}

#[test]
fn no_request_hides_behind_the_end_of_another_on_its_way_through_nginx() {
    let Some(front) = Front::with(&["bob"], IMPATIENT) else { return };
    let mut bob = front.browser_of("bob");
    let port = front.nginx.port();
    for target in ["POST /cloakroom/login", "POST /api/records"] {
        for (framing, body, _) in SHAPES {
            let hidden = hidden_logout(&front, &bob);
            let request = format!(
                "{target} HTTP/1.1\r\nHost: localhost:{port}\r\nSec-Fetch-Site: same-origin\r\n\
                 {framing}\r\n\r\n{}",
                body.replace("HIDDEN", &hidden)
            );
            let answers = exchange_at(&Address::Port(port), request.as_bytes());
            let case = format!("{target} {framing:?} {body:?}: {answers:?}");
            assert!(
                answers.iter().all(|answer| answer.status < 500 || answer.status == 501),
                "{case}"
            );
            // What nginx itself takes for a second request it answers as one. Nothing is done
            // that it did not see.
            assert_eq!(is_signed_in(&mut bob), answers.len() <= 1, "{case}");
            if answers.len() > 1 {
                bob = front.browser_of("bob");
            }
        }
    }
    // What this test would see if one came through.
    let both = format!(
        "POST /cloakroom/login HTTP/1.1\r\nHost: localhost:{port}\r\n\
         Sec-Fetch-Site: same-origin\r\nContent-Length: 0\r\n\r\n{}",
        hidden_logout(&front, &bob)
    );
    assert_eq!(exchange_at(&Address::Port(port), both.as_bytes()).len(), 2);
    assert!(!is_signed_in(&mut bob));
}

#[test]
fn nothing_that_nginx_takes_is_too_large_for_the_server_behind_it() {
    let Some(front) = Front::start(&["bob"]) else { return };
    let mut bob = front.browser_of("bob");
    let own = format!("{COOKIE}={}", bob.cookie(COOKIE).expect("a cookie"));
    let cookies = format!("{}{own}", "a=b; ".repeat(1_500));
    let request = Request::get(&format!("/api/whoami?{}", "x".repeat(7_900)))
        .header("Cookie", cookies)
        .header("User-Agent", "x".repeat(8_000))
        .header("Accept", format!("text/html, {}", "x".repeat(7_900)));
    let answer = bob.send(request);
    assert_eq!(answer.status, 200, "{answer:?}");
    // A visitor is led to a sign-in page whose address is not too long either.
    let long = Request::get(&format!("/?{}", "&".repeat(7_000))).header("Accept", "text/html");
    let answer = front.browser().send(long);
    assert_eq!(answer.status, 302, "{answer:?}");
    assert_eq!(front.browser().follow(&answer).status, 200);
}
