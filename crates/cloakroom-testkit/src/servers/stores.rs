use std::sync::{Mutex, MutexGuard, PoisonError};

use super::postgres::{DATABASE, PostgresConnection, Rows};
use super::redis::Flavor;
use super::{Postgres, Proxy, Redis, SharedPostgres};

/// The variable that says on which store the tests of the server run; SQLite without it.
const VARIABLE: &str = "CLOAKROOM_TEST_STORE";

/// What the whole server is tested on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// SQLite in the data directory, which needs no settings.
    Sqlite,
    /// Memory, with users in SQLite.
    Memory,
    /// PostgreSQL, with users in it too.
    Postgres,
    /// Redis or Valkey alone, with users in SQLite.
    Redis(Flavor),
    /// Redis before PostgreSQL, or Valkey before SQLite.
    Backed(Flavor),
}

impl StoreKind {
    const NAMES: [(&str, Self); 7] = [
        ("sqlite", Self::Sqlite),
        ("memory", Self::Memory),
        ("postgres", Self::Postgres),
        ("redis", Self::Redis(Flavor::Redis)),
        ("valkey", Self::Redis(Flavor::Valkey)),
        ("redis-backed", Self::Backed(Flavor::Redis)),
        ("valkey-backed", Self::Backed(Flavor::Valkey)),
    ];

    /// The one that the environment names.
    #[track_caller]
    pub fn chosen() -> Self {
        let name = std::env::var(VARIABLE).unwrap_or_default();
        if name.is_empty() { Self::Sqlite } else { Self::named(&name) }
    }

    #[track_caller]
    fn named(name: &str) -> Self {
        let found = Self::NAMES.iter().find(|(known, _)| *known == name);
        let known = || Self::NAMES.map(|(name, _)| name).join(", ");
        found.map_or_else(|| panic!("{VARIABLE}={name}: it is one of {}", known()), |(_, it)| *it)
    }

    /// Whether users, and sessions if they are in SQL, are in PostgreSQL.
    pub fn uses_postgres(self) -> bool {
        matches!(self, Self::Postgres | Self::Backed(Flavor::Redis))
    }

    /// The Redis or Valkey it uses.
    pub fn flavor(self) -> Option<Flavor> {
        match self {
            Self::Redis(flavor) | Self::Backed(flavor) => Some(flavor),
            _ => None,
        }
    }

    fn strategy(self) -> &'static str {
        match self {
            Self::Sqlite | Self::Postgres => "database",
            Self::Memory => "memory",
            Self::Redis(_) | Self::Backed(_) => "redis",
        }
    }
}

/// The servers that keep sessions while the whole server is tested, each behind a proxy of its own.
#[derive(Debug)]
pub struct StoreServers {
    kind: StoreKind,
    /// A database of one's own among others, which takes no time to start.
    shared: Option<Behind<SharedPostgres>>,
    postgres: Option<Behind<Postgres>>,
    redis: Option<Behind<Redis>>,
}

/// A server and the proxy that clients go through.
#[derive(Debug)]
struct Behind<T> {
    server: Mutex<T>,
    proxy: Proxy,
}

impl<T> Behind<T> {
    fn proxy(server: T, port: u16) -> Self {
        Self { server: Mutex::new(server), proxy: Proxy::before(port) }
    }

    fn server(&self) -> MutexGuard<'_, T> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StoreServers {
    /// Starts what `kind` needs; PostgreSQL is one that the tests of a run share, and cannot be
    /// stopped. `None` where a program is missing (a visible skip).
    #[track_caller]
    pub fn start(kind: StoreKind) -> Option<Self> {
        let shared = if kind.uses_postgres() { Some(SharedPostgres::database()?) } else { None };
        let redis = match kind.flavor() {
            Some(flavor) => Some(Redis::start(flavor)?),
            None => None,
        };
        let shared = shared.map(|it| {
            let port = it.port();
            Behind::proxy(it, port)
        });
        Some(Self { shared, ..Self::of(kind, None, redis) })
    }

    /// Starts what `kind` needs, all of it private: it may be stopped, and its settings changed.
    #[track_caller]
    pub fn start_private(kind: StoreKind) -> Option<Self> {
        let postgres = if kind.uses_postgres() { Some(Postgres::start()?) } else { None };
        let redis = match kind.flavor() {
            Some(flavor) => Some(Redis::start(flavor)?),
            None => None,
        };
        Some(Self::of(kind, postgres, redis))
    }

    /// Takes servers that the test has started as it wants them.
    pub fn of(kind: StoreKind, postgres: Option<Postgres>, redis: Option<Redis>) -> Self {
        let postgres = postgres.map(|it| {
            let port = it.port();
            Behind::proxy(it, port)
        });
        let redis = redis.map(|it| {
            let port = it.port();
            Behind::proxy(it, port)
        });
        Self { kind, shared: None, postgres, redis }
    }

    /// What is tested.
    pub fn kind(&self) -> StoreKind {
        self.kind
    }

