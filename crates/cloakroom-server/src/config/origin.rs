use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The scheme of a web address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// In clear text.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// Its name in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that is meant when none is written.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Scheme, host and port in one normal form, so that equality is "same origin".
///
/// The reading is stricter than a browser's: whatever a browser would have to repair is refused, so
/// that both always mean the same host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    scheme: Scheme,
    host: String,
    port: u16,
}

/// Why a text is not an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OriginError {
    /// Neither `http://` nor `https://`.
    #[error("it must begin with https:// or http://")]
    Scheme,
    /// Something follows host and port.
    #[error("an origin ends after host and port, without a slash, path or query")]
    Path,
    /// The host is empty or malformed, or carries a user name or a wrong port.
    #[error("its host or port is not valid (no user name; other scripts in their xn-- form)")]
    Authority,
    /// Clear text to another machine.
    #[error("http is allowed on localhost only, because the cookie is Secure; use https")]
    Clear,
}

impl Origin {
    /// Reads exactly an origin: scheme, host, optional port and nothing after it.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        let (scheme, rest) = split_scheme(text).ok_or(OriginError::Scheme)?;
        if rest.contains(['/', '?', '#', '\\']) {
            return Err(OriginError::Path);
        }
        Self::from_authority(scheme, rest).ok_or(OriginError::Authority)
    }

    /// Like [`Origin::parse`], and refuses http except on this machine: browsers keep Secure
    /// cookies only over TLS or on localhost.
    pub fn parse_secure(text: &str) -> Result<Self, OriginError> {
        let origin = Self::parse(text)?;
        if origin.scheme == Scheme::Http && !origin.is_local() {
            return Err(OriginError::Clear);
        }
        Ok(origin)
    }

    /// `http://localhost:port`.
    pub fn localhost(port: u16) -> Self {
        Self { scheme: Scheme::Http, host: "localhost".to_owned(), port }
    }

    /// The scheme.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host in lower case; an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, also when it is the scheme's default.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Host and port as the `Host` header has them: without a default port.
    pub fn authority(&self) -> String {
        if self.port == self.scheme.default_port() {
            return self.host.clone();
        }
        format!("{}:{}", self.host, self.port)
    }

    /// Whether the host is this machine by name or loopback address.
    pub fn is_local(&self) -> bool {
        let inner = self.host.trim_start_matches('[').trim_end_matches(']');
        self.host == "localhost"
            || self.host.ends_with(".localhost")
            || self.host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
            || inner.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback())
    }

    fn from_authority(scheme: Scheme, authority: &str) -> Option<Self> {
        let (host, port) = split_port(authority)?;
        let port = match port {
            None => scheme.default_port(),
            Some(digits) => read_port(digits)?,
        };
        Some(Self { scheme, host: read_host(host)?, port })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.scheme.as_str(), self.authority())
    }
}

/// The origin of an absolute http or https address, or `None` when a browser might read it another
/// way than we do: user name, repaired slashes, odd numbers, other scripts.
pub fn origin_of(url: &str) -> Option<Origin> {
    let (scheme, rest) = split_scheme(url)?;
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    if rest[end..].starts_with('\\') {
        return None;
    }
    Origin::from_authority(scheme, &rest[..end])
}

fn split_scheme(text: &str) -> Option<(Scheme, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    match scheme.to_ascii_lowercase().as_str() {
        "http" => Some((Scheme::Http, rest)),
        "https" => Some((Scheme::Https, rest)),
        _ => None,
    }
}

fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    if authority.starts_with('[') {
        let end = authority.find(']')? + 1;
        let rest = &authority[end..];
        let port = if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) };
        return Some((&authority[..end], port));
    }
    match authority.split_once(':') {
        Some((host, port)) => Some((host, Some(port))),
        None => Some((authority, None)),
    }
}

fn read_port(digits: &str) -> Option<u16> {
    let plain = !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok())?
}

