use std::fmt;

/// The cookies of one host, kept and sent as a browser would.
#[derive(Clone, Default)]
pub(super) struct Jar {
    cookies: Vec<Cookie>,
}

#[derive(Clone, PartialEq, Eq)]
struct Cookie {
    name: String,
    value: String,
    path: String,
}

impl Jar {
    /// Takes the value of one `Set-Cookie` header. Secure cookies are kept on loopback as
    /// browsers do; a `__Host-` or `__Secure-` name whose rules are broken is dropped.
    pub(super) fn take(&mut self, set_cookie: &str) {
        let mut parts = set_cookie.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
            return;
        };
        let attributes = Attributes::read(parts);
        if !attributes.allow(name) {
            return;
        }
        let path = attributes.path.unwrap_or("/").to_owned();
        self.cookies.retain(|cookie| cookie.name != name || cookie.path != path);
        if !attributes.expired {
            let (name, value) = (name.to_owned(), value.to_owned());
            self.cookies.push(Cookie { name, value, path });
        }
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.take(&format!("{name}={value}; Path=/; Secure"));
    }

    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|it| it.name == name).map(|it| it.value.as_str())
    }

    /// The value of the `Cookie` header for a path, `None` when no cookie fits.
    pub(super) fn header_for(&self, path: &str) -> Option<String> {
        let pairs: Vec<String> = self
            .cookies
            .iter()
            .filter(|cookie| cookie.fits(path))
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

impl fmt::Debug for Jar {
    /// The names alone: values are credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.cookies.iter().map(|cookie| &cookie.name)).finish()
    }
}

impl Cookie {
    fn fits(&self, path: &str) -> bool {
        let path = path.split('?').next().unwrap_or_default();
        path == self.path
            || path
                .strip_prefix(&self.path)
                .is_some_and(|rest| self.path.ends_with('/') || rest.starts_with('/'))
    }
}

#[derive(Default)]
struct Attributes<'a> {
    path: Option<&'a str>,
    domain: bool,
    secure: bool,
    expired: bool,
}

impl<'a> Attributes<'a> {
    fn read(parts: impl Iterator<Item = &'a str>) -> Self {
        let mut read = Self::default();
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            match name.to_ascii_lowercase().as_str() {
                "path" if value.starts_with('/') => read.path = Some(value),
                "domain" => read.domain = true,
                "secure" => read.secure = true,
                "max-age" => read.expired = value.parse::<i64>().is_ok_and(|age| age <= 0),
                "expires" => read.expired |= value.contains(" 1970 "),
                _ => {}
            }
        }
        read
    }

    fn allow(&self, name: &str) -> bool {
        match name {
            _ if name.starts_with("__Host-") => {
                self.secure && !self.domain && self.path == Some("/")
            }
            _ if name.starts_with("__Secure-") => self.secure,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jar(lines: &[&str]) -> Jar {
        let mut jar = Jar::default();
        lines.iter().for_each(|line| jar.take(line));
        jar
    }

    #[test]
    fn a_cookie_is_replaced_by_name_and_path_and_removed_by_age() {
        let mut jar = jar(&["a=1; Path=/", "b=2; Path=/; Max-Age=60", "a=3; Path=/"]);
        assert_eq!(jar.header_for("/").unwrap(), "b=2; a=3");
        jar.take("a=; Path=/; Max-Age=0");
        jar.take("b=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(jar.header_for("/"), None);
    }

    #[test]
    fn a_path_holds_for_itself_and_below() {
        let jar = jar(&["a=1; Path=/x"]);
        let sent = |path| jar.header_for(path).is_some();
        assert!(sent("/x") && sent("/x/y") && sent("/x?q"));
        assert!(!sent("/xy") && !sent("/"));
    }

    #[test]
    fn a_host_cookie_must_be_secure_for_the_whole_host_and_without_a_domain() {
        assert!(jar(&["__Host-s=1; Secure; Path=/"]).value("__Host-s").is_some());
        for weak in [
            "__Host-s=1; Path=/",
            "__Host-s=1; Secure",
            "__Secure-s=1; Path=/",
            "__Host-s=1; Secure; Path=/; Domain=localhost",
            "__Host-s=1; Secure; Path=/x",
        ] {
            assert_eq!(jar(&[weak]).header_for("/x"), None, "{weak}");
        }
    }

    #[test]
    fn values_are_not_shown() {
        assert_eq!(format!("{:?}", jar(&["name=hidden"])), r#"["name"]"#);
    }
}
