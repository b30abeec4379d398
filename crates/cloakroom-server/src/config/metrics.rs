use std::fmt;
use std::net::SocketAddr;

/// Who is answered at `/metrics`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsAt {
    /// Programs on this machine that ask the server directly.
    Local,
    /// Nobody.
    Off,
    /// Whoever reaches a listener of its own.
    Listener(SocketAddr),
}

impl MetricsAt {
    /// Reads `local`, `off` or `127.0.0.1:9464`.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "local" => Ok(Self::Local),
            "off" => Ok(Self::Off),
            address => match address.parse() {
                Ok(address) => Ok(Self::Listener(address)),
                Err(_) => Err("neither a word nor an address with a port".to_owned()),
            },
        }
    }
}

impl fmt::Display for MetricsAt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => formatter.write_str("local"),
            Self::Off => formatter.write_str("off"),
            Self::Listener(address) => address.fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_addresses_are_read_and_shown_alike() {
        for text in ["local", "off", "127.0.0.1:9464", "[::1]:9464"] {
            assert_eq!(MetricsAt::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "on", "localhost:9464", "127.0.0.1"] {
            assert!(MetricsAt::parse(text).is_err(), "{text}");
        }
    }
}
