//! Nobody is led to another site, judged as a browser would read the address.

use cloakroom_server::config::Origin;
use cloakroom_server::returns::Returns;
use cloakroom_testkit::servers::http::{Response, escape};
use url::Url;

use crate::support::{ADMIN, PASSWORD, RECORDS, Site};

const APP: &str = "http://localhost:7999";
const EVIL: &[&str] = &["evil.example", "evil.example:443", "2130706433", "[::1]", "xn--e1awd7f"];

/// What stands between the beginning and the host so that something takes it for `//`.
const SLASHES: &[&str] = &[
    "//",
    "///",
    "////",
    "/\\",
    "\\/",
    "\\\\",
    "/\\/",
    "\\",
    "/\t/",
    "/\n/",
    "/\r/",
    "\t//",
    "\n//",
    " //",
    "/ /",
    "//\t",
    "/%2f",
    "%2f%2f",
    "/%2F/",
    "/%5c",
    "%5c%5c",
    "/%09/",
    "/%0a/",
    "/%0d%0a/",
    "/./",
    "/.//",
    "/..//",
    "/;/",
    "/\u{2215}",
    "/\u{2044}",
    "/\u{ff0f}",
    "\u{ff0f}\u{ff0f}",
    "/\u{200b}/",
    "/\u{feff}/",
    "\u{feff}//",
    "/\0/",
    "//;@",
    "//@",
    "//user@",
    "//user:pw@",
    "//localhost:7999@",
    "//localhost:7999\\@",
    "//localhost%3a7999@",
    "///localhost:7999@",
];

const SCHEMES: &[&str] = &[
    "http:",
    "https:",
    "HtTpS:",
    "hTTp:",
    "https:\t",
    "ht\ttps:",
    "https\n:",
    " https:",
    "\u{1}https:",
    "javascript:",
    "JaVaScRiPt:",
    "java\tscript:",
    "data:text/html,",
    "vbscript:",
    "file:",
    "ftp:",
    "ws:",
    "blob:https:",
    "view-source:https:",
    "feed:https:",
    "intent:",
    "about:",
    "mailto:",
];

/// Ways to make an allowed origin the beginning, end or part of another one.
const DISGUISES: &[&str] = &[
    "APP@evil.example/",
    "APP:80@evil.example/",
    "APP.evil.example/",
    "APP%2eevil.example/",
    "APP\\@evil.example/",
    "APP\\.evil.example",
    "APP%5c@evil.example/",
    "APP%00.evil.example/",
    "APP\u{3002}evil.example/",
    "APP\u{ff0e}evil.example/",
    "APP\t.evil.example/",
    "APP;.evil.example",
    "APP%40evil.example",
    "APP0/",
    "APP%20.evil.example/",
    "APP\r\nLocation: https://evil.example",
    "https://evil.example/APP",
    "https://evil.example?APP",
    "https://evil.example#APP",
    "https://evil.example\\APP",
    "https://evil.example/?to=APP",
    "https://APP@evil.example/",
    "http://localhost:7998/",
    "https://localhost:7999/",
    "http://localhost/",
    "http://localhost:79990/",
    "http://127.0.0.1:7999/",
    "http://LOCALHOST.:7999/",
    "http://localhost:7999:80/",
    "http://x.localhost:7999/",
    "http://l\u{43e}calhost:7999/",
    "http:/localhost:7999/",
    "http:localhost:7999/",
    "//localhost:7999/",
    "APP//evil.example",
    "APP/%2fevil.example",
    "APP/\\evil.example",
    "APP/..//evil.example",
    "APP/%0d%0aX-Injected: 1",
    "APP/%00",
    "/cloakroom/../..//evil.example",
    "/cloakroom/login?to=x\r\nX-Injected: 1",
    "/%0d%0aX-Injected:1",
    "/%E2%80%AE//evil.example\u{202e}",
    "/a\u{e9}",
    "/a b",
];

/// Addresses that a sign-in must not lead to, by rules.
fn shapes() -> Vec<String> {
    let mut shapes = Vec::new();
    for slashes in SLASHES {
        for host in EVIL {
            shapes.push(format!("{slashes}{host}"));
        }
        for scheme in SCHEMES {
            shapes.push(format!("{scheme}{slashes}evil.example/x"));
        }
        shapes.push(format!("{slashes}evil.example/{APP}"));
        shapes.push(format!("{slashes}evil.example#{APP}"));
    }
    shapes.extend(SCHEMES.iter().map(|scheme| format!("{scheme}alert(1)")));
    shapes.extend(DISGUISES.iter().map(|shape| shape.replace("APP", APP)));
    shapes.push(format!("//evil.example/{}", "x".repeat(3_000)));
    shapes.push(format!("/{}", "/".repeat(2_000)));
    shapes
}

