use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderValue};

/// Credentials collected per request: one more than is ever looked at, so that too many show.
const MOST_COLLECTED: usize = 5;
/// Longest credential that can be ours; longer ones are not even copied.
const MOST_BYTES: usize = 4_096;

/// The credentials that a request carries.
#[derive(Default)]
pub(crate) struct Credentials {
    pub(crate) values: Vec<String>,
    /// Whether a cookie brought one: only then can a renewed one be given back.
    pub(crate) by_cookie: bool,
    /// The bearer token, which no answer can replace.
    pub(crate) bearer: Option<String>,
}

/// Reads all cookies of exactly this name (law 7), and a bearer token (RFC 6750 section 2.1).
pub(crate) fn credentials(headers: &HeaderMap, cookie_name: &str) -> Credentials {
    let mut found = Credentials::default();
    for header in headers.get_all(COOKIE) {
        for value in cookies(header.as_bytes(), cookie_name.as_bytes()) {
            found.by_cookie = true;
            found.add(value);
        }
    }
    for header in headers.get_all(AUTHORIZATION) {
        if let Some(value) = bearer(header) {
            found.bearer = std::str::from_utf8(value).ok().map(str::to_owned);
            found.add(value);
        }
    }
    found
}

impl Credentials {
    fn add(&mut self, value: &[u8]) {
        // Bytes that are no text, or too many, cannot be ours; they still count as a candidate.
        let text = std::str::from_utf8(value).ok().filter(|text| text.len() <= MOST_BYTES);
        let text = text.unwrap_or_default();
        if self.values.len() < MOST_COLLECTED && !self.values.iter().any(|known| known == text) {
            self.values.push(text.to_owned());
        }
    }
}

fn cookies<'a>(header: &'a [u8], name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    header.split(|byte| *byte == b';').filter_map(move |pair| {
        let value = trim(pair).strip_prefix(name)?.strip_prefix(b"=")?;
        Some(unquote(value))
    })
}

/// Only space and tab: trimming more would let other names pass for ours.
fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

fn unquote(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value)
}

fn bearer(header: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = header.as_bytes().split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cookie_headers: &[&[u8]]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for header in cookie_headers {
            headers.append(COOKIE, HeaderValue::from_bytes(header).unwrap());
        }
        credentials(&headers, "__Host-s").values
    }

    #[test]
    fn cookies_are_found_in_any_place_and_header_under_exactly_their_name() {
        assert_eq!(read(&[b"a=1; __Host-s=x; b=2"]), ["x"]);
        assert_eq!(read(&[b"a=1", b"__Host-s=\"x\""]), ["x"]);
        assert_eq!(read(&[b"__Host-s=x; __Host-s=y"]), ["x", "y"]);
        for other in [
            &b"__host-s=x"[..],
            b"__Host-s2=x",
            b"a__Host-s=x",
            b"__Host-s =x",
            b"\xc2\xa0__Host-s=x",
            b"__Host-s",
            b"=__Host-s=x",
            b"$Version=1,__Host-s=x",
        ] {
            assert!(read(&[other]).is_empty(), "{other:?}");
        }
    }

    #[test]
    fn strangers_and_bytes_that_are_no_text_do_not_hide_ours() {
        assert_eq!(read(&[b"x=\xff\xfe; __Host-s=ours"]), ["ours"]);
        assert_eq!(read(&[b"__Host-s=\xff"]), [""]);
    }

    #[test]
    fn no_more_than_five_are_collected() {
        let many = (0..1000).map(|n| format!("__Host-s={n};")).collect::<String>();
        assert_eq!(read(&[many.as_bytes()]).len(), 5);
    }

    #[test]
    fn a_bearer_token_needs_exactly_its_scheme() {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_static("bearer abc"));
        assert_eq!(credentials(&headers, "s").values, ["abc"]);
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Basic abc"));
        assert!(credentials(&headers, "s").values.is_empty());
    }
}
