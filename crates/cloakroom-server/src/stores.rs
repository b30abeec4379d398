//! Where sessions are kept: from the configuration to the store.

use std::sync::Arc;

use anyhow::{Result, bail};
use cloakroom::postgres::PostgresStore;
use cloakroom::redis::{Backed, Options, RedisStore};
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
        Strategy::Redis if config.redis.backing => {
            Ok(Arc::new(Backed::open(redis(config), beside(sql).await?).await?))
        }
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

/// In Redis, of which several servers may only use the same keys if they have the same users.
async fn alone(config: &Config, keys: &NodeKeys) -> Result<Arc<dyn SessionStore>> {
    let store = RedisStore::open(redis(config)).await?;
    let own = keys.database_name().await?;
    if store.owned_by(&own).await? != own {
        bail!(
            "{url} holds the sessions of a Cloakroom whose users are in another database. For a \
             second server set database.url to one PostgreSQL for both; for another installation \
             set another redis.prefix than \"{prefix}\"; if the other database is gone for good, \
             remove the key {prefix}:{{owner}}:name from Redis",
            url = config.redis.url,
            prefix = config.redis.prefix,
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
