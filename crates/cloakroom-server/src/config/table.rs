use cloakroom::{LimitPolicy, WhenFull};

use super::apps::secure_origin;
use super::kind::{Count, Lasting, Networks, OneOf, Text, shown};
use super::listen::Listen;
use super::metrics::MetricsAt;
use super::secret::{Hidden, secret_file, show_file};
use super::setting::{Setting, setting};
use super::settings::{Config, LogFormat, LogLevel, Strategy};
use super::stores::{DatabaseAt, RedisAt, Snapshot, plain_name};
use super::text::{cookie_name, directory, prefix};

/// Every setting but those of applications, in the order in which they are shown.
pub(super) static SETTINGS: &[Setting<Config>] = &[
    setting!(
        "listen",
        "127.0.0.1:7070",
        Text {
            allowed: "\"127.0.0.1:7070\", \"[::1]:7070\" or \"unix:/path\"",
            read: Listen::parse,
            show: shown
        },
        server.listen,
        "The address and port, or the Unix socket, to listen on."
    ),
    setting!(
        "public_url",
        "http://localhost:7070",
        Text {
            allowed: "an https origin such as \"https://login.example.org\", or http on localhost",
            read: secure_origin,
            show: shown
        },
        server.public_url,
        "The origin browsers use; unless set, http on localhost with the port of `listen`."
    ),
    setting!(
        "data",
        "./cloakroom-data",
        Text { allowed: "a directory", read: directory, show: |path| path.display().to_string() },
        server.data,
        "The directory that holds the database, the keys and the administration socket."
    ),
    setting!(
        "prefix",
        "/cloakroom",
        Text {
            allowed: "a path of lower-case letters, digits, - and _ such as \"/cloakroom\"",
            read: prefix,
            show: Clone::clone
        },
        server.prefix,
        "The path under which the pages are mounted, on the application's own host."
    ),
    setting!(
        "trusted_proxies",
        "127.0.0.0/8,::1/128",
        Networks,
        server.trusted_proxies,
        "Networks of the proxies that are believed; Unix-socket peers always are."
    ),
    setting!(
        "strategy",
        "database",
        OneOf(&[
            ("database", Strategy::Database),
            ("memory", Strategy::Memory),
            ("redis", Strategy::Redis),
        ]),
        server.strategy,
        "How sessions are kept: in the SQL database, in this process, or in Redis or Valkey."
    ),
    setting!(
        "database.url",
        "",
        Text {
            allowed: "nothing, for SQLite in the data directory; \"sqlite:PATH\"; or \"postgres://user@host/database\"",
            read: DatabaseAt::parse,
            show: shown
        },
        database.url,
        "The SQL database of users and API keys, and of sessions with the strategy `database`."
    ),
    setting!(
        "database.password",
        "",
        Hidden,
        database.password,
        "Its password; in the environment only."
    ),
    setting!(
        "database.password_file",
        "",
        Text { allowed: "a file", read: secret_file, show: show_file },
        database.password_file,
        "The file that holds its password."
    ),
    setting!(
        "database.schema",
        "cloakroom",
        Text {
            allowed: "a name of lower-case letters, digits and _ that begins with a letter",
            read: plain_name,
            show: Clone::clone
        },
        database.schema,
        "The PostgreSQL schema of Cloakroom's tables; made if it is missing."
    ),
    setting!(
        "database.connections",
        "16",
        Count(2, 1_000),
        database.connections,
        "Most connections to PostgreSQL."
    ),
    setting!(
        "database.pooler",
        "none",
        OneOf(&[("none", false), ("transaction", true)]),
        database.pooler,
        "Whether a pooler in transaction mode, such as PgBouncer, stands before PostgreSQL."
    ),
    setting!(
        "redis.url",
        "redis://127.0.0.1:6379",
        Text {
            allowed: "\"redis://host:6379/0\", \"rediss://\" for TLS, or \"unix:///path\"",
            read: RedisAt::parse,
            show: shown
        },
        redis.url,
        "The Redis or Valkey server of the strategy `redis`."
    ),
    setting!(
        "redis.password",
        "",
        Hidden,
        redis.password,
        "Its password; in the environment only."
    ),
    setting!(
        "redis.password_file",
        "",
        Text { allowed: "a file", read: secret_file, show: show_file },
        redis.password_file,
        "The file that holds its password."
    ),
    setting!(
        "redis.prefix",
        "cloakroom",
        Text {
            allowed: "a name of lower-case letters, digits and _ that begins with a letter",
            read: plain_name,
            show: Clone::clone
        },
        redis.prefix,
        "What all keys in Redis begin with."
    ),
    setting!(
        "redis.backing",
        "none",
        OneOf(&[("none", false), ("database", true)]),
        redis.backing,
        "Whether sessions are written to the SQL database first, and Redis is its cache."
    ),
    setting!(
        "redis.require_durable",
        "no",
        OneOf(&[("no", false), ("yes", true)]),
        redis.require_durable,
        "Whether to refuse a Redis that could lose sessions: evicting, or not written at once."
    ),
    setting!(
        "memory.max_sessions",
        "1000000",
        Count(1, 100_000_000),
        memory.max_sessions,
        "Most sessions of the strategy `memory`."
    ),
    setting!(
        "memory.max_megabytes",
        "1024",
        Count(1, 1_000_000),
        memory.max_megabytes,
        "Most MiB that they take."
    ),
    setting!(
        "memory.when_full",
        "refuse",
        OneOf(&[
            ("refuse", WhenFull::Refuse),
            ("end_least_recently_used", WhenFull::EndLeastRecentlyUsed),
        ]),
        memory.when_full,
        "What happens to a login when either is reached."
    ),
    setting!(
        "memory.snapshot",
        "shutdown",
        Text {
            allowed: "\"off\", \"shutdown\", or a duration from 10s to 24h",
            read: Snapshot::parse,
            show: shown
        },
        memory.snapshot,
        "When they are written to the data directory; this often, ends are journalled as well."
    ),
    setting!(
        "store.timeout",
        "2s",
        Lasting("1s", "60s"),
        store.timeout,
        "How long a store may take; then the request is answered with 503."
    ),
    setting!(
        "cookie.name",
        "__Host-cloakroom",
        Text {
            allowed: "a cookie name of up to 64 characters that begins with \"__Host-\"",
            read: cookie_name,
            show: Clone::clone
        },
        cookie.name,
        "The session cookie's name; servers on one host need different ones: cookies ignore ports."
    ),
    setting!(
        "session.idle_timeout",
        "24h",
        Lasting("1m", "3650d"),
        session.ordinary.idle,
        "A session unused for this long has ended."
    ),
    setting!(
        "session.absolute_timeout",
        "30d",
        Lasting("1m", "3650d"),
        session.ordinary.absolute,
        "A session this old has ended, used or not."
    ),
    setting!(
        "session.remember_idle_timeout",
        "30d",
        Lasting("1m", "3650d"),
        session.remember.idle,
        "The idle timeout when \"remember me\" was ticked."
    ),
    setting!(
        "session.remember_absolute_timeout",
        "90d",
        Lasting("1m", "3650d"),
        session.remember.absolute,
        "The absolute timeout when \"remember me\" was ticked."
    ),
    setting!(
        "session.anonymous_idle_timeout",
        "30m",
        Lasting("1m", "3650d"),
        session.anonymous.idle,
        "The idle timeout of a visitor who has not logged in."
    ),
    setting!(
        "session.anonymous_absolute_timeout",
        "24h",
        Lasting("1m", "3650d"),
        session.anonymous.absolute,
        "The absolute timeout of a visitor who has not logged in."
    ),
    setting!(
        "session.step_up",
        "10m",
        Lasting("1m", "30d"),
        session.step_up,
        "How recently the password must have been entered for a sensitive act."
    ),
    setting!(
        "session.history",
        "90d",
        Lasting("0s", "3650d"),
        session.history,
        "How long ended sessions are kept with their reason."
    ),
    setting!(
        "session.limit",
        "0",
        Count(0, 10_000),
        session.limit,
        "Most sessions of one user at once; 0 means no limit."
    ),
    setting!(
        "session.limit_policy",
        "refuse",
        OneOf(&[
            ("refuse", LimitPolicy::Refuse),
            ("end_oldest", LimitPolicy::EndOldest),
            ("end_least_recently_used", LimitPolicy::EndLeastRecentlyUsed),
        ]),
        session.limit_policy,
        "What happens when a user at `session.limit` logs in once more."
    ),
    setting!(
        "session.renew_after",
        "1h",
        Lasting("1m", "30d"),
        session.renew_after,
        "Age at which a session's credential is renewed."
    ),
    setting!(
        "session.renew_grace",
        "60s",
        Lasting("1s", "1h"),
        session.renew_grace,
        "How long the previous credential is still accepted after its successor was presented."
    ),
    setting!(
        "session.anonymous_limit",
        "100000",
        Count(0, u32::MAX),
        session.anonymous_limit,
        "Most anonymous sessions at once; above it new ones are refused."
    ),
    setting!(
        "password.min_length",
        "8",
        Count(8, 64),
        password.min_length,
        "Fewest characters of a new password; the most is always 256 bytes."
    ),
    setting!(
        "login.account_failures",
        "5",
        Count(1, 50),
        login.account_failures,
        "Wrong passwords for one account before the next try has to wait."
    ),
    setting!(
        "login.network_failures",
        "30",
        Count(1, 100_000),
        login.network_failures,
        "The same for one network (an IPv4 address, an IPv6 /64), whatever the account."
    ),
    setting!(
        "login.longest_delay",
        "15m",
        Lasting("1s", "24h"),
        login.longest_delay,
        "Longest wait; the first is 1 s, and each further wrong password doubles it."
    ),
    setting!(
        "sweep.interval",
        "60s",
        Lasting("1s", "24h"),
        sweep.interval,
        "Pause between sweeps for sessions that have ended."
    ),
    setting!(
        "sweep.batch",
        "500",
        Count(1, 10_000),
        sweep.batch,
        "Most sessions one sweep transaction ends."
    ),
    setting!(
        "limits.connections",
        "4096",
        Count(16, 1_000_000),
        limits.connections,
        "Most connections at once; an eighth of them is kept for trusted proxies."
    ),
    setting!(
        "limits.connections_per_address",
        "256",
        Count(1, 1_000_000),
        limits.connections_per_address,
        "Most connections at once of one address, or IPv6 /64, that is no trusted proxy."
    ),
    setting!(
        "limits.header_timeout",
        "10s",
        Lasting("1s", "5m"),
        limits.header_timeout,
        "How long the head of a request may take to arrive."
    ),
    setting!(
        "limits.body_timeout",
        "20s",
        Lasting("1s", "5m"),
        limits.body_timeout,
        "How long a form may take to arrive."
    ),
    setting!(
        "limits.send_timeout",
        "30s",
        Lasting("1s", "5m"),
        limits.send_timeout,
        "How long a client may take nothing of its answer."
    ),
    setting!(
        "limits.keepalive_timeout",
        "75s",
        Lasting("1s", "1h"),
        limits.keepalive_timeout,
        "How long a connection stays open between requests; longer than the proxy keeps it."
    ),
    setting!(
        "log.level",
        "info",
        OneOf(&[
            ("error", LogLevel::Error),
            ("warn", LogLevel::Warn),
            ("info", LogLevel::Info),
            ("debug", LogLevel::Debug),
            ("trace", LogLevel::Trace),
        ]),
        log.level,
        "The least serious event that is written."
    ),
    setting!(
        "log.format",
        "text",
        OneOf(&[("text", LogFormat::Text), ("json", LogFormat::Json)]),
        log.format,
        "Lines for people, or one JSON object a line."
    ),
    setting!(
        "metrics.listen",
        "local",
        Text {
            allowed: "\"local\", \"off\", or an address and port such as \"127.0.0.1:9464\"",
            read: MetricsAt::parse,
            show: shown
        },
        metrics.listen,
        "Who is answered at `/metrics`: programs on this machine, nobody, or a listener of its own."
    ),
];

