//! Cookies as attackers, neighbours and broken clients send them.

use cloakroom_testkit::servers::http::Request;
use cloakroom_testkit::servers::{Client, http::Response};

use crate::support::{COOKIE, PASSWORD, Site, is_signed_in, session_of, token_bytes};
use crate::wire::check_unharmed;

/// What a request with such cookies is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    /// Signed in as ada.
    Ada,
    /// A visitor's: led to the sign-in page.
    Nobody,
    /// Refused: it cannot be told whose it is.
    Refused,
}
use Is::{Ada, Nobody, Refused};

/// `Cookie` headers, with `ADA`, `BOB` and `FORGED` for tokens and `OURS` for the cookie's name.
const CASES: &[(&[&str], Is)] = &[
    // The same session twice, in one header and in two.
    (&["OURS=ADA; OURS=ADA"], Ada),
    (&["OURS=ADA", "OURS=ADA"], Ada),
    // Valid and worthless, in both orders.
    (&["OURS=ADA; OURS=garbage"], Ada),
    (&["OURS=garbage; OURS=ADA"], Ada),
    (&["OURS=ADA; OURS=FORGED"], Ada),
    (&["OURS=FORGED; OURS=ADA"], Ada),
    (&["OURS=ADA; OURS="], Ada),
    (&["OURS=; OURS=ADA"], Ada),
    (&["OURS=garbage", "OURS=ADA"], Ada),
    // Two sessions, in both orders.
    (&["OURS=ADA; OURS=BOB"], Refused),
    (&["OURS=BOB; OURS=ADA"], Refused),
    (&["OURS=BOB", "OURS=ADA"], Refused),
    (&["OURS=ADA; OURS=garbage; OURS=BOB"], Refused),
    // As many as are looked at, and more.
    (&["OURS=a; OURS=b; OURS=c; OURS=ADA"], Ada),
    (&["OURS=a; OURS=b; OURS=c; OURS=d; OURS=ADA"], Refused),
    (&["OURS=ADA; OURS=a; OURS=b; OURS=c; OURS=d"], Refused),
    (&["OURS=FORGED"], Nobody),
    // Names that are not exactly ours.
    (&["__host-cloakroom=ADA"], Nobody),
    (&["__HOST-CLOAKROOM=ADA"], Nobody),
    (&["__Host-Cloakroom=ADA"], Nobody),
    (&["__Secure-cloakroom=ADA"], Nobody),
    (&["Host-cloakroom=ADA"], Nobody),
    (&["cloakroom=ADA"], Nobody),
    (&["___Host-cloakroom=ADA"], Nobody),
    (&["__Host-cloakroom2=ADA"], Nobody),
    (&["__Host-cloakroo=ADA"], Nobody),
    (&["__Host-cloakroom[0]=ADA"], Nobody),
    (&["__Host-cloakroom.x=ADA"], Nobody),
    (&["__Host%2Dcloakroom=ADA"], Nobody),
    (&["__Host-cloakroom%00=ADA"], Nobody),
    (&["\u{a0}OURS=ADA"], Nobody),
    (&["\u{2000}OURS=ADA"], Nobody),
    (&["\u{feff}OURS=ADA"], Nobody),
    (&["\u{3000}OURS=ADA"], Nobody),
    (&["OURS\u{a0}=ADA"], Nobody),
    (&["OURS\u{2000}=ADA"], Nobody),
    (&["__H\u{43e}st-cloakroom=ADA"], Nobody),
    (&["OURS =ADA"], Nobody),
    // Nameless cookies, and old and foreign grammars.
    (&["=OURS=ADA"], Nobody),
    (&["x=OURS=ADA"], Nobody),
    (&["OURS==ADA"], Nobody),
    (&["OURS ADA"], Nobody),
    (&["OURS:ADA"], Nobody),
    (&["OURS"], Nobody),
    (&["a=b, OURS=ADA"], Nobody),
    (&["a=\"b; OURS=ADA"], Ada),
    (&["a=\"b; OURS=ADA; c=d\""], Ada),
    (&["$Version=1; $OURS=ADA; $Path=/"], Nobody),
    (&["$Version=1; OURS=ADA; $Path=/"], Ada),
    (&["OURS=\"ADA\""], Ada),
    (&["OURS='ADA'"], Nobody),
    (&["OURS=ADAx"], Nobody),
    (&["OURS=ADA%20"], Nobody),
    (&["OURS=ADA,BOB"], Nobody),
    // Spaces where the grammar has them.
    (&["OURS=ADA ;a=b"], Ada),
    (&["a=b;OURS=ADA"], Ada),
    (&["a=b;  \t OURS=ADA"], Ada),
    (&[";;;OURS=ADA;;;"], Ada),
    // Strangers' cookies beside ours.
    (&["a=\u{1F36A}; OURS=ADA"], Ada),
    (&["a={\"b\":[1,2]}; OURS=ADA"], Ada),
    (&["a=b", "c=d", "OURS=ADA", "e=f"], Ada),
    // No cookie at all.
    (&[""], Nobody),
    (&["="], Nobody),
    (&[";"], Nobody),
];

