//! Where sessions and users are kept: addresses of databases and servers.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::duration;
use super::error::Problem;
use super::load::Loading;
use super::value::quoted;
use super::{Config, Source, Strategy};

/// The SQL database. `Debug` and `Display` show no password.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseAt {
    /// SQLite, in the data directory.
    Embedded,
    /// SQLite in this file, which may be the application's own.
    Sqlite(PathBuf),
    /// PostgreSQL at this URL.
    Postgres(String),
}

impl DatabaseAt {
    /// Reads nothing, `sqlite:PATH`, or a PostgreSQL URL in the spelling of libpq or SQLAlchemy.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self::Embedded);
        }
        let Some((scheme, rest)) = text.split_once(':') else {
            return Err("it has no scheme; a file is written sqlite:PATH".to_owned());
        };
        // SQLAlchemy names its driver there, which is no business of ours.
        match scheme.split('+').next() {
            Some("sqlite") => file(rest),
            Some("postgres" | "postgresql") if rest.starts_with("//") && rest.len() > 2 => {
                Ok(Self::Postgres(format!("postgres:{rest}")))
            }
            Some("postgres" | "postgresql") => Err("it names no host".to_owned()),
            Some("mysql" | "mariadb") => Err("MySQL and MariaDB come later".to_owned()),
            _ => Err("no database of that kind is known".to_owned()),
        }
    }

    /// Whether several servers can share it.
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }
}

/// `sqlite:PATH`, or as SQLAlchemy writes it, `sqlite:///relative` and `sqlite:////absolute`.
fn file(rest: &str) -> Result<DatabaseAt, String> {
    let path = match rest.strip_prefix("//") {
        Some(rest) => rest.strip_prefix('/').ok_or("a file has three slashes, or none")?,
        None => rest,
    };
    if path.is_empty() || path == ":memory:" || path.contains(['?', '\0']) {
        return Err("it names no file".to_owned());
    }
    Ok(DatabaseAt::Sqlite(PathBuf::from(path)))
}

impl fmt::Display for DatabaseAt {
    /// Without a password.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => Ok(()),
            Self::Sqlite(path) => write!(formatter, "sqlite:{}", path.display()),
            Self::Postgres(url) => formatter.write_str(&without_password(url)),
        }
    }
}

impl fmt::Debug for DatabaseAt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "DatabaseAt({self})")
    }
}

/// The Redis or Valkey server. `Debug` and `Display` show no password.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisAt(pub(super) String);

impl RedisAt {
    /// Reads `redis://HOST:PORT/DB`, `rediss://` with TLS, or `unix:///path`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let known = ["redis://", "rediss://", "unix://", "redis+unix://"];
        let rest = known.iter().find_map(|scheme| text.strip_prefix(scheme));
        match rest {
            Some("") => Err("it names no host".to_owned()),
            Some(_) => Ok(Self(text.to_owned())),
            None => Err("no Redis URL".to_owned()),
        }
    }

    /// The URL, with a password if it was written in it.
    pub fn url(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RedisAt {
    /// Without a password.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&without_password(&self.0))
    }
}

impl fmt::Debug for RedisAt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RedisAt({self})")
    }
}

/// When sessions in memory are written to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Snapshot {
    /// Never.
    Off,
    /// When the server stops.
    Shutdown,
    /// Then and this often, with a journal of ends.
    Every(Duration),
}

impl Snapshot {
    /// Reads `off`, `shutdown` or a duration from 10 seconds to a day.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            "shutdown" => Ok(Self::Shutdown),
            text => {
                let pause = duration::parse(text).ok_or("neither a word nor a duration")?;
                let allowed = Duration::from_secs(10)..=Duration::from_secs(86_400);
                allowed.contains(&pause).then_some(Self::Every(pause)).ok_or("out of range".into())
            }
        }
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => formatter.write_str("off"),
            Self::Shutdown => formatter.write_str("shutdown"),
            Self::Every(pause) => formatter.write_str(&duration::show(*pause)),
        }
    }
}

/// A URL without the password in its authority, and without one in its query.
pub(super) fn without_password(url: &str) -> String {
    let mut shown = url.to_owned();
    while let Some((before, _, after)) = split(&shown) {
        shown = format!("{before}{after}");
    }
    shown
}

/// What stands before a password, the password, and what stands behind it.
fn split(url: &str) -> Option<(&str, &str, &str)> {
    in_authority(url).or_else(|| in_query(url))
}

