//! Requests whose end is seen elsewhere by one server than by another. Behind each stands another
//! request that must never be taken for one.

use cloakroom_testkit::servers::http::Request;

use crate::support::{Site, is_signed_in};
use crate::wire::{IMPATIENT, check_unharmed, exchange, hidden_logout, statuses};

/// What must come back.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expect {
    /// One refusal, and the connection closes.
    Refused,
    /// One answer at most, whatever it says, and the connection closes.
    Once,
}
use Expect::{Once, Refused};

/// Framing headers, the body that follows, with `HIDDEN` where the hidden request stands.
pub(crate) type Shape = (&'static str, &'static str, Expect);

pub(crate) const SHAPES: &[Shape] = &[
    // Both lengths, in both orders, and the hidden request behind either of them.
    ("Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\nHIDDEN", Once),
    ("Transfer-Encoding: chunked\r\nContent-Length: 5", "0\r\n\r\nHIDDEN", Once),
    ("Content-Length: 9999\r\nTransfer-Encoding: chunked", "0\r\n\r\nHIDDEN", Once),
    ("Transfer-Encoding: chunked\r\nContent-Length: +1", "0\r\n\r\nHIDDEN", Once),
    // Two lengths.
    ("Content-Length: 0\r\nContent-Length: 9", "HIDDEN", Refused),
    ("Content-Length: 9\r\nContent-Length: 0", "HIDDEN", Refused),
    ("Content-Length: 0, 9", "HIDDEN", Refused),
    ("Content-Length: 0, 0", "HIDDEN", Refused),
    // Lengths that are none.
    ("Content-Length: +0", "HIDDEN", Refused),
    ("Content-Length: -1", "HIDDEN", Refused),
    ("Content-Length: 0x0", "HIDDEN", Refused),
    ("Content-Length: 1e1", "HIDDEN", Refused),
    ("Content-Length: 0 0", "HIDDEN", Refused),
    ("Content-Length: \"0\"", "HIDDEN", Refused),
    ("Content-Length:", "HIDDEN", Refused),
    ("Content-Length: 0.0", "HIDDEN", Refused),
    ("Content-Length: 99999999999999999999", "HIDDEN", Refused),
    ("Content-Length: 18446744073709551615", "HIDDEN", Refused),
    // Codings that are not `chunked` alone.
    ("Transfer-Encoding: xchunked", "0\r\n\r\nHIDDEN", Refused),
    ("Transfer-Encoding: chunkedx", "0\r\n\r\nHIDDEN", Refused),
    ("Transfer-Encoding: chunked, identity", "0\r\n\r\nHIDDEN", Refused),
    ("Transfer-Encoding: identity", "HIDDEN", Refused),
    ("Transfer-Encoding: gzip", "HIDDEN", Refused),
    ("Transfer-Encoding:", "0\r\n\r\nHIDDEN", Refused),
    ("Transfer-Encoding: \"chunked\"", "0\r\n\r\nHIDDEN", Refused),
    ("Transfer-Encoding: chunked;q=1", "0\r\n\r\nHIDDEN", Refused),
    ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "0\r\n\r\nHIDDEN", Refused),
    ("Transfer-Encoding: \u{b}chunked", "0\r\n\r\nHIDDEN", Refused),
    // Lines that are not quite header lines.
    ("X: y\r\n Transfer-Encoding: chunked", "0\r\n\r\nHIDDEN", Refused),
    ("X: y\r\n\tTransfer-Encoding: chunked", "0\r\n\r\nHIDDEN", Refused),
    ("Transfer-Encoding:\r\n chunked", "0\r\n\r\nHIDDEN", Refused),
    ("Transfer-Encoding : chunked", "0\r\n\r\nHIDDEN", Refused),
    ("Content-Length : 0", "HIDDEN", Refused),
    ("Content-Length\t: 0", "HIDDEN", Refused),
    ("X: y\rTransfer-Encoding: chunked", "0\r\n\r\nHIDDEN", Refused),
    ("X: y\0", "HIDDEN", Refused),
    ("X\0: y", "HIDDEN", Refused),
    (": y", "HIDDEN", Refused),
    ("no colon", "HIDDEN", Refused),
    ("X(y): z", "HIDDEN", Refused),
    // Chunks that are none.
    ("Transfer-Encoding: chunked", "-1\r\nHIDDEN", Once),
    ("Transfer-Encoding: chunked", "+0\r\n\r\nHIDDEN", Once),
    ("Transfer-Encoding: chunked", "0x0\r\n\r\nHIDDEN", Once),
    ("Transfer-Encoding: chunked", "FFFFFFFFFFFFFFFFF\r\nHIDDEN", Once),
    ("Transfer-Encoding: chunked", "FFFFFFFFFFFFFFFF\r\nHIDDEN", Once),
    ("Transfer-Encoding: chunked", "1\r\nxx\r\n0\r\n\r\nHIDDEN", Once),
    ("Transfer-Encoding: chunked", "1\nx\n0\n\nHIDDEN", Once),
    ("Transfer-Encoding: chunked", "1;a\nb\r\nx\r\n0\r\n\r\nHIDDEN", Once),
    ("Transfer-Encoding: chunked", "\r\n0\r\n\r\nHIDDEN", Once),
    ("Transfer-Encoding: chunked", "HIDDEN", Once),
];

