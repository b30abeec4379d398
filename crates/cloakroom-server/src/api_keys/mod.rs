//! The keys with which applications use `/v1`: shown once, kept as digests.

mod key;
mod rows;
mod scope;
#[cfg(test)]
mod tests;

use anyhow::Result;
use cloakroom::{StoreError, Timestamp};

pub use key::ApiKey;
pub use rows::ApiKeyRow;
use rows::NewKey;
pub use scope::{Scope, ScopeError};

use crate::sql::Sql;

/// How exactly "last used" is kept, in milliseconds: one write a minute and key.
const LAST_USED_TO: i64 = 60_000;
/// Most keys there can be, so that the list of them has one page.
const MOST_KEYS: i64 = 1_000;

/// All API keys. Clones share the database.
#[derive(Clone, Debug)]
pub struct ApiKeys {
    sql: Sql,
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
    /// Opens the table of keys, making it if needed.
    ///
    /// # Errors
    /// As [`Sql::migrate`].
    pub async fn open(sql: Sql) -> Result<Self> {
        sql.migrate(&rows::TABLES).await?;
        Ok(Self { sql })
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
        let new = NewKey { id: key.id(), digest: key.digest(), name, scopes, now };
        let write = self.sql.write("add an API key", new, |new, transaction| {
            Box::pin(async move {
                if rows::count(transaction).await? >= MOST_KEYS {
                    return Ok(Added::TooMany);
                }
                let added = rows::insert(transaction, new).await?;
                Ok(added.map_or(Added::NameTaken, Added::Done))
            })
        });
        write.await
    }

    /// All keys, in order of their names.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn list(&self) -> Result<Vec<ApiKeyRow>, StoreError> {
        self.sql.read("list API keys", rows::LIST, &[], rows::read).await
    }

    /// Removes the key with this id or name; it is refused from then on. `None` when there is
    /// none.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn remove(&self, id_or_name: &str) -> Result<Option<ApiKeyRow>, StoreError> {
        let wanted = id_or_name.to_owned();
        let write = self.sql.write("remove an API key", wanted, |wanted, transaction| {
            Box::pin(rows::remove(transaction, wanted))
        });
        write.await
    }

    /// Whose key a request presented; `None` when it is nobody's. Costs one read, and once a
    /// minute a write that nobody waits for.
    ///
    /// # Errors
    /// A fault of the database, which says nothing about the key.
    pub async fn check(
        &self,
        presented: &str,
        now: Timestamp,
    ) -> Result<Option<ApiKeyRow>, StoreError> {
        let Some(key) = ApiKey::read(presented) else { return Ok(None) };
        let id = [(&key.id()).into()];
        let found = self.sql.read_one("look up an API key", rows::FIND, &id, rows::found).await?;
        let Some((row, digest)) = found else { return Ok(None) };
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
        let (sql, values) = (self.sql.clone(), vec![(&row.id).into(), now.into()]);
        // A "last used" that is lost does no harm.
        tokio::spawn(async move {
            let _ = sql.write_one("note the use of an API key", rows::USED, values).await;
        });
    }
}