/// A token of the right form with another secret.
fn forged(token: &str) -> String {
    let last = if token.ends_with('A') { "B" } else { "A" };
    format!("{}{last}", &token[..token.len() - 1])
}

fn asked(browser: &mut Client, cookies: &[Vec<u8>]) -> Response {
    let request = Request::get("/cloakroom/account").header("Accept", "text/html");
    browser.send(cookies.iter().fold(request, |request, it| request.header("Cookie", it)))
}

#[track_caller]
fn check(answer: &Response, expected: Is, case: &str) {
    let led_to = answer.header("Location").unwrap_or_default();
    let is = match answer.status {
        200 if answer.text().contains("Ada Lovelace") => Ada,
        303 if led_to.starts_with("/cloakroom/login?") => Nobody,
        400 => Refused,
        _ => panic!("{case}: {answer:?}"),
    };
    assert_eq!(is, expected, "{case}: {answer:?}");
    assert!(answer.headers("Set-Cookie").is_empty(), "{case}: {answer:?}");
}

#[test]
fn cookies_are_ours_by_their_exact_name_and_one_session_at_most() {
    let (site, mut ada) = Site::with_people("", &["bob"]);
    let bob = site.browser_of("bob");
    let token = |browser: &Client| browser.cookie(COOKIE).expect("a cookie").to_owned();
    let (of_ada, of_bob) = (token(&ada), token(&bob));
    let mut client = site.server.client();
    for (cookies, expected) in CASES {
        let filled = cookies.iter().map(|it| {
            let named = it.replace("OURS", COOKIE).replace("FORGED", &forged(&of_ada));
            named.replace("ADA", &of_ada).replace("BOB", &of_bob).into_bytes()
        });
        let answer = asked(&mut client, &filled.collect::<Vec<_>>());
        check(&answer, *expected, &format!("{cookies:?}"));
    }
    check_unharmed(&site, &mut ada, "odd cookies");
    assert!(is_signed_in(&mut bob.clone()));
}

#[test]
fn bytes_that_are_no_text_hide_no_cookie_and_make_none() {
    let (site, mut ada) = Site::with_admin("");
    let own = format!("{COOKIE}={}", ada.cookie(COOKIE).expect("a cookie"));
    let mut client = site.server.client();
    for byte in (0x80..=0xff).chain([0x01, 0x7f]) {
        let beside = [&[byte, b'=', byte, b';', b' '], own.as_bytes(), &[b';', byte]].concat();
        let before = [&[byte], own.as_bytes()].concat();
        let after = [own.as_bytes(), &[byte]].concat();
        for (cookie, expected) in [(beside, Ada), (before, Nobody), (after, Nobody)] {
            let case = format!("{cookie:?}");
            let answer = asked(&mut client, std::slice::from_ref(&cookie));
            // Control characters are no header value at all (RFC 9110 section 5.5).
            if byte >= 0x80 || answer.status != 400 {
                check(&answer, expected, &case);
            }
        }
    }
    check_unharmed(&site, &mut ada, "cookies that are no text");
}

