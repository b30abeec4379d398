use std::fmt::Write as _;
use std::time::Duration;

use cloakroom_core::SessionToken;
use http::HeaderValue;

/// Longest Max-Age that user agents keep (RFC 6265bis section 5.5).
const MOST_AGE: Duration = Duration::from_secs(400 * 86_400);

/// How the session cookie is written, and under which name it is read back.
///
/// The default is `__Host-session; Path=/; Secure; HttpOnly; SameSite=Lax` without a Domain
/// (ASVS 5.0 3.3.1 to 3.3.4). Every weaker choice is a call that says so. The cookie is read back
/// under exactly the name it is written, upper and lower case distinguished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookiePolicy {
    name: String,
    attributes: String,
}

/// When a browser sends the cookie on requests that other sites start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// Never; links from other sites arrive logged out.
    Strict,
    /// On top-level navigation only. The default.
    Lax,
    /// Always; for pages that other sites embed.
    None,
}

/// The name or domain cannot stand in a cookie.
#[derive(Debug, thiserror::Error)]
#[error("{what} {value:?} is not allowed: {allowed}")]
pub struct CookieError {
    what: &'static str,
    value: String,
    allowed: &'static str,
}

impl Default for CookiePolicy {
    fn default() -> Self {
        Self { name: "__Host-session".to_owned(), attributes: attributes(SameSite::Lax, None) }
    }
}

impl CookiePolicy {
    /// The cookie `name`, which must begin with `__Host-`, so that browsers keep other hosts and
    /// plain HTTP from setting it (RFC 6265bis section 4.1.3.2).
    ///
    /// # Errors
    /// [`CookieError`] for a name that does not, or that is not an RFC 6265 token.
    pub fn host(name: impl Into<String>) -> Result<Self, CookieError> {
        let name = token(name.into())?;
        if !name.starts_with("__Host-") || name.len() == "__Host-".len() {
            return Err(CookieError {
                what: "cookie name",
                value: name,
                allowed: "begin it with __Host-, or choose a weaker policy by its name",
            });
        }
        Ok(Self { name, ..Self::default() })
    }

    /// The same cookie with another SameSite.
    #[must_use]
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.attributes = attributes(same_site, None);
        self
    }

    /// Weaker: a cookie for a whole domain, which any of its hosts can read and overwrite. It
    /// stays Secure and HttpOnly.
    ///
    /// # Errors
    /// [`CookieError`] for a name with `__Host-`, or a name or domain that is not allowed.
    pub fn weaker_for_domain(
        name: impl Into<String>,
        domain: &str,
        same_site: SameSite,
    ) -> Result<Self, CookieError> {
        let name = token(name.into())?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
        if domain.is_empty() || !domain.bytes().all(allowed) {
            return Err(CookieError {
                what: "cookie domain",
                value: domain.to_owned(),
                allowed: "a host name such as example.org",
            });
        }
        if name.to_ascii_lowercase().starts_with("__host-") {
            return Err(CookieError {
                what: "cookie name",
                value: name,
                allowed: "a __Host- cookie cannot have a domain",
            });
        }
        Ok(Self { name, attributes: attributes(same_site, Some(domain)) })
    }

    /// The exact name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The Set-Cookie value that gives the client its credential. Without `max_age` the cookie
    /// ends with the browser; the server's deadlines hold either way (law 6).
    pub fn set(&self, token: &SessionToken, max_age: Option<Duration>) -> HeaderValue {
        self.write(token.reveal(), max_age.map(|age| age.min(MOST_AGE)))
    }

    /// The Set-Cookie value that takes it away; sent only in answer to a logout (law 5).
    pub fn clear(&self) -> HeaderValue {
        self.write("", Some(Duration::ZERO))
    }

    fn write(&self, value: &str, max_age: Option<Duration>) -> HeaderValue {
        let mut text = String::with_capacity(self.name.len() + value.len() + 80);
        let _ = write!(text, "{}={value}{}", self.name, self.attributes);
        if let Some(age) = max_age {
            let _ = write!(text, "; Max-Age={}", age.as_secs());
        }
        let mut header = HeaderValue::try_from(text)
            .expect("name and attributes were checked, tokens are base64url");
        header.set_sensitive(true);
        header
    }
}

fn attributes(same_site: SameSite, domain: Option<&str>) -> String {
    let domain = domain.map(|domain| format!("; Domain={domain}")).unwrap_or_default();
    format!("; Path=/{domain}; Secure; HttpOnly; SameSite={same_site:?}")
}

fn token(name: String) -> Result<String, CookieError> {
    let separators = b"()<>@,;:\\\"/[]?={} \t";
    let allowed = |byte: u8| byte.is_ascii_graphic() && !separators.contains(&byte);
    if (1..=64).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(name);
    }
    Err(CookieError {
        what: "cookie name",
        value: name,
        allowed: "1 to 64 letters, digits, '-' or '_'",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_cookie_is_host_only_secure_and_hidden_from_scripts() {
        let set = CookiePolicy::default().set(&SessionToken::new("clk_x".into()), None);
        assert_eq!(set, "__Host-session=clk_x; Path=/; Secure; HttpOnly; SameSite=Lax");
        assert!(set.is_sensitive());
    }

    #[test]
    fn clearing_uses_the_same_attributes() {
        let cleared = CookiePolicy::default().clear();
        assert_eq!(cleared, "__Host-session=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");
    }

    #[test]
    fn names_that_weaken_or_break_the_cookie_are_refused() {
        for bad in ["session", "__Host-", "__host-x", "__Host-a b", "__Host-a;b", "__Host-é"] {
            assert!(CookiePolicy::host(bad).is_err(), "{bad}");
        }
        let weaker = CookiePolicy::weaker_for_domain("sid", "example.org", SameSite::Strict);
        assert!(weaker.unwrap().attributes.contains("Domain=example.org; Secure"));
        for (name, domain) in [("__HOST-sid", "example.org"), ("sid", "a;b"), ("sid", "")] {
            assert!(CookiePolicy::weaker_for_domain(name, domain, SameSite::Lax).is_err());
        }
    }

    #[test]
    fn max_age_is_cut_to_what_user_agents_keep() {
        let token = SessionToken::new("clk_x".into());
        let set = CookiePolicy::default().set(&token, Some(Duration::from_secs(u64::MAX)));
        assert!(set.to_str().unwrap().ends_with("; Max-Age=34560000"));
    }
}
