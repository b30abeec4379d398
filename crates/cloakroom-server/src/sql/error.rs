use cloakroom::postgres::Fault;
use cloakroom::sqlite::rusqlite;

/// Why a statement came to nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SqlError {
    /// A row is not there that must be.
    #[error("a row is not there that was just written")]
    Missing,
    /// What PostgreSQL said.
    #[error(transparent)]
    Postgres(Fault),
    /// What SQLite said.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// The value is not what the column of this number holds.
    #[error("column {column} cannot be read: {reason}")]
    Unreadable {
        /// Counted from 0.
        column: usize,
        /// Why.
        reason: String,
    },
    /// Steps waited for something else than their transaction, which holds up everybody else's.
    #[error("the steps of a write waited for something else than the database")]
    Waited,
}

impl SqlError {
    pub(super) fn into_sqlite(self) -> rusqlite::Error {
        match self {
            Self::Sqlite(error) => error,
            other => rusqlite::Error::ToSqlConversionFailure(Box::new(other)),
        }
    }

    /// As the database looks at it to see whether the steps may run again.
    pub(super) fn into_postgres(self) -> Fault {
        match self {
            Self::Postgres(fault) => fault,
            other => Box::new(other),
        }
    }
}