fn read_host(host: &str) -> Option<String> {
    if let Some(inner) = host.strip_prefix('[') {
        let address: Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
        return Some(format!("[{address}]"));
    }
    let host = host.to_ascii_lowercase();
    let last = host.rsplit('.').next()?;
    let number = last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x");
    if number {
        // Browsers read any host that ends in a number as IPv4, also 0x7f.1 or 2130706433.
        return host.parse::<Ipv4Addr>().ok().map(|address| address.to_string());
    }
    let valid = host.len() <= 253 && host.split('.').all(is_label);
    valid.then_some(host)
}

fn is_label(label: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=63).contains(&label.len())
        && label.bytes().all(inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(url: &str) -> Option<String> {
        origin_of(url).map(|origin| origin.to_string())
    }

    #[test]
    fn an_origin_has_one_normal_form() {
        for (url, normal) in [
            ("https://files.example.org", "https://files.example.org"),
            ("HTTPS://Files.Example.ORG:443/a?b#c", "https://files.example.org"),
            ("http://localhost:80/", "http://localhost"),
            ("http://localhost:7070?x", "http://localhost:7070"),
            ("https://host:80", "https://host:80"),
            ("https://10.0.0.1#x", "https://10.0.0.1"),
            ("https://3server/", "https://3server"),
            ("http://[::1]:8080/x", "http://[::1]:8080"),
            ("https://[2001:DB8:0::1]", "https://[2001:db8::1]"),
            ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ] {
            assert_eq!(shown(url).as_deref(), Some(normal), "{url}");
        }
    }

    #[test]
    fn what_a_browser_would_repair_has_no_origin() {
        for url in [
            "",
            "/",
            "//host",
            "https:",
            "https://",
            "https:///host",
            "https:/host",
            "https:host",
            "https:\\\\host",
            "https://host\\@other",
            "https://user@host",
            "https://user:pw@host",
            "https://@host",
            "https://host:",
            "https://host:0",
            "https://host:080",
            "https://host:65536",
            "https://host:1:2",
            "https://host:+1",
            "https://ho st",
            "https://host.",
            "https://.host",
            "https://a..b",
            "https://-a",
            "https://a-",
            "https://h%6fst",
            "https://bücher.example",
            "https://host\u{3002}org",
            "https://127.1",
            "https://0x7f.0.0.1",
            "https://2130706433",
            "https://0177.0.0.1",
            "https://1.2.3.4.5",
            "https://[::1",
            "https://::1",
            "https://[::1]x",
            "https://[fe80::1%25eth0]",
            "https://[127.0.0.1]",
            "https://ho\tst",
            "https://host\n",
            " https://host",
            "ftp://host",
            "javascript://host/%0aalert(1)",
            "data:text/html,x",
        ] {
            assert_eq!(shown(url), None, "{url:?}");
        }
    }

    #[test]
    fn exactly_an_origin_is_read_where_one_is_configured() {
        assert!(Origin::parse("https://host:8443").is_ok());
        assert_eq!(Origin::parse("https://host/"), Err(OriginError::Path));
        assert_eq!(Origin::parse("https://host?x"), Err(OriginError::Path));
        assert_eq!(Origin::parse("host:80"), Err(OriginError::Scheme));
        assert_eq!(Origin::parse("https://a@b"), Err(OriginError::Authority));
    }

    #[test]
    fn clear_text_is_for_this_machine_only() {
        for url in [
            "http://localhost:7070",
            "http://files.localhost",
            "http://127.0.0.1:1",
            "http://127.9.9.9",
            "http://[::1]:7070",
            "https://example.org",
        ] {
            assert!(Origin::parse_secure(url).is_ok(), "{url}");
        }
        for url in [
            "http://example.org",
            "http://localhost.example.org",
            "http://notlocalhost",
            "http://10.0.0.1",
            "http://[::2]",
            "http://0.0.0.0",
        ] {
            assert_eq!(Origin::parse_secure(url), Err(OriginError::Clear), "{url}");
        }
    }
}
