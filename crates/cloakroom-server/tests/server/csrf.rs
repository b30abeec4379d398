//! Forms of other sites change nothing.

use cloakroom_testkit::servers::Client;
use cloakroom_testkit::servers::http::{Request, Response};

use crate::posts;
use crate::support::{ADMIN, COOKIE, PASSWORD, Site, is_signed_in};

/// What another site, or an old browser there, sends along. `PORT` is the server's own.
const FOREIGN: &[&[(&str, &str)]] = &[
    &[("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example")],
    &[("Sec-Fetch-Site", "cross-site")],
    &[("Sec-Fetch-Site", "same-site"), ("Origin", "http://localhost:1")],
    &[("Sec-Fetch-Site", "same-site")],
    // The metadata outweigh an origin that is right.
    &[("Sec-Fetch-Site", "cross-site"), ("Origin", "http://localhost:PORT")],
    &[("Sec-Fetch-Site", "same-site"), ("Origin", "http://localhost:PORT")],
    // Values that no browser sends.
    &[("Sec-Fetch-Site", "")],
    &[("Sec-Fetch-Site", "Same-Origin")],
    &[("Sec-Fetch-Site", "same-origin, cross-site")],
    &[("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "cross-site")],
    &[("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-origin")],
    // Other origins, by host, port and scheme.
    &[("Origin", "https://evil.example")],
    &[("Origin", "null")],
    &[("Origin", "")],
    &[("Origin", "http://localhost")],
    &[("Origin", "http://localhost:1")],
    &[("Origin", "http://127.0.0.1:PORT")],
    &[("Origin", "http://evil.localhost:PORT")],
    &[("Origin", "http://localhost.evil.example:PORT")],
    &[("Origin", "http://localhost:PORT.evil.example")],
    &[("Origin", "http://localhost:PORT@evil.example")],
    &[("Origin", "http://evil.example@localhost:PORT")],
    &[("Origin", "http://localhost:PORT/")],
    &[("Origin", "ftp://localhost:PORT")],
    &[("Origin", "chrome-extension://localhost:PORT")],
    &[("Origin", "localhost:PORT")],
    &[("Origin", "http://localhost:PORT, https://evil.example")],
    &[("Origin", "http://localhost:PORT"), ("Origin", "https://evil.example")],
    // A referrer is not asked, nor is a custom header.
    &[("Referer", "http://localhost:PORT/cloakroom/account")],
    &[("X-Requested-With", "XMLHttpRequest")],
    // Nothing at all, with a cookie.
    &[],
];

fn send(
    browser: &mut Client,
    path: &str,
    form: &[(&str, &str)],
    from: &[(&str, &str)],
) -> Response {
    let port = browser.origin().rsplit(':').next().unwrap_or_default().to_owned();
    let request = Request::post_form(path, form);
    browser.send(
        from.iter().fold(request, |request, (name, value)| {
            request.header(name, value.replace("PORT", &port))
        }),
    )
}

#[test]
fn no_form_of_another_site_changes_anything() {
    let (site, mut ada) = Site::with_people("", &["bob"]);
    let bob = site.browser_of("bob");
    let before = posts::everything(&site);
    for post in posts::all(&site, &bob) {
        for from in FOREIGN {
            let answer = send(&mut ada, &post.path, post.form, from);
            assert_eq!(answer.status, 403, "{} from {from:?}: {answer:?}", post.path);
            assert!(answer.headers("Set-Cookie").is_empty(), "{} from {from:?}", post.path);
        }
        let answer = send(&mut ada, &post.path, post.form, FOREIGN[0]);
        assert!(answer.text().contains("We stopped a form from another site"), "{answer:?}");
    }
    assert_eq!(posts::everything(&site), before);
    assert!(is_signed_in(&mut ada) && is_signed_in(&mut bob.clone()));
}

#[test]
fn nobody_is_signed_in_by_a_form_of_another_site() {
    let (site, _) = Site::with_admin("");
    for from in &FOREIGN[..FOREIGN.len() - 3] {
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
