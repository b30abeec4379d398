//! Where a login may return to. Everything that is not plainly one of our own places is refused,
//! so that nobody can use the sign-in page to send people elsewhere.

use form_urlencoded::byte_serialize;

use crate::config::{Config, Origin, origin_of};

/// Longest address that is returned to, in bytes.
const MOST_BYTES: usize = 4096;
/// Its longest form in the address of the sign-in page, which proxies take no longer than 8 KiB.
const MOST_ESCAPED: usize = 6 * 1024;

/// The origins a login may return to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Returns {
    origins: Vec<Origin>,
}

impl Returns {
    /// Allows exactly these origins, and paths on the host that is asked.
    pub const fn new(origins: Vec<Origin>) -> Self {
        Self { origins }
    }

    /// Allows the public URL and every application's origin.
    pub fn of(config: &Config) -> Self {
        let apps = config.apps.values().map(|app| app.origin.clone());
        Self::new(std::iter::once(config.server.public_url.clone()).chain(apps).collect())
    }

    /// Gives back `to`, byte for byte, when a login may return there:
    ///
    /// - a path with exactly one leading slash, or
    /// - an absolute http or https address whose origin is one of the allowed ones.
    ///
    /// Either way it is visible ASCII without backslash, as browsers ask for addresses, and its
    /// path has no dot segments and no encoded control characters or backslashes.
    pub fn accept<'a>(&self, to: &'a str) -> Option<&'a str> {
        let visible = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
        if to.is_empty() || to.len() > MOST_BYTES || !to.bytes().all(visible) {
            return None;
        }
        if byte_serialize(to.as_bytes()).map(str::len).sum::<usize>() > MOST_ESCAPED {
            return None;
        }
        let path = if to.starts_with('/') { to } else { self.path_of_allowed(to)? };
        is_plain(path).then_some(to)
    }

    /// What follows the authority of an address on an allowed origin.
    fn path_of_allowed<'a>(&self, to: &'a str) -> Option<&'a str> {
        let origin = origin_of(to)?;
        let (_, rest) = to.split_once("://")?;
        let path = rest.find(['/', '?', '#']).map_or("", |start| &rest[start..]);
        self.origins.contains(&origin).then_some(path)
    }
}

/// Whether no browser, proxy or application could take this path for another host or another path.
fn is_plain(address: &str) -> bool {
    let end = address.find(['?', '#']).unwrap_or(address.len());
    let path = address[..end].to_ascii_lowercase();
    let doubled = ["//", "/%2f"].iter().any(|start| path.starts_with(start));
    !doubled && !hides_control(&path) && !path.split('/').any(is_dots)
}

fn hides_control(path: &str) -> bool {
    path.split('%').skip(1).any(|code| match code.as_bytes() {
        [b'0' | b'1', _, ..] => true,
        [b'7', b'f', ..] | [b'5', b'c', ..] => true,
        [first, second, ..] => !(first.is_ascii_hexdigit() && second.is_ascii_hexdigit()),
        _ => true,
    })
}