#[test]
fn no_request_hides_behind_the_end_of_another() {
    let (site, mut ada) = Site::with_admin(IMPATIENT);
    let hidden = hidden_logout(&site, &ada);
    for target in ["POST /cloakroom/login", "GET /healthz", "POST /auth/nginx/none"] {
        for (framing, body, expected) in SHAPES {
            let case = format!("{target} {framing:?} {body:?}");
            let head = format!(
                "{target} HTTP/1.1\r\nHost: localhost:{}\r\nSec-Fetch-Site: same-origin\r\n\
                 {framing}\r\n\r\n{}",
                site.server.port(),
                body.replace("HIDDEN", &hidden)
            );
            let answers = exchange(&site, head.as_bytes());
            let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
            match expected {
                Refused => {
                    assert!(matches!(statuses[..], [400..=499]), "{case}: {statuses:?} {answers:?}")
                }
                Once => assert!(
                    matches!(statuses[..], [] | [200..=499]),
                    "{case}: {statuses:?} {answers:?}"
                ),
            }
            assert!(is_signed_in(&mut ada), "{case}");
        }
    }
    check_unharmed(&site, &mut ada, "smuggling");
    // What this test would see if one came through.
    let both = format!(
        "POST /cloakroom/login HTTP/1.1\r\nHost: localhost:{}\r\nSec-Fetch-Site: same-origin\r\n\
         Content-Length: 0\r\n\r\n{hidden}",
        site.server.port()
    );
    assert_eq!(statuses(&site, both.as_bytes()), [400, 200]);
    assert!(!is_signed_in(&mut ada));
}

#[test]
fn a_body_is_bounded_however_it_is_framed() {
    let (site, mut ada) = Site::with_admin(IMPATIENT);
    let hidden = hidden_logout(&site, &ada);
    let chunk = |size: usize| format!("{size:x}\r\n{}\r\n", "x".repeat(size));
    for body in [
        format!("1;{}\r\nx\r\n0\r\n\r\n", "e".repeat(64 * 1024)),
        format!("0\r\nX: {}\r\n\r\n", "t".repeat(128 * 1024)),
        format!("0\r\n{}\r\n", "X: y\r\n".repeat(10_000)),
        format!("{}0\r\n\r\n", chunk(1_000).repeat(40)),
        format!("{}0\r\n\r\n", chunk(1).repeat(40_000)),
        format!("{}1\r\nx\r\n0\r\n\r\n", "0".repeat(100_000)),
    ] {
        let head = format!(
            "POST /cloakroom/login HTTP/1.1\r\nHost: localhost:{}\r\n\
             Sec-Fetch-Site: same-origin\r\nTransfer-Encoding: chunked\r\n\
             Connection: close\r\n\r\n{body}{hidden}",
            site.server.port()
        );
        let statuses = statuses(&site, head.as_bytes());
        let case = &body[..40];
        assert!(matches!(statuses[..], [] | [400..=499]), "{case}: {statuses:?}");
        check_unharmed(&site, &mut ada, case);
    }
}