/// Between the first colon and the last `@`.
fn in_authority(url: &str) -> Option<(&str, &str, &str)> {
    let start = url.find("//")? + 2;
    let end = url[start..].find(['/', '?']).map_or(url.len(), |at| start + at);
    let at = start + url[start..end].rfind('@')?;
    let colon = start + url[start..at].find(':')?;
    Some((&url[..colon], &url[colon + 1..at], &url[at..]))
}

/// The parameter that a URL of a socket has instead. One that is written in another way than it
/// has to be counts too.
fn in_query(url: &str) -> Option<(&str, &str, &str)> {
    let mut start = url.find('?')? + 1;
    for pair in url[start..].split('&') {
        let name = pair.split('=').next().unwrap_or_default();
        if matches!(name, "pass" | "password") || name.contains('%') {
            let end = start + pair.len();
            return Some((&url[..start], pair, &url[end..]));
        }
        start += pair.len() + 1;
    }
    None
}

/// A name of a schema or of keys: lower-case letters, digits and `_`.
pub(super) fn plain_name(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    if text.len() <= 40 && begins && text.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        Err("not such a name".to_owned())
    }
}

/// What must hold between the strategy and the stores.
pub(super) fn check(loading: &mut Loading) {
    for key in ["database.url", "redis.url"] {
        password_in_file(loading, key);
    }
    let config = &loading.config;
    if config.server.strategy == Strategy::Memory && config.database.url.is_shared() {
        let message = "sessions in memory belong to one process, so a second server on this \
             database would not know them; allowed with strategy = \"memory\": SQLite";
        let source = loading.source("database.url");
        let value = quoted(&config.database.url.to_string());
        let message = message.to_owned();
        loading.problems.push(Problem::with_value("database.url", value, source, message));
    }
}

fn password_in_file(loading: &mut Loading, key: &'static str) {
    let source = loading.source(key);
    let url = url(&loading.config, key).unwrap_or_default();
    if let (Source::File { .. } | Source::Flag(_), Some(_)) = (&source, split(&url)) {
        let message = format!(
            "it holds a password, which is not written there; allowed: {} naming a file of mode \
             0600 that holds it, or the variable {}",
            key.replace(".url", ".password_file"),
            super::table::variable(&key.replace(".url", ".password")),
        );
        let value = quoted(&without_password(&url));
        loading.problems.push(Problem::with_value(key, value, source, message));
    }
}

fn url(config: &Config, key: &str) -> Option<String> {
    match (key, &config.database.url) {
        ("redis.url", _) => Some(config.redis.url.url().to_owned()),
        (_, DatabaseAt::Postgres(url)) => Some(url.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_written_as_libpq_and_sqlalchemy_do() {
        let read = |text| DatabaseAt::parse(text);
        assert_eq!(read(""), Ok(DatabaseAt::Embedded));
        for (text, path) in [
            ("sqlite:app.db", "app.db"),
            ("sqlite:///app.db", "app.db"),
            ("sqlite:////var/lib/app.db", "/var/lib/app.db"),
            ("sqlite+pysqlite:///app.db", "app.db"),
        ] {
            assert_eq!(read(text), Ok(DatabaseAt::Sqlite(PathBuf::from(path))), "{text}");
        }
        for text in ["postgres://a@h/d", "postgresql://a@h/d", "postgresql+psycopg://a@h/d"] {
            assert_eq!(read(text), Ok(DatabaseAt::Postgres("postgres://a@h/d".to_owned())));
        }
        for text in
            ["app.db", "sqlite:", "sqlite://", "sqlite://app.db", "mysql://h/d", "postgres:"]
        {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn no_password_of_a_url_is_shown() {
        for (url, shown) in [
            ("postgres://u:p@h:1/d", "postgres://u@h:1/d"),
            ("postgres://u:p%40:@h/d?x=a@b", "postgres://u@h/d?x=a@b"),
            ("redis://:p@h", "redis://@h"),
            ("redis://h:6379/0", "redis://h:6379/0"),
            ("unix:///run/redis.sock", "unix:///run/redis.sock"),
            ("unix:///redis.sock?db=1&pass=p&user=u", "unix:///redis.sock?db=1&&user=u"),
            ("unix:///redis.sock?p%61ss=p", "unix:///redis.sock?"),
            ("postgres://u:p@h/d?password=p", "postgres://u@h/d?"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
