use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use cloakroom::{Keeping, Lifetime, LimitPolicy, Policy, SessionLimit, WhenFull};

use super::value::Raw;
use super::{
    App, DatabaseAt, Listen, MetricsAt, Origin, RedisAt, Secret, Snapshot, TrustedProxies, table,
};

/// Every setting of the server, read and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where it is reached and where it keeps things.
    pub server: Server,
    /// How long a store may take.
    pub store: Store,
    /// What sessions in memory may take.
    pub memory: Memory,
    /// The SQL database.
    pub database: Database,
    /// The Redis server.
    pub redis: Redis,
    /// The session cookie.
    pub cookie: Cookie,
    /// How long sessions live and how many there may be.
    pub session: Session,
    /// What a new password must be.
    pub password: PasswordLength,
    /// When wrong passwords delay the next try.
    pub login: Login,
    /// The removal of sessions that have ended.
    pub sweep: Sweep,
    /// What one client, and all together, may take.
    pub limits: Limits,
    /// What is written to the log.
    pub log: Log,
    /// Where the numbers are shown.
    pub metrics: Metrics,
    /// The applications behind this server, by id.
    pub apps: BTreeMap<String, App>,
}

impl Config {
    /// Where sessions are kept, as the table of capabilities names it.
    pub fn keeping(&self) -> Keeping {
        match (self.server.strategy, self.database.url.is_shared()) {
            (Strategy::Memory, _) => Keeping::Memory,
            (Strategy::Database, false) => Keeping::Sqlite,
            (Strategy::Database, true) => Keeping::Postgres,
            (Strategy::Redis, _) if self.redis.backing => Keeping::RedisBacked,
            (Strategy::Redis, _) => Keeping::Redis,
        }
    }

    /// What the settings say about sessions, for the library.
    pub fn policy(&self) -> Policy {
        let Session { limit, limit_policy, .. } = self.session;
        Policy {
            lifetime: self.session.ordinary,
            remember: self.session.remember,
            anonymous: self.session.anonymous,
            anonymous_cap: self.session.anonymous_limit.into(),
            limit: (limit > 0).then_some(SessionLimit { most: limit, policy: limit_policy }),
            renew_after: self.session.renew_after,
            renew_grace: self.session.renew_grace,
            step_up: self.session.step_up,
            history: self.session.history,
            sweep_interval: self.sweep.interval,
            sweep_batch: self.sweep.batch,
            store_timeout: self.store.timeout,
            ..Policy::default()
        }
    }
}

/// Where the server is reached and where it keeps things.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// The address or Unix socket to listen on.
    pub listen: Listen,
    /// The origin browsers use; https, or http on this machine.
    pub public_url: Origin,
    /// The data directory.
    pub data: PathBuf,
    /// Where the pages are mounted: starts with `/`, does not end with one.
    pub prefix: String,
    /// Peers whose word about the client is believed.
    pub trusted_proxies: TrustedProxies,
    /// How sessions are kept.
    pub strategy: Strategy,
}

impl Server {
    /// The full address of a page under the prefix: `page_url("login")`.
    pub fn page_url(&self, page: &str) -> String {
        format!("{}{}/{page}", self.public_url, self.prefix)
    }
}

/// How sessions are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Every session is a row in the database; an end holds from its acknowledgement.
    Database,
    /// Sessions are in the memory of this one process.
    Memory,
    /// Sessions are in Redis or Valkey.
    Redis,
}

impl Strategy {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Memory => "memory",
            Self::Redis => "redis",
        }
    }
}

/// How long a store may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Store {
    /// After it, what was asked has failed.
    pub timeout: Duration,
}

/// What sessions in memory may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Most sessions.
    pub max_sessions: u32,
    /// Most MiB.
    pub max_megabytes: u32,
    /// What happens at either.
    pub when_full: WhenFull,
    /// When they are written to a file.
    pub snapshot: Snapshot,
}

/// The SQL database: of users and API keys always, of sessions with `strategy = "database"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// Where it is.
    pub url: DatabaseAt,
    /// Its password, unless the URL holds one.
    pub password: Secret,
    /// The file that holds the password.
    pub password_file: Option<PathBuf>,
    /// The PostgreSQL schema of our tables.
    pub schema: String,
    /// Most connections to PostgreSQL.
    pub connections: u32,
    /// Whether a transaction-mode pooler stands in front of PostgreSQL.
    pub pooler: bool,
}

/// The Redis or Valkey server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redis {
    /// Where it is.
    pub url: RedisAt,
    /// Its password, unless the URL holds one.
    pub password: Secret,
    /// The file that holds the password.
    pub password_file: Option<PathBuf>,
    /// What all keys begin with.
    pub prefix: String,
    /// Whether the SQL database is written first and Redis is a cache.
    pub backing: bool,
    /// Whether a Redis that can lose sessions is refused.
    pub require_durable: bool,
}

