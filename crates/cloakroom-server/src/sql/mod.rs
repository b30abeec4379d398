//! The server's own tables, in whichever database they are kept.
//!
//! Statements are written once, in SQL that SQLite and PostgreSQL both understand: tables under
//! their SQLite names (`cloakroom_user`) and parameters as `?1`. On PostgreSQL the prefix becomes
//! the schema and parameters `$1`. What differs is the making of the tables: [`Tables`].

mod error;
mod list;
mod row;
mod tables;
mod transaction;
mod value;

use std::fmt;
use std::pin::Pin;

use anyhow::Result;
use cloakroom::StoreError;
use cloakroom::sqlite;

pub use error::SqlError;
pub use list::parameters;
pub use row::Row;
pub use tables::Tables;
pub use transaction::Transaction;
pub use value::Value;

/// A database. Clones share it.
#[derive(Clone)]
pub enum Sql {
    /// A file.
    Sqlite(sqlite::Database),
}

/// What the steps of a write are while they run.
pub type Steps<'a, T> = Pin<Box<dyn Future<Output = Result<T, SqlError>> + Send + 'a>>;

impl Sql {
    /// Brings tables up to date. Several nodes may do so at once.
    ///
    /// # Errors
    /// Also when a newer program has been here; nothing was changed then.
    pub async fn migrate(&self, tables: &Tables) -> Result<()> {
        match self {
            Self::Sqlite(database) => Ok(database.migrate(&tables.sqlite())?),
        }
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
        let rows = match self {
            Self::Sqlite(database) => database.read(operation, |connection| {
                transaction::sqlite_rows(connection, statement, values)
            })?,
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
    /// comes in between. It is answered after the commit.
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
        match self {
            Self::Sqlite(database) => {
                let write = database.write_alone(operation, move |connection| {
                    let mut transaction = Transaction::Sqlite(connection);
                    let done = transaction::ready(steps(&state, &mut transaction));
                    done.map_err(SqlError::into_sqlite)
                });
                write.await
            }
        }
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

impl From<sqlite::Database> for Sql {
    fn from(database: sqlite::Database) -> Self {
        Self::Sqlite(database)
    }
}

impl fmt::Debug for Sql {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(database) => database.fmt(formatter),
        }
    }
}