#[test]
fn very_many_cookies_of_strangers_keep_nobody_out() {
    let (site, mut ada) = Site::with_admin("");
    let own = format!("{COOKIE}={}", ada.cookie(COOKIE).expect("a cookie"));
    let strangers: String = (0..1_000).map(|at| format!("stranger{at}=value{at}; ")).collect();
    let long = format!("a={}; ", "x".repeat(24 * 1024));
    let separate: Vec<Vec<u8>> = (0..80).map(|at| format!("a{at}=b").into_bytes()).collect();
    let mut client = site.server.client();
    for cookies in [
        vec![format!("{strangers}{own}").into_bytes()],
        vec![format!("{own}; {strangers}").into_bytes()],
        vec![format!("{long}{own}").into_bytes()],
        vec![format!("{}{own}", "; ".repeat(10_000)).into_bytes()],
        [separate, vec![own.clone().into_bytes()]].concat(),
    ] {
        check(&asked(&mut client, &cookies), Ada, "many cookies");
    }
    // Ours among them many times is not one of a stranger.
    let ours: String = (0..1_000).map(|at| format!("{COOKIE}=value{at}; ")).collect();
    check(&asked(&mut client, &[format!("{ours}{own}").into_bytes()]), Refused, "many of ours");
    check_unharmed(&site, &mut ada, "many cookies");
}

#[test]
fn a_credential_works_in_its_cookie_and_in_no_other_place() {
    let (site, mut ada) = Site::with_admin("");
    let token = ada.cookie(COOKIE).expect("a cookie").to_owned();
    let own = format!("{COOKIE}={token}");
    let mut client = site.server.client();
    for path in [
        format!("?{own}"),
        format!(";{own}"),
        format!("?session={token}&sid={token}&token={token}&access_token={token}"),
        format!("?id={}", session_of(&ada)),
    ] {
        let request =
            Request::get(&format!("/cloakroom/account{path}")).header("Accept", "text/html");
        let answer = client.send(request);
        assert!([303, 404].contains(&answer.status), "{path}: {answer:?}");
        assert!(answer.headers("Set-Cookie").is_empty());
    }
    for (name, value) in [
        ("Cookie2", own.clone()),
        ("X-Cookie", own.clone()),
        ("Set-Cookie", own.clone()),
        (COOKIE, token.clone()),
        ("X-Session-Token", token.clone()),
        ("X-Auth-Token", token.clone()),
        ("Authorization", token.clone()),
        ("Authorization", format!("Cookie {own}")),
        ("Authorization", format!("Basic {token}")),
        ("Cookie", format!("{COOKIE}={}", session_of(&ada))),
    ] {
        let request = Request::get("/cloakroom/account").header("Accept", "text/html");
        check(&client.send(request.header(name, &value)), Nobody, name);
    }
    check_unharmed(&site, &mut ada, "credentials elsewhere");
}

#[test]
fn an_id_that_was_planted_anywhere_is_never_the_one_of_a_login() {
    let (site, ada) = Site::with_people("", &["bob"]);
    let planted = ada.cookie(COOKIE).expect("a cookie").to_owned();
    let ended = {
        let mut browser = site.browser_of("bob");
        let token = browser.cookie(COOKIE).expect("a cookie").to_owned();
        browser.post_form("/cloakroom/logout", &[]);
        token
    };
    for planted in [forged(&planted), ended, "chosen-by-somebody-else".to_owned()] {
        let mut victim = site.server.client();
        victim.set_cookie(COOKIE, &planted);
        let path = format!("/cloakroom/login?{COOKIE}={planted}&session={planted}");
        let fields =
            [("name", "bob"), ("password", PASSWORD), (COOKIE, &planted), ("id", &planted)];
        assert_eq!(victim.post_form(&path, &fields).status, 303);
        let fresh = victim.cookie(COOKIE).expect("a cookie").to_owned();
        assert_ne!(fresh, planted);
        // Neither is any part of it that names a session taken over.
        if planted.starts_with("clk_") {
            assert_ne!(token_bytes(&fresh)[1..17], token_bytes(&planted)[1..17]);
        }
        let mut attacker = site.server.client();
        attacker.set_cookie(COOKIE, &planted);
        assert!(!is_signed_in(&mut attacker), "{planted}");
    }
}