    /// The environment that leads the server to them.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let mut all = Vec::new();
        if self.kind != StoreKind::Sqlite {
            all.push(("CLOAKROOM_STRATEGY", self.kind.strategy().to_owned()));
        }
        if let Some(shared) = &self.shared {
            let url = shared.proxy.instead_in(&shared.server().url());
            all.push(("CLOAKROOM_DATABASE_URL", url));
        }
        if let Some(postgres) = &self.postgres {
            let server = postgres.server();
            all.push(("CLOAKROOM_DATABASE_URL", postgres.proxy.instead_in(&server.url())));
            let password = server.password().map(str::to_owned);
            all.extend(password.map(|it| ("CLOAKROOM_DATABASE_PASSWORD", it)));
        }
        if let Some(redis) = &self.redis {
            let server = redis.server();
            all.push(("CLOAKROOM_REDIS_URL", redis.proxy.instead_in(&server.url())));
            let password = server.password().map(str::to_owned);
            all.extend(password.map(|it| ("CLOAKROOM_REDIS_PASSWORD", it)));
        }
        if matches!(self.kind, StoreKind::Backed(_)) {
            all.push(("CLOAKROOM_REDIS_BACKING", "database".to_owned()));
        }
        all
    }

    /// What statements say that are run in PostgreSQL beside the server; `None` without one.
    #[track_caller]
    pub fn sql(&self, statements: &str) -> Option<Rows> {
        let mut connection = self.connect()?;
        let said = connection.query(statements);
        Some(said.unwrap_or_else(|fault| panic!("{statements}: {fault}")))
    }

    /// A connection to PostgreSQL beside the server; `None` without one.
    #[track_caller]
    pub fn connect(&self) -> Option<PostgresConnection> {
        let connected = match (&self.shared, &self.postgres) {
            (Some(shared), _) => shared.server().connect_to_own(),
            (None, Some(postgres)) => postgres.server().connect(DATABASE),
            (None, None) => return None,
        };
        Some(connected.expect("PostgreSQL runs"))
    }

    /// The private PostgreSQL, when there is one.
    pub fn postgres(&self) -> Option<MutexGuard<'_, Postgres>> {
        self.postgres.as_ref().map(Behind::server)
    }

    /// The Redis or Valkey, when there is one.
    pub fn redis(&self) -> Option<MutexGuard<'_, Redis>> {
        self.redis.as_ref().map(Behind::server)
    }

    /// The proxy before PostgreSQL.
    pub fn postgres_proxy(&self) -> Option<&Proxy> {
        let shared = self.shared.as_ref().map(|it| &it.proxy);
        shared.or_else(|| self.postgres.as_ref().map(|it| &it.proxy))
    }

    /// The proxy before Redis or Valkey.
    pub fn redis_proxy(&self) -> Option<&Proxy> {
        self.redis.as_ref().map(|it| &it.proxy)
    }

    /// All proxies.
    pub fn proxies(&self) -> impl Iterator<Item = &Proxy> {
        self.postgres_proxy().into_iter().chain(self.redis_proxy())
    }

    #[track_caller]
    fn check_private(&self) {
        assert!(self.shared.is_none(), "start_private: others use this PostgreSQL too");
    }

    /// Kills all of them as a power cut would.
    pub fn kill(&self) {
        self.check_private();
        if let Some(mut postgres) = self.postgres() {
            postgres.kill();
        }
        if let Some(mut redis) = self.redis() {
            redis.kill();
        }
    }

    /// Starts all of them again on their data and ports.
    #[track_caller]
    pub fn start_again(&self) {
        if let Some(mut postgres) = self.postgres() {
            postgres.start_again();
        }
        if let Some(mut redis) = self.redis() {
            redis.start_again();
        }
    }

    /// Makes all of them stand still without closing anything.
    pub fn pause(&self) {
        self.check_private();
        if let Some(postgres) = self.postgres() {
            postgres.pause();
        }
        if let Some(redis) = self.redis() {
            redis.pause();
        }
    }

    /// Lets all of them go on.
    pub fn resume(&self) {
        if let Some(postgres) = self.postgres() {
            postgres.resume();
        }
        if let Some(redis) = self.redis() {
            redis.resume();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_and_another_is_refused() {
        for (name, kind) in StoreKind::NAMES {
            assert_eq!(StoreKind::named(name), kind);
        }
        let fault = std::panic::catch_unwind(|| StoreKind::named("mysql")).unwrap_err();
        assert!(fault.downcast::<String>().unwrap().contains("it is one of sqlite, memory"));
    }

    #[test]
    fn the_server_is_led_to_the_proxies_of_what_it_is_tested_on() {
        let kind = StoreKind::Backed(Flavor::Redis);
        let Some(servers) = StoreServers::start(kind) else { return };
        let environment = servers.environment();
        let value = |name: &str| {
            environment.iter().find(|(it, _)| *it == name).map(|(_, value)| value.as_str())
        };
        assert_eq!(value("CLOAKROOM_STRATEGY"), Some("redis"));
        assert_eq!(value("CLOAKROOM_REDIS_BACKING"), Some("database"));
        let port = |proxy: Option<&Proxy>| format!(":{}/", proxy.unwrap().port());
        let database = value("CLOAKROOM_DATABASE_URL").unwrap();
        assert!(database.contains(&port(servers.postgres_proxy())), "{database}");
        let redis = value("CLOAKROOM_REDIS_URL").unwrap();
        assert!(redis.contains(&port(servers.redis_proxy())), "{redis}");
        assert_eq!(servers.proxies().count(), 2);
    }

    #[test]
    fn sqlite_needs_no_settings_and_memory_only_its_name() {
        let environment = |kind| StoreServers::start(kind).unwrap().environment();
        assert_eq!(environment(StoreKind::Sqlite), []);
        let memory = [("CLOAKROOM_STRATEGY", "memory".to_owned())];
        assert_eq!(environment(StoreKind::Memory), memory);
    }
}
