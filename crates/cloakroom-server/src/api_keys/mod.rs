//! The keys with which applications use `/v1`: shown once, kept as digests.

mod key;
mod rows;
mod scope;

use cloakroom::sqlite::{Database, Migrations, OpenError};
use cloakroom::{StoreError, Timestamp};

pub use key::ApiKey;
pub use rows::ApiKeyRow;
pub use scope::{Scope, ScopeError};

const MIGRATIONS: Migrations = Migrations {
    component: "api_key",
    steps: &[rows::V1, "ALTER TABLE api_key RENAME TO cloakroom_api_key"],
    begin: Some((2, rows::V2)),
};

/// How exactly "last used" is kept, in milliseconds: one write a minute and key.
const LAST_USED_TO: i64 = 60_000;
/// Most keys there can be, so that the list of them has one page.
const MOST_KEYS: i64 = 1_000;

/// All API keys. Clones share the database.
#[derive(Clone, Debug)]
pub struct ApiKeys {
    database: Database,
}

/// What adding a key came to.
#[derive(Clone, Debug)]
pub enum Added {
    /// It is there.
    Done(ApiKeyRow),
    /// Another one has this name.
    NameTaken,
    /// There are as many as there may be: 1,000.
    TooMany,
}

impl ApiKeys {
    /// Opens the table of keys in `database`, making it if needed.
    ///
    /// # Errors
    /// As [`Database::migrate`].
    pub fn open(database: Database) -> Result<Self, OpenError> {
        database.migrate(&MIGRATIONS)?;
        Ok(Self { database })
    }

    /// Keeps the digest of `key` under `name`.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn add(
        &self,
        key: &ApiKey,
        name: String,
        scopes: Vec<Scope>,
        now: Timestamp,
    ) -> Result<Added, StoreError> {
        let (id, digest) = (key.id(), key.digest());
        let write = self.database.write("add an API key", move |connection| {
            if rows::count(connection)? >= MOST_KEYS {
                return Ok(Added::TooMany);
            }
            let added = rows::insert(connection, &id, &digest, &name, &scopes, now)?;
            Ok(added.map_or(Added::NameTaken, Added::Done))
        });
        write.await
    }

    /// All keys, in order of their names.
    ///
    /// # Errors
    /// A fault of the database.
    pub fn list(&self) -> Result<Vec<ApiKeyRow>, StoreError> {
        self.database.read("list API keys", rows::list)
    }

    /// Removes the key with this id or name; it is refused from then on. `None` when there is
    /// none.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn remove(&self, id_or_name: &str) -> Result<Option<ApiKeyRow>, StoreError> {
        let wanted = id_or_name.to_owned();
        let write = self
            .database
            .write("remove an API key", move |connection| rows::remove(connection, &wanted));
        write.await
    }

    /// Whose key a request presented; `None` when it is nobody's. Costs one read, and once a
    /// minute a write that nobody waits for.
    ///
    /// # Errors
    /// A fault of the database, which says nothing about the key.
    pub fn check(&self, presented: &str, now: Timestamp) -> Result<Option<ApiKeyRow>, StoreError> {
        let Some(key) = ApiKey::read(presented) else { return Ok(None) };
        let id = key.id();
        let found = self.database.read("look up an API key", |database| rows::find(database, &id));
        let Some((row, digest)) = found? else { return Ok(None) };
        if !key.has_digest(&digest) {
            return Ok(None);
        }
        self.note_use(&row, now);
        Ok(Some(row))
    }

    fn note_use(&self, row: &ApiKeyRow, now: Timestamp) {
        let noted = row.last_used_at.map_or(i64::MIN, Timestamp::unix_millis);
        if now.unix_millis().saturating_sub(noted) < LAST_USED_TO {
            return;
        }
        let id = row.id.clone();
        // A write runs to its end unwatched; a "last used" that is lost does no harm.
        drop(self.database.write("note the use of an API key", move |connection| {
            rows::used(connection, &id, now)
        }));
    }
}
