//! The server's own tables, in whichever database they are kept.
//!
//! Statements are written once, in SQL that SQLite and PostgreSQL both understand: tables under
//! their SQLite names (`cloakroom_user`) and parameters as `?1`. On PostgreSQL the prefix becomes
//! the schema and parameters `$1`. What differs is the making of the tables: [`Tables`].

mod error;
mod list;
mod open;
mod postgres;
mod row;
mod tables;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod transaction;
mod value;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use cloakroom::{StoreError, sqlite};
use tokio::sync::Semaphore;
use tokio::time::timeout;

pub use error::SqlError;
pub use list::parameters;
pub use open::EMBEDDED;
pub use row::{Column, Row};
pub use tables::Tables;
pub use transaction::Transaction;
pub use value::Value;

/// How long an answer may take unless it is said: as a store's.
const PATIENCE: Duration = Duration::from_secs(2);

/// A database. Clones share it.
#[derive(Clone, Debug)]
pub struct Sql {
    engine: Engine,
    patience: Duration,
}

#[derive(Clone, Debug)]
enum Engine {
    Sqlite(sqlite::Database),
    /// Writes of one node take turns, so that they are not in each other's way; those of other
    /// nodes may be, and run again then.
    Postgres {
        database: cloakroom::postgres::Database,
        turns: Arc<Semaphore>,
    },
}

/// What the steps of a write are while they run.
pub type Steps<'a, T> = Pin<Box<dyn Future<Output = Result<T, SqlError>> + Send + 'a>>;

impl Sql {
    /// A file.
    pub fn sqlite(database: sqlite::Database) -> Self {
        Self { engine: Engine::Sqlite(database), patience: PATIENCE }
    }

    /// A schema of a PostgreSQL database, which many nodes may share.
    pub fn postgres(database: cloakroom::postgres::Database) -> Self {
        let turns = Arc::new(Semaphore::new(1));
        Self { engine: Engine::Postgres { database, turns }, patience: PATIENCE }
    }

    /// How long an answer may take: 2 s by default. A read that is late has failed; of a write
    /// that is late the outcome is unknown, and it still runs to its end.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Whether several nodes can share it.
    pub fn is_shared(&self) -> bool {
        matches!(self.engine, Engine::Postgres { .. })
    }

    /// Brings tables up to date. Several nodes may do so at once.
    ///
    /// # Errors
    /// Also when a newer program has been here; nothing was changed then.
    pub async fn migrate(&self, tables: &Tables) -> Result<()> {
        match &self.engine {
            Engine::Sqlite(database) => database.migrate(&tables.of_sqlite())?,
            Engine::Postgres { database, .. } => database.migrate(&tables.of_postgres()).await?,
        }
        Ok(())
    }

    /// Reads with one statement, in one round trip; `read` is called for each row. On SQLite it
    /// is done on the calling thread and takes microseconds.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    pub async fn read<T>(
        &self,
        operation: &'static str,
        statement: &str,
        values: &[Value],
        read: impl FnMut(&Row) -> Result<T, SqlError>,
    ) -> Result<Vec<T>, StoreError> {
        let rows = match &self.engine {
            Engine::Sqlite(database) => database.read(operation, |connection| {
                transaction::sqlite_rows(connection, statement, values)
            })?,
            Engine::Postgres { .. } if postgres::is_nowhere(values) => Vec::new(),
            Engine::Postgres { database, .. } => {
                let (sql, values) =
                    (postgres::statement(database, statement), postgres::values(values));
                let found = database.read(operation, &sql, values, |rows| postgres::rows(&rows));
                let found = timeout(self.patience, found).await;
                found.map_err(|late| StoreError::failed(operation, late))??
            }
        };
        let read = rows.iter().map(read).collect::<Result<_, _>>();
        read.map_err(|error| StoreError::failed(operation, error))
    }

    /// As [`Sql::read`], of one row at most.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    pub async fn read_one<T>(
        &self,
        operation: &'static str,
        statement: &str,
        values: &[Value],
        read: impl FnMut(&Row) -> Result<T, SqlError>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.read(operation, statement, values, read).await?.into_iter().next())
    }

    /// Does all of `steps` in one transaction, or none of them if one fails; no other transaction
    /// comes in between. It is answered after the commit, and runs to its end once it has begun.
    ///
    /// `steps` may run more than once, and only the last run counts: they take all they need from
    /// `state` and wait for nothing but the transaction.
    ///
    /// # Errors
    /// [`StoreError::Failed`] when nothing was written; [`StoreError::Unknown`] when the commit
    /// may or may not have happened.
    pub async fn write<S, T>(
        &self,
        operation: &'static str,
        state: S,
        steps: for<'a> fn(&'a S, &'a mut Transaction<'_>) -> Steps<'a, T>,
    ) -> Result<T, StoreError>
    where
        S: Send + Sync + 'static,
        T: Send + Unpin + 'static,
    {
        let written = match &self.engine {
            Engine::Sqlite(database) => {
                let write = database.write_alone(operation, move |connection| {
                    let mut transaction = Transaction::Sqlite(connection);
                    let done = transaction::ready(steps(&state, &mut transaction));
                    done.map_err(SqlError::into_sqlite)
                });
                timeout(self.patience, write).await
            }
            Engine::Postgres { database, turns } => {
                let Ok(turn) = timeout(self.patience, Arc::clone(turns).acquire_owned()).await
                else {
                    return Err(StoreError::failed(operation, "busy: other writes are under way"));
                };
                // The semaphore is never closed. The turn ends with the write, answered or not.
                let held = Arc::new((state, database.clone(), turn));
                let write = database.write(operation, move |transaction| {
                    let held = Arc::clone(&held);
                    async move {
                        let (state, database, _) = &*held;
                        let mut transaction = Transaction::Postgres(database.clone(), transaction);
                        steps(state, &mut transaction).await.map_err(SqlError::into_postgres)
                    }
                });
                timeout(self.patience, write).await
            }
        };
        written.unwrap_or_else(|late| Err(StoreError::unknown(operation, late)))
    }

    /// As [`Sql::write`], of one statement. Returns how many rows it has changed.
    ///
    /// # Errors
    /// As [`Sql::write`].
    pub async fn write_one(
        &self,
        operation: &'static str,
        statement: &'static str,
        values: Vec<Value>,
    ) -> Result<u64, StoreError> {
        let write = self.write(operation, (statement, values), |state, transaction| {
            let (statement, values) = state;
            Box::pin(transaction.run(statement, values))
        });
        write.await
    }
}
