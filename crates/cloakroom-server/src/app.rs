//! What every part of the server shares.

#[cfg(test)]
mod tests;

use std::fs::{DirBuilder, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use cloakroom::{
    AssertionKey, Cloakroom, CookiePolicy, MemoryStore, SecretKey, SessionStore, Timestamp,
};

use crate::api_keys::ApiKeys;
use crate::config::{Config, DatabaseAt, Snapshot, Strategy};
use crate::events::Witness;
use crate::guesses::Guesses;
use crate::node_keys::NodeKeys;
use crate::passwords::{PasswordPolicy, Pool};
use crate::peer;
use crate::reservations::Reservations;
use crate::returns::Returns;
use crate::sql::{EMBEDDED, Sql};
use crate::stores;
use crate::strategy_change::SessionPlace;
use crate::users::Users;

/// Where session tokens are made from.
pub const SESSION_KEY: &str = "session.key";
/// What signs identity assertions.
pub const ASSERTION_KEY: &str = "assertion.key";

/// The open server: configuration, sessions, users and keys.
#[derive(Debug)]
pub struct App {
    /// The configuration in force.
    pub config: Config,
    /// The sessions.
    pub cloakroom: Cloakroom,
    /// The store, if they are in memory.
    pub memory: Option<MemoryStore>,
    /// Where sessions were until now.
    pub place: SessionPlace,
    /// The users.
    pub users: Users,
    /// The keys of applications.
    pub api_keys: ApiKeys,
    /// What creations of sessions with an idempotency key are to make.
    pub reservations: Reservations,
    /// The failed sign-ins.
    pub guesses: Guesses,
    /// Where passwords are hashed.
    pub passwords: Pool,
    /// What a new password must be.
    pub password_policy: PasswordPolicy,
    /// Where a sign-in may lead.
    pub returns: Returns,
    /// What signs identity assertions.
    pub assertions: AssertionKey,
    /// Held while an end is finished that was left half done.
    pub finishing: Arc<tokio::sync::Mutex<()>>,
    /// When it was opened.
    pub started_at: Timestamp,
}

/// An [`App`] that many requests share.
pub type SharedApp = Arc<App>;

impl App {
    /// Opens the data directory, making what is missing in it.
    ///
    /// # Errors
    /// Says which file is wrong and what to do; nothing is overwritten.
    pub async fn open(config: Config) -> Result<SharedApp> {
        let data = &config.server.data;
        make_directory(data)?;
        warn_of_lost_key(data);
        let sql = Sql::open(&config).await?;
        let keys = node_keys(&config, sql.clone()).await?;
        let session_key =
            keys.key(SESSION_KEY, &data.join(SESSION_KEY), SecretKey::generate()?.reveal()).await?;
        let assertions = assertion_key(&keys, &data.join(ASSERTION_KEY)).await?;
        let place = SessionPlace::open(sql.clone(), &config).await?;
        let users = Users::open(sql.clone()).await?;
        let api_keys = ApiKeys::open(sql.clone()).await?;
        let reservations = Reservations::open(sql.clone()).await?;
        // Sessions and failed sign-ins each derive a key of their own from it.
        let guesses = Guesses::open(sql.clone(), &session_key, &config.login).await?;
        let (passwords, cookie) =
            (Pool::start()?, CookiePolicy::host(config.cookie.name.as_str())?);
        // Last: what sessions in memory saved is taken with the opening.
        let memory = match config.server.strategy {
            Strategy::Memory => Some(stores::memory(&config)?),
            _ => None,
        };
        let store: Arc<dyn SessionStore> = match &memory {
            Some(memory) => Arc::new(memory.clone()),
            None => stores::open(&config, &sql, &keys).await?,
        };
        let cloakroom = Cloakroom::store(store)
            .key_file(data.join(SESSION_KEY))
            .policy(config.policy())
            .cookie(cookie)
            .client_address(peer::client_address)
            .observer(Arc::new(Witness))
            .open()
            .await?;
        Ok(Arc::new(Self {
            finishing: Arc::default(),
            started_at: cloakroom.sessions().now(),
            cloakroom,
            memory,
            place,
            users,
            api_keys,
            reservations,
            guesses,
            passwords,
            password_policy: PasswordPolicy { min_length: config.password.min_length as usize },
            returns: Returns::of(&config),
            assertions,
            config,
        }))
    }
}

impl App {
    /// Writes what is pending, and sessions in memory to their file; the last act of a server.
    ///
    /// # Errors
    /// What could not be written.
    pub async fn close(&self) -> Result<()> {
        self.cloakroom.close().await.context("what was pending could not be written")?;
        let Some(memory) = &self.memory else { return Ok(()) };
        if self.config.memory.snapshot != Snapshot::Off {
            let memory = memory.clone();
            let saved = tokio::task::spawn_blocking(move || memory.save()).await?;
            tracing::info!(sessions = saved?, "sessions were saved");
        }
        Ok(())
    }
}

/// Makes the directory, readable by its owner only, and checks that files can be made in it.
pub(crate) fn make_directory(data: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(data);
    made.with_context(|| format!("the data directory {} cannot be made", data.display()))?;
    let probe = data.join(format!(".writable.{}", std::process::id()));
    match OpenOptions::new().write(true).create_new(true).open(&probe) {
        Ok(_) => Ok(std::fs::remove_file(&probe)?),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => bail!(
            "the data directory {} is not writable ({error}); choose another with --data, or \
             change its permissions",
            data.display()
        ),
    }
}

/// A new key is made then, and everybody has to sign in again: that must not go unnoticed.
fn warn_of_lost_key(data: &Path) {
    let there = |name| data.join(name).exists();
    if there(EMBEDDED) && !there(SESSION_KEY) {
        tracing::warn!(
            "session.key is missing beside cloakroom.db; a new one is made and all earlier \
             sessions are refused. To keep them, stop and put the file back"
        );
    }
}

/// The keys that all nodes share. A database in the data directory has no other node, because a
/// directory has one server.
///
/// # Errors
/// A fault of the database.
pub async fn node_keys(config: &Config, sql: Sql) -> Result<NodeKeys> {
    NodeKeys::open(sql, config.database.url != DatabaseAt::Embedded).await
}

async fn assertion_key(keys: &NodeKeys, path: &Path) -> Result<AssertionKey> {
    let kept = keys.key(ASSERTION_KEY, path, &AssertionKey::generate()?).await?;
    let key = AssertionKey::from_pkcs8(&kept);
    key.with_context(|| format!("{} holds no key that can be used", path.display()))
}
