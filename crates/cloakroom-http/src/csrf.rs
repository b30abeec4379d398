use http::header::{COOKIE, HOST, ORIGIN};
use http::{HeaderMap, Method, Uri};

/// A state-changing request came from another site, or did not say where from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsrfRefusal {
    /// The browser says that another site sent it.
    #[error(
        "this request came from another site; send it from a page of this one, or add that \
         site to the trusted origins"
    )]
    CrossSite,
    /// It carries cookies but neither Sec-Fetch-Site nor Origin.
    #[error(
        "this request carries cookies but does not say where it comes from; send an Origin \
         header, or a bearer token instead of cookies"
    )]
    NoOrigin,
}

/// Checks that a state-changing request was not sent by another site (OWASP CSRF cheat sheet,
/// fetch metadata with Origin as the fallback). Login and logout forms are covered, as the check
/// does not depend on a session.
///
/// GET, HEAD and OPTIONS always pass: they must not change anything. So do requests without
/// cookies that no browser sent, and bearer requests without cookies.
///
/// # Errors
/// [`CsrfRefusal`], to be answered with 403.
pub fn check_same_origin(
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    trusted_origins: &[String],
) -> Result<(), CsrfRefusal> {
    if is_safe(method) {
        return Ok(());
    }
    let text = |name| only(headers, name);
    let origin = text(ORIGIN.as_str());
    if origin.is_some_and(|origin| is_trusted(origin, trusted_origins)) {
        return Ok(());
    }
    match (text("sec-fetch-site"), origin) {
        (Some(b"same-origin" | b"none"), _) => Ok(()),
        (Some(_), _) => Err(CsrfRefusal::CrossSite),
        (None, Some(origin)) if is_own(origin, uri, headers) => Ok(()),
        (None, Some(_)) => Err(CsrfRefusal::CrossSite),
        (None, None) if headers.contains_key(COOKIE) => Err(CsrfRefusal::NoOrigin),
        (None, None) => Ok(()),
    }
}

/// The value of a header; that of one that came twice is no origin and no site.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    Some(if values.next().is_some() { b"" } else { first.as_bytes() })
}

/// Whether a method promises to change nothing (RFC 9110 section 9.2.1).
pub(crate) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn is_trusted(origin: &[u8], trusted: &[String]) -> bool {
    trusted.iter().any(|known| known.as_bytes() == origin)
}

/// Same host and port as the request, over https; plain http only on this machine, as the
/// session cookie is never sent elsewhere without TLS.
fn is_own(origin: &[u8], uri: &Uri, headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).map(|host| host.as_bytes());
    let Some(host) = host.or_else(|| uri.authority().map(|own| own.as_str().as_bytes())) else {
        return false;
    };
    let Some(own) = origin.strip_prefix(b"https://") else {
        let own = origin.strip_prefix(b"http://");
        return own.is_some_and(|own| own.eq_ignore_ascii_case(host) && is_loopback(own));
    };
    own.eq_ignore_ascii_case(host)
}

fn is_loopback(host: &[u8]) -> bool {
    let name = match host.iter().rposition(|byte| *byte == b':') {
        Some(colon) if host[colon + 1..].iter().all(u8::is_ascii_digit) => &host[..colon],
        _ => host,
    };
    name == b"localhost" || name == b"127.0.0.1" || name == b"[::1]"
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn check(method: &Method, headers: &[(&str, &str)]) -> Result<(), CsrfRefusal> {
        let pairs = headers.iter().map(|(name, value)| {
            (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap())
        });
        let trusted = ["https://admin.example.org".to_owned()];
        check_same_origin(method, &Uri::from_static("/"), &pairs.collect(), &trusted)
    }

    #[test]
    fn browsers_of_this_origin_pass_and_of_others_do_not() {
        for site in ["same-origin", "none"] {
            assert!(check(&Method::POST, &[("sec-fetch-site", site)]).is_ok());
        }
        for site in ["cross-site", "same-site", "Same-Origin", ""] {
            let refused = check(&Method::POST, &[("sec-fetch-site", site)]);
            assert_eq!(refused, Err(CsrfRefusal::CrossSite), "{site}");
        }
    }

    #[test]
    fn without_fetch_metadata_the_origin_must_be_this_host_over_tls() {
        let host = ("host", "example.org");
        assert!(check(&Method::POST, &[host, ("origin", "https://example.org")]).is_ok());
        let local = [("host", "localhost:7070"), ("origin", "http://localhost:7070")];
        assert!(check(&Method::POST, &local).is_ok());
        for origin in [
            "http://example.org",
            "https://example.org:8443",
            "https://evil.example.org",
            "https://example.org.evil",
            "null",
            "",
        ] {
            assert!(check(&Method::POST, &[host, ("origin", origin)]).is_err(), "{origin}");
        }
    }

    #[test]
    fn what_is_said_twice_is_not_believed() {
        let twice = [("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")];
        assert_eq!(check(&Method::POST, &twice), Err(CsrfRefusal::CrossSite));
        let own = ("origin", "https://admin.example.org");
        assert!(check(&Method::POST, &[own, ("origin", "https://evil.example")]).is_err());
        assert!(check(&Method::POST, &[own, own]).is_err());
    }

    #[test]
    fn a_trusted_origin_passes_even_across_sites() {
        let admin = [("sec-fetch-site", "cross-site"), ("origin", "https://admin.example.org")];
        assert!(check(&Method::DELETE, &admin).is_ok());
    }

    #[test]
    fn a_request_that_does_not_say_where_from_passes_only_without_cookies() {
        assert!(check(&Method::POST, &[]).is_ok());
        assert!(check(&Method::POST, &[("authorization", "Bearer x")]).is_ok());
        assert_eq!(check(&Method::POST, &[("cookie", "a=b")]), Err(CsrfRefusal::NoOrigin));
        assert!(
            check(&Method::GET, &[("cookie", "a=b"), ("sec-fetch-site", "cross-site")]).is_ok()
        );
    }
}