/// Where a browser on our page goes that is told so, and whether that is ours.
fn is_ours(from: &str, to: &str) -> bool {
    let base = Url::parse(from).expect("our own address");
    let Ok(reached) = base.join(to) else { return true };
    let origin = reached.origin();
    origin == base.origin() || origin == Url::parse(APP).expect("an origin").origin()
}

#[test]
fn of_a_thousand_shapes_none_leads_away() {
    let shapes = shapes();
    assert!(shapes.len() > 1_000, "{}", shapes.len());
    let ours = "http://localhost:7070";
    let origins = [ours, APP].map(|origin| Origin::parse(origin).expect("an origin"));
    let returns = Returns::new(origins.to_vec());
    let page = format!("{ours}/cloakroom/login");
    let led_away = shapes.iter().filter(|shape| !is_ours(&page, shape)).count();
    assert!(led_away > 500, "a browser would follow {led_away} of them");
    for shape in &shapes {
        let Some(to) = returns.accept(shape) else { continue };
        assert!(is_ours(&page, to), "{shape:?}");
        // Nor may a hop in between that decodes once read it otherwise.
        let decoded = percent_decoded(to);
        assert!(is_ours(&page, &decoded), "{shape:?} decoded");
        assert!(!decoded.bytes().any(|byte| byte < 0x20), "{shape:?} decoded");
    }
}

fn percent_decoded(text: &str) -> String {
    let (path, _) = text.split_at(text.find(['?', '#']).unwrap_or(text.len()));
    let form = format!("x={}", path.replace('+', "%2B").replace('&', "%26"));
    let mut pairs = form_urlencoded::parse(form.as_bytes());
    pairs.next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// What an answer that leads somewhere must be.
#[track_caller]
fn check(answer: &Response, page: &str, shape: &str) {
    assert_eq!(answer.status, 303, "{shape:?}: {answer:?}");
    let to = answer.headers("Location");
    assert!(to.len() == 1 && is_ours(page, &to[0]), "{shape:?}: {answer:?}");
    assert!(answer.header("X-Injected").is_none(), "{shape:?}: {answer:?}");
    assert!(!to[0].contains("X-Injected"), "{shape:?}: {answer:?}");
}

#[test]
fn no_page_leads_away_before_or_after_the_sign_in() {
    let (site, _) = Site::with_admin(RECORDS);
    let mut ada = site.browser_of(ADMIN);
    let page = format!("{}/cloakroom/login", site.server.url());
    for (at, shape) in shapes().iter().enumerate() {
        // Every one where nothing is computed, some where a password is checked.
        let query = escape(shape);
        for app in ["", "app=records&"] {
            let answer = ada.get(&format!("/cloakroom/login?{app}to={query}"));
            check(&answer, &page, shape);
        }
        if at % 150 == 0 {
            let answer =
                ada.post_form("/cloakroom/confirm", &[("password", PASSWORD), ("to", shape)]);
            check(&answer, &page, shape);
            let fields =
                [("name", ADMIN), ("password", PASSWORD), ("app", "records"), ("to", shape)];
            let mut browser = site.server.client();
            let answer = browser.post_form("/cloakroom/login", &fields);
            check(&answer, &page, shape);
            let answer = browser.follow(&answer);
            check(&answer, &page, shape);
        }
    }
}

#[test]
fn an_address_that_is_asked_for_twice_leads_nowhere_else() {
    let (site, _) = Site::with_admin(RECORDS);
    let mut ada = site.browser_of(ADMIN);
    for query in [
        "to=%2Fcloakroom%2Fadmin&to=https%3A%2F%2Fevil.example",
        "to=https%3A%2F%2Fevil.example&to=%2Fcloakroom%2Fadmin",
        "to[]=https%3A%2F%2Fevil.example",
        "to=%252F%252Fevil.example",
        "to=%2F&next=https%3A%2F%2Fevil.example&url=https%3A%2F%2Fevil.example",
        "to=%ff%2F%2Fevil.example",
        "to=%2F%2F%ff",
        "TO=https%3A%2F%2Fevil.example",
    ] {
        let answer = ada.get(&format!("/cloakroom/login?{query}"));
        assert!([303, 400].contains(&answer.status), "{query}: {answer:?}");
        let to = answer.header("Location").unwrap_or_default();
        assert!(!to.contains("evil"), "{query}: {answer:?}");
    }
}