fn is_dots(segment: &str) -> bool {
    matches!(segment.replace("%2e", ".").as_str(), "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn returns() -> Returns {
        let origins =
            ["https://good.example", "https://files.good.example:8443", "http://localhost:7070"];
        Returns::new(origins.iter().map(|origin| Origin::parse(origin).unwrap()).collect())
    }

    #[test]
    fn our_own_addresses_are_returned_to_exactly_as_asked() {
        for to in [
            "/",
            "/records",
            "/records?q=a%20b&next=//evil.example",
            "/records?note=line%0D%0Aline%5C",
            "/records?pattern={a}|[b]^`<c>\"'",
            "/a//b",
            "/a%2Fb/%E2%82%AC",
            "/.well-known/x",
            "/...",
            "/file.txt",
            "/@user",
            "/a:b@c",
            "/#part",
            "/?",
            "https://good.example",
            "https://good.example/",
            "https://good.example?x=1",
            "https://good.example#x",
            "HTTPS://GOOD.example:443/Records?x=1#y",
            "https://files.good.example:8443/a/b?c=d",
            "http://localhost:7070/cloakroom/account",
            "https://good.example/users/@me?mail=a@b",
        ] {
            assert_eq!(returns().accept(to), Some(to), "{to:?}");
        }
    }

    #[test]
    fn every_way_to_leave_is_refused() {
        for to in [
            // Nothing, and relative to the page.
            "",
            " ",
            "records",
            "./records",
            "../records",
            "?x",
            "#x",
            "evil.example",
            "@evil.example",
            // Another host without a scheme.
            "//evil.example",
            "///evil.example",
            "////evil.example/%2f..",
            "//good.example@evil.example",
            "//",
            "//good.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "/\r\n/evil.example",
            " //evil.example",
            "\t//evil.example",
            "/ /evil.example",
            // Backslashes that browsers turn round.
            "/\\evil.example",
            "\\\\evil.example",
            "\\/evil.example",
            "/a\\b",
            "/\\/\\evil.example",
            "https:\\\\evil.example",
            "https://good.example\\@evil.example",
            "https://good.example\\.evil.example",
            "https://evil.example\\good.example",
            // Encoded slashes, backslashes and lines that a later hop may decode.
            "/%2fevil.example",
            "/%2F%2Fevil.example",
            "/%5cevil.example",
            "/%5C%5Cevil.example",
            "/a%5c..%5cb",
            "/%09/evil.example",
            "/%0d%0aLocation:%20https://evil.example",
            "/a%0d%0aSet-Cookie:x=1",
            "/%00",
            "/a%7f",
            "/a%",
            "/a%2",
            "/a%zz",
            "https://good.example/%0d%0aX:y",
            "https://good.example//evil.example",
            "https://good.example/%2fevil.example",
            // Dot segments that leave a doubled slash or another path behind.
            "/.//evil.example",
            "/..//evil.example",
            "/a/../..//evil.example",
            "/%2e%2e//evil.example",
            "/.%2E/evil",
            "/%2e/evil",
            "/a/..",
            "https://good.example/..//evil.example",
            // Schemes that are not ours, and ours misspelt.
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "java\tscript:alert(1)",
            "javascript://good.example/%0aalert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc",
            "ftp://good.example",
            "ws://good.example",
            "blob:https://good.example/x",
            "view-source:https://good.example",
            "http:evil.example",
            "https:evil.example",
            "https:/evil.example",
            "https:///evil.example",
            "https:////evil.example",
            "https:good.example",
            "https:/good.example",
            "https://",
            "https",
            "://good.example",
            "x://good.example",
            // Another origin that looks like ours.
            "https://evil.example",
            "http://good.example",
            "https://good.example:8443",
            "https://good.example:444",
            "https://good.example.evil.example",
            "https://evilgood.example",
            "https://sub.good.example",
            "https://good.example.",
            "https://good-example",
            "https://good.examplE.evil",
            "http://localhost",
            "http://localhost:7071",
            "https://localhost:7070",
            "http://127.0.0.1:7070",
            "http://localhost.evil.example:7070",
            // User names and odd ports.
            "https://good.example@evil.example",
            "https://good.example:443@evil.example",
            "https://user@good.example",
            "https://user:pw@good.example",
            "https://@good.example",
            "https://evil.example#@good.example",
            "https://evil.example?@good.example",
            "https://evil.example/https://good.example",
            "https://good.example:",
            "https://good.example:0443",
            "https://good.example:https",
            "https://good.example%40evil.example",
            "https://good.example%2eevil.example",
            "https://good.example%00.evil.example",
            "https://good.example;evil.example",
            "https://good.example,evil.example",
            "https://[good.example]",
            "https://good.example&evil.example",
            // Other scripts: full-width slash, dot and letters, and invisible characters.
            "/\u{FF0F}evil.example",
            "\u{FF0F}\u{FF0F}evil.example",
            "https://good\u{3002}example",
            "https://good\u{FF0E}example",
            "https://g\u{043E}od.example",
            "/\u{200B}/evil.example",
            "https://good.example\u{00A0}",
            "\u{FEFF}https://good.example",
            "/caf\u{00E9}",
            "https://good.example\u{2044}evil",
            "/\u{0000}",
            "https://good.example\0.evil.example",
            "https://good.ex\nample",
            "https://good.example\r\nX: y",
            "/a b",
        ] {
            assert_eq!(returns().accept(to), None, "{to:?}");
        }
    }

    #[test]
    fn an_endless_address_is_refused() {
        let fits = format!("/{}", "x".repeat(MOST_BYTES - 1));
        assert!(returns().accept(&fits).is_some());
        assert!(returns().accept(&format!("{fits}x")).is_none());
        assert!(returns().accept(&format!("/{}", "&".repeat(3_000))).is_none());
    }

    #[test]
    fn the_configured_origins_are_allowed() {
        let returns = Returns::of(&Config::default());
        assert!(returns.accept("http://localhost:7070/x").is_some());
        assert!(returns.accept("http://localhost:7071/x").is_none());
    }
}
