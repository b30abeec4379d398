use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What the server listens on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// An address and port; port 0 takes any free one.
    Tcp(SocketAddr),
    /// A Unix socket at this absolute path.
    Unix(PathBuf),
}

impl Listen {
    /// Reads `127.0.0.1:7070`, `[::1]:7070` or `unix:/run/cloakroom.sock`.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return unix(path);
        }
        text.parse().map(Self::Tcp).map_err(|_| reason(text))
    }
}

fn unix(path: &str) -> Result<Listen, String> {
    // The kernel's limit for a socket path is 108 bytes with its closing zero.
    match path {
        path if !path.starts_with('/') => Err("the path of a socket must be absolute".to_owned()),
        path if path.len() > 107 => Err("the path of a socket has at most 107 bytes".to_owned()),
        path if path.contains('\0') => Err("the path contains a zero byte".to_owned()),
        path => Ok(Listen::Unix(PathBuf::from(path))),
    }
}

fn reason(text: &str) -> String {
    if let Some(port) = text.strip_prefix("localhost:") {
        return format!("a name is not an address; write 127.0.0.1:{port}");
    }
    if let Some(port) = text.strip_prefix(':') {
        return format!("the address is missing; write 127.0.0.1:{port} or 0.0.0.0:{port}");
    }
    "not an address with a port".to_owned()
}

impl fmt::Display for Listen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(formatter, "{address}"),
            Self::Unix(path) => write!(formatter, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_sockets_are_read_and_shown_alike() {
        for text in ["127.0.0.1:7070", "[::1]:7070", "0.0.0.0:0", "unix:/run/cloakroom.sock"] {
            assert_eq!(Listen::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_refusal_says_what_to_write() {
        assert!(Listen::parse("localhost:7070").unwrap_err().contains("127.0.0.1:7070"));
        assert!(Listen::parse(":8080").unwrap_err().contains("0.0.0.0:8080"));
        assert!(Listen::parse("unix:cloakroom.sock").unwrap_err().contains("absolute"));
        assert!(Listen::parse(&format!("unix:/{}", "x".repeat(107))).is_err());
        assert!(Listen::parse("7070").is_err());
        assert!(Listen::parse("127.0.0.1:70700").is_err());
    }
}
