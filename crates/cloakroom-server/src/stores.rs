//! Where sessions are kept: from the configuration to the store.

use std::sync::Arc;

use anyhow::{Result, bail};
use cloakroom::postgres::PostgresStore;
use cloakroom::redis::{Backed, OpenError, Options, RedisStore};
use cloakroom::sqlite::SqliteStore;
use cloakroom::{
    Clock, Durability, MemoryFiles, MemoryOptions, MemoryStore, SessionStore, SystemClock,
};

use crate::config::{Config, Snapshot, Strategy};
use crate::node_keys::NodeKeys;
use crate::sql::Sql;

/// The file in the data directory that sessions in memory are saved to.
const SNAPSHOT: &str = "sessions.snapshot";

/// Opens the store of the strategy, memory apart. `sql` is the database of the users.
///
/// # Errors
/// Says what is wrong with the store and what to do.
pub async fn open(config: &Config, sql: &Sql, keys: &NodeKeys) -> Result<Arc<dyn SessionStore>> {
    match config.server.strategy {
        Strategy::Memory => bail!("sessions in memory are opened by themselves"),
        Strategy::Database => beside(sql).await,
        Strategy::Redis if config.redis.backing => backed(config, sql, keys).await,
        Strategy::Redis => alone(config, keys).await,
    }
}

/// Opens sessions in memory, with what the last stop saved.
///
/// # Errors
/// The snapshot cannot be read, removed or written.
pub fn memory(config: &Config) -> Result<MemoryStore> {
    let (memory, path) = (config.memory, config.server.data.join(SNAPSHOT));
    let options = MemoryOptions {
        max_sessions: memory.max_sessions.into(),
        max_bytes: u64::from(memory.max_megabytes) << 20,
        when_full: memory.when_full,
    };
    let every = match memory.snapshot {
        Snapshot::Off => {
            MemoryStore::discard(&path)?;
            say_what_memory_is("all of them end with it");
            return Ok(MemoryStore::within(options));
        }
        Snapshot::Shutdown => None,
        Snapshot::Every(pause) => Some(pause),
    };
    say_what_memory_is(match every {
        None => "a crash ends them all; an orderly stop saves them",
        Some(_) => "a crash ends those begun since the last snapshot",
    });
    let now = Clock::now(&SystemClock::new());
    let (store, restored) = MemoryStore::open(MemoryFiles { path, every }, options, now)?;
    if let Some(back) = restored.set_back {
        tracing::warn!(
            seconds = back.as_secs(),
            "the clock of this machine was set back since the sessions were saved; they live so \
             much longer"
        );
    }
    if let Some(aside) = &restored.set_aside {
        tracing::error!(
            reason = aside.reason,
            path = %aside.path.display(),
            "the snapshot of sessions could not be used and was set aside; everybody has to sign \
             in again"
        );
    }
    Ok(store)
}

fn say_what_memory_is(end: &str) {
    tracing::warn!(
        "sessions are in the memory of this one process: no other server knows them, and {end}"
    );
}

/// In the database of the users.
async fn beside(sql: &Sql) -> Result<Arc<dyn SessionStore>> {
    match (sql.sqlite_database(), sql.postgres_database()) {
        (Some(file), _) => Ok(Arc::new(SqliteStore::within(file.clone())?)),
        (_, Some(database)) => Ok(Arc::new(PostgresStore::within(database.clone()).await?)),
        (None, None) => bail!("there is no database for sessions"),
    }
}

/// In the database of the users, before which Redis is a cache of servers on it alone.
async fn backed(config: &Config, sql: &Sql, keys: &NodeKeys) -> Result<Arc<dyn SessionStore>> {
    let options = redis(config).backing_name(keys.database_name().await?);
    match Backed::open(options, beside(sql).await?).await {
        Ok(store) => Ok(Arc::new(store)),
        Err(OpenError::OtherBacking { .. }) => bail!(
            "{}; a minute after the last server on the other database has stopped, this one can \
             use it",
            other_users(config)
        ),
        Err(fault) => Err(fault.into()),
    }
}

/// Says that a second server has users of its own, and what to do.
fn other_users(config: &Config) -> String {
    format!(
        "{} holds the sessions of a Cloakroom whose users are in another database. For a second \
         server set database.url to one PostgreSQL for both; for another installation set another \
         redis.prefix than \"{}\"",
        config.redis.url, config.redis.prefix,
    )
}

/// In Redis, of which several servers may only use the same keys if they have the same users.
async fn alone(config: &Config, keys: &NodeKeys) -> Result<Arc<dyn SessionStore>> {
    let store = RedisStore::open(redis(config)).await?;
    let own = keys.database_name().await?;
    if store.owned_by(&own).await? != own {
        bail!(
            "{}; if the other database is gone for good, remove the key {}:{{owner}}:name from \
             Redis",
            other_users(config),
            config.redis.prefix,
        );
    }
    if cloakroom::Store::durability(&store) != Durability::Lossless {
        tracing::warn!(
            durability = %cloakroom::Store::durability(&store),
            "Redis does not write every change to its disk before it answers; redis.backing = \
             \"database\" keeps what was acknowledged"
        );
    }
    Ok(Arc::new(store))
}

fn redis(config: &Config) -> Options {
    let options = Options::new(config.redis.url.url())
        .prefix(config.redis.prefix.as_str())
        .require_durable(config.redis.require_durable)
        .response_timeout(config.store.timeout);
    match config.redis.password.reveal() {
        Some(password) => options.password(password),
        None => options,
    }
}