#[test]
fn the_body_of_a_request_that_needs_none_is_not_taken_for_another_request() {
    let (site, mut ada) = Site::with_admin(IMPATIENT);
    let hidden = hidden_logout(&site, &ada);
    for (method, path) in [
        ("GET", "/cloakroom/login"),
        ("GET", "/healthz"),
        ("GET", "/auth/nginx/none"),
        ("GET", "/nothing"),
        ("OPTIONS", "/cloakroom/login"),
        ("DELETE", "/cloakroom/login"),
        ("POST", "/healthz"),
        ("CONNECT", "localhost:80"),
    ] {
        let request = Request::new(method, path)
            .header("Connection", "keep-alive")
            .header("Content-Length", hidden.len().to_string())
            .body(hidden.clone());
        let statuses = statuses(&site, &request.to_bytes(site.server.address()));
        assert!(matches!(statuses[..], [200..=499]), "{method} {path}: {statuses:?}");
        check_unharmed(&site, &mut ada, path);
    }
}

#[test]
fn versions_and_first_lines_that_are_not_of_http_1_are_refused() {
    let (site, mut ada) = Site::with_admin(IMPATIENT);
    let host = format!("Host: localhost:{}", site.server.port());
    for line in [
        "GET /cloakroom/login",
        "GET /cloakroom/login HTTP/0.9",
        "GET /cloakroom/login HTTP/1.2",
        "GET /cloakroom/login HTTP/2.0",
        "GET /cloakroom/login HTTP/3",
        "GET /cloakroom/login http/1.1",
        "GET /cloakroom/login HTTP/1.1 x",
        "GET  /cloakroom/login HTTP/1.1",
        "GET /cloakroom login HTTP/1.1",
        "GET /cloakroom/login\rX: y HTTP/1.1",
        "GET /cloakroom/\0login HTTP/1.1",
        "GET cloakroom/login HTTP/1.1",
        "GET ",
        "G\u{e9}T /cloakroom/login HTTP/1.1",
        "(GET) /cloakroom/login HTTP/1.1",
        "PRI * HTTP/2.0",
    ] {
        let statuses = statuses(&site, format!("{line}\r\n{host}\r\n\r\nSM\r\n\r\n").as_bytes());
        assert!(matches!(statuses[..], [] | [400..=499]), "{line:?}: {statuses:?}");
        check_unharmed(&site, &mut ada, line);
    }
    // HTTP/2 with prior knowledge is not spoken, and no upgrade leads to it.
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    assert_eq!(statuses(&site, preface), [0_u16; 0]);
    let upgrade = Request::get("/healthz")
        .header("Connection", "Upgrade, HTTP2-Settings, close")
        .header("Upgrade", "h2c")
        .header("HTTP2-Settings", "AAMAAABkAAQAAP__");
    assert_eq!(statuses(&site, &upgrade.to_bytes(site.server.address())), [200]);
    check_unharmed(&site, &mut ada, "HTTP/2");
}

#[test]
fn http_1_0_is_answered_and_closes_unless_asked_to_stay() {
    let (site, mut ada) = Site::with_admin(IMPATIENT);
    let host = format!("Host: localhost:{}", site.server.port());
    let get = |connection: &str| {
        format!("GET /cloakroom/login HTTP/1.0\r\n{host}\r\n{connection}\r\n").repeat(2)
    };
    assert_eq!(statuses(&site, get("").as_bytes()), [200]);
    let two = statuses(&site, get("Connection: keep-alive\r\n").as_bytes());
    assert_eq!(two, [200, 200]);
    let closing = "Connection: close\r\nConnection: keep-alive\r\n";
    assert_eq!(statuses(&site, get(closing).as_bytes()), [200]);
    let chunked = format!(
        "POST /cloakroom/login HTTP/1.0\r\n{host}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    );
    assert_eq!(statuses(&site, chunked.as_bytes()), [400]);
    check_unharmed(&site, &mut ada, "HTTP/1.0");
}
