use std::fmt;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use cloakroom::postgres;
use cloakroom::sqlite::rusqlite::{self, Connection, params_from_iter};

use super::postgres::{rows, statement, values};
use super::{Row, SqlError, Value};

/// The transaction that the steps of a write run in.
pub enum Transaction<'a> {
    /// On the thread that writes to the file; its answers are ready at once.
    Sqlite(&'a mut Connection),
    /// On a connection; each answer takes a round trip.
    Postgres(postgres::Database, postgres::Transaction),
}

impl Transaction<'_> {
    /// The rows of a statement.
    ///
    /// # Errors
    /// What the database said.
    pub async fn rows(&mut self, sql: &str, given: &[Value]) -> Result<Vec<Row>, SqlError> {
        match self {
            Self::Sqlite(connection) => Ok(sqlite_rows(connection, sql, given)?),
            Self::Postgres(database, transaction) => {
                let (sql, given) = (statement(database, sql), values(given));
                let found = transaction.query(&sql, &given).await.map_err(SqlError::Postgres)?;
                rows(&found).map_err(SqlError::Postgres)
            }
        }
    }

    /// The first row of a statement.
    ///
    /// # Errors
    /// What the database said.
    pub async fn row(&mut self, sql: &str, given: &[Value]) -> Result<Option<Row>, SqlError> {
        Ok(self.rows(sql, given).await?.into_iter().next())
    }

    /// Runs a statement without rows. Returns how many it has changed.
    ///
    /// # Errors
    /// What the database said.
    pub async fn run(&mut self, sql: &str, given: &[Value]) -> Result<u64, SqlError> {
        match self {
            Self::Sqlite(connection) => {
                let mut prepared = connection.prepare_cached(sql)?;
                Ok(prepared.execute(params_from_iter(given))? as u64)
            }
            Self::Postgres(database, transaction) => {
                let (sql, given) = (statement(database, sql), values(given));
                transaction.execute(&sql, &given).await.map_err(SqlError::Postgres)
            }
        }
    }
}

impl fmt::Debug for Transaction<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Transaction")
    }
}

pub(super) fn sqlite_rows(
    connection: &Connection,
    statement: &str,
    values: &[Value],
) -> rusqlite::Result<Vec<Row>> {
    let mut prepared = connection.prepare_cached(statement)?;
    let columns = prepared.column_count();
    let mut found = prepared.query(params_from_iter(values))?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        rows.push(Row::of_sqlite(row, columns)?);
    }
    Ok(rows)
}

/// What steps come to whose every wait is over at once.
pub(super) fn ready<T>(steps: impl Future<Output = Result<T, SqlError>>) -> Result<T, SqlError> {
    match pin!(steps).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => Err(SqlError::Waited),
    }
}