/// The setting with this key.
pub(super) fn find(key: &str) -> Option<&'static Setting<Config>> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

/// The environment variable of a key: upper case, dots and dashes as underscores.
pub(super) fn variable(key: &str) -> String {
    format!("CLOAKROOM_{}", key.to_ascii_uppercase().replace(['.', '-'], "_"))
}

/// The flag of a key, for the few that have one.
pub(super) fn flag(key: &str) -> String {
    format!("--{}", key.replace(['.', '_'], "-"))
}

#[cfg(test)]
mod tests {
    use super::super::value::Raw;
    use super::*;

    #[test]
    fn every_default_is_allowed() {
        let mut config = Config::default();
        for setting in SETTINGS {
            let read = (setting.set)(&mut config, &Raw::Text(setting.default.to_owned()));
            assert_eq!(read, Ok(()), "{}", setting.key);
        }
        assert_eq!(config, Config::default());
    }

    #[test]
    fn every_default_is_shown_as_the_table_writes_it() {
        let config = Config::default();
        for setting in SETTINGS.iter().filter(|setting| setting.key != "trusted_proxies") {
            assert_eq!(
                (setting.show)(&config).trim_matches('"'),
                setting.default,
                "{}",
                setting.key
            );
        }
    }

    #[test]
    fn keys_and_variables_are_distinct_and_meanings_are_sentences() {
        let mut seen = std::collections::BTreeSet::new();
        for setting in SETTINGS {
            assert!(seen.insert(variable(setting.key)), "{}", setting.key);
            assert!(setting.doc.ends_with('.') && !setting.doc.contains('|'), "{}", setting.key);
            assert!(!(setting.allowed)().is_empty());
        }
    }
}
