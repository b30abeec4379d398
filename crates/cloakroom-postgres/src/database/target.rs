//! The URL: which server, as whom, and how encrypted.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

use crate::OpenError;

/// Where to connect, and how.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) config: Config,
    pub(super) tls: Tls,
    /// Whether the URL says itself which of its servers are meant.
    is_said: bool,
}

/// How a connection is encrypted, and who has to be at its other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tls {
    /// Not at all.
    Disable,
    /// If the server can; whoever it is.
    Prefer,
    /// Always; whoever it is.
    Require,
    /// Always, with the host of the URL, as one of these roots or of the system's says.
    VerifyFull { roots: Option<PathBuf> },
}

impl Target {
    pub(super) fn parse(url: &str) -> Result<Self, OpenError> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(wrong("it does not begin with postgres://"));
        }
        let (place, query) = url.split_once('?').unwrap_or((url, ""));
        let (tls, rest) = tls(query)?;
        let config = Config::from_str(&format!("{place}?{rest}"));
        let mut config = config.map_err(|error| wrong(cause(&error)))?;
        if config.get_hosts().is_empty() {
            return Err(wrong("it names no host"));
        }
        let is_said = rest.contains("target_session_attrs=");
        if config.get_hosts().len() > 1 && !is_said {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        config.ssl_mode(match tls {
            Tls::Disable => SslMode::Disable,
            Tls::Prefer => SslMode::Prefer,
            Tls::Require | Tls::VerifyFull { .. } => SslMode::Require,
        });
        Ok(Self { config, tls, is_said })
    }

    /// Refuses from now on what takes no writes: an address may come to lead to a standby, which
    /// may not know yet which sessions have ended.
    pub(super) fn refuse_standbys(&mut self) {
        if !self.is_said {
            self.config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
    }

    pub(super) fn user(&self) -> String {
        self.config.get_user().unwrap_or("this user").to_owned()
    }

    pub(super) fn hosts(&self) -> impl Iterator<Item = (String, u16)> + '_ {
        let ports = self.config.get_ports();
        let port = |index: usize| ports.get(index).or(ports.first()).copied().unwrap_or(5432);
        let names =
            self.config.get_hosts().iter().enumerate().filter_map(|(index, host)| match host {
                Host::Tcp(name) => Some((name.clone(), index)),
                Host::Unix(_) => None,
            });
        names.map(move |(name, index)| (name, port(index)))
    }
}

/// The place without the password.
impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("postgres://")?;
        for (index, host) in self.config.get_hosts().iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            let ports = self.config.get_ports();
            let port = ports.get(index).or(ports.first()).copied().unwrap_or(5432);
            match host {
                Host::Tcp(name) => write!(formatter, "{comma}{name}:{port}")?,
                Host::Unix(path) => write!(formatter, "{comma}{}:{port}", path.display())?,
            }
        }
        let database = self.config.get_dbname().or(self.config.get_user());
        write!(formatter, "/{}", database.unwrap_or_default())
    }
}

/// What the query says of encryption, and the rest of it.
fn tls(query: &str) -> Result<(Tls, String), OpenError> {
    let (mut mode, mut roots, mut rest) = (String::new(), None, Vec::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = || percent_decode_str(value).decode_utf8_lossy().into_owned();
        match key {
            "sslmode" => mode = value(),
            "sslrootcert" => roots = Some(value()).filter(|path| path != "system"),
            _ => rest.push(pair),
        }
    }
    let roots = roots.map(PathBuf::from);
    let tls = match mode.as_str() {
        "disable" => Tls::Disable,
        "" | "prefer" => Tls::Prefer,
        "require" => Tls::Require,
        "verify-full" => return Ok((Tls::VerifyFull { roots }, rest.join("&"))),
        _ => return Err(wrong("sslmode must be disable, prefer, require or verify-full")),
    };
    if roots.is_some() {
        return Err(wrong("sslrootcert is looked at with sslmode=verify-full only"));
    }
    Ok((tls, rest.join("&")))
}

fn wrong(detail: impl Into<String>) -> OpenError {
    OpenError::Url { detail: detail.into() }
}

/// The innermost error's text; the driver's names the key, never the value.
fn cause(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_as_whom_and_how_encrypted() {
        let roots = "sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem";
        let target = Target::parse(&format!("postgres://ada:pw@db.example:6432/app?{roots}"));
        let target = target.unwrap();
        assert_eq!(target.to_string(), "postgres://db.example:6432/app");
        assert_eq!(target.user(), "ada");
        assert_eq!(target.tls, Tls::VerifyFull { roots: Some("/etc/ca.pem".into()) });
        assert_eq!(target.hosts().collect::<Vec<_>>(), [("db.example".to_owned(), 6432)]);
    }

    #[test]
    fn a_url_with_several_hosts_means_the_one_that_takes_writes() {
        let target = Target::parse("postgresql://a,b:5433/app").unwrap();
        assert_eq!(target.config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
        assert_eq!(target.tls, Tls::Prefer);
    }

    #[test]
    fn a_wrong_url_is_refused_without_being_quoted() {
        for url in [
            "mysql://ada:hunter2@db/app",
            "postgres://ada:hunter2@db/app?sslmode=verify-ca",
            "postgres://ada:hunter2@db/app?sslrootcert=ca.pem",
            "postgres://ada:hunter2@db/app?nonsense=hunter2",
            "postgres://ada:hunter2@db:port/app",
        ] {
            let text = Target::parse(url).err().unwrap().to_string();
            assert!(!text.contains("hunter2"), "{text}");
        }
    }
}