/// The session cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// Its name; begins with `__Host-`.
    pub name: String,
}

/// How long sessions live and how many there may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Of a login.
    pub ordinary: Lifetime,
    /// Of a login with "remember me".
    pub remember: Lifetime,
    /// Of a visitor who has not logged in.
    pub anonymous: Lifetime,
    /// How recent an authentication must be for a sensitive act.
    pub step_up: Duration,
    /// How long ended sessions stay in the history.
    pub history: Duration,
    /// Most sessions of one user at once; 0 means no limit.
    pub limit: u32,
    /// What happens at that limit.
    pub limit_policy: LimitPolicy,
    /// Age at which a credential is renewed.
    pub renew_after: Duration,
    /// How long the credential before a renewal is still accepted.
    pub renew_grace: Duration,
    /// Most anonymous sessions at once.
    pub anonymous_limit: u32,
}

/// What a new password must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordLength {
    /// Fewest characters.
    pub min_length: u32,
}

/// When wrong passwords delay the next try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Login {
    /// Failures of one account before that.
    pub account_failures: u32,
    /// Failures from one network before that.
    pub network_failures: u32,
    /// Longest wait.
    pub longest_delay: Duration,
}

/// The removal of sessions that have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sweep {
    /// Pause between sweeps.
    pub interval: Duration,
    /// Most sessions one transaction ends.
    pub batch: u32,
}

/// What one client, and all together, may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most connections at once.
    pub connections: u32,
    /// Most connections at once from an address that is no trusted proxy.
    pub connections_per_address: u32,
    /// How long the head of a request may take, from its first byte or from connecting.
    pub header_timeout: Duration,
    /// How long the body of a request may take.
    pub body_timeout: Duration,
    /// How long a client may take nothing of its answer.
    pub send_timeout: Duration,
    /// How long a connection may be unused between two requests.
    pub keepalive_timeout: Duration,
}

/// What is written to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// The least serious event that is written.
    pub level: LogLevel,
    /// How it is written.
    pub format: LogFormat,
}

/// Where the numbers are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metrics {
    /// Who is answered at `/metrics`.
    pub listen: MetricsAt,
}

/// How serious an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something needs attention.
    Warn,
    /// What an operator wants to know.
    Info,
    /// What a developer wants to know.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// Its name in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for Config {
    /// What the table of settings says when nothing is set, with no application.
    fn default() -> Self {
        let mut config = blank();
        for setting in table::SETTINGS {
            let read = (setting.set)(&mut config, &Raw::Text(setting.default.to_owned()));
            debug_assert!(read.is_ok(), "default of {}: {read:?}", setting.key);
        }
        config
    }
}

/// A value of the right shape for the table to fill; none of it is meant to be used.
fn blank() -> Config {
    let none = Lifetime::new(Duration::ZERO, Duration::ZERO);
    Config {
        server: Server {
            listen: Listen::Unix(PathBuf::new()),
            public_url: Origin::localhost(0),
            data: PathBuf::new(),
            prefix: String::new(),
            trusted_proxies: TrustedProxies::default(),
            strategy: Strategy::Database,
        },
        store: Store { timeout: Duration::ZERO },
        memory: Memory {
            max_sessions: 0,
            max_megabytes: 0,
            when_full: WhenFull::Refuse,
            snapshot: Snapshot::Off,
        },
        database: Database {
            url: DatabaseAt::Embedded,
            password: Secret::default(),
            password_file: None,
            schema: String::new(),
            connections: 0,
            pooler: false,
        },
        redis: Redis {
            url: RedisAt(String::new()),
            password: Secret::default(),
            password_file: None,
            prefix: String::new(),
            backing: false,
            require_durable: false,
        },
        cookie: Cookie { name: String::new() },
        session: Session {
            ordinary: none,
            remember: none,
            anonymous: none,
            step_up: Duration::ZERO,
            history: Duration::ZERO,
            limit: 0,
            limit_policy: LimitPolicy::Refuse,
            renew_after: Duration::ZERO,
            renew_grace: Duration::ZERO,
            anonymous_limit: 0,
        },
        password: PasswordLength { min_length: u32::MAX },
        login: Login { account_failures: 0, network_failures: 0, longest_delay: Duration::ZERO },
        sweep: Sweep { interval: Duration::ZERO, batch: 0 },
        limits: Limits {
            connections: 0,
            connections_per_address: 0,
            header_timeout: Duration::ZERO,
            body_timeout: Duration::ZERO,
            send_timeout: Duration::ZERO,
            keepalive_timeout: Duration::ZERO,
        },
        log: Log { level: LogLevel::Info, format: LogFormat::Text },
        metrics: Metrics { listen: MetricsAt::Off },
        apps: BTreeMap::new(),
    }
}
