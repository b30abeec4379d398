use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_postgres::{Error, Row};

use super::connections::Lent;
use super::{Fault, Sql};
use crate::Value;

/// An open transaction, as the closure of [`Database::write`](crate::Database::write) sees it.
/// What is done through a clone after the closure has returned is not part of it.
#[derive(Clone)]
pub struct Transaction {
    pub(super) connection: Arc<Lent>,
    /// Whether a statement failed, after which PostgreSQL commits nothing.
    has_failed: Arc<AtomicBool>,
}

impl Transaction {
    pub(super) fn on(connection: Arc<Lent>) -> Self {
        Self { connection, has_failed: Arc::default() }
    }

    /// Runs a statement and returns its rows. One round trip.
    ///
    /// # Errors
    /// The driver's error. Return it from the closure: the transaction can do no more.
    pub async fn query(&self, sql: &Sql, values: &[Value]) -> Result<Vec<Row>, Fault> {
        let rows = async {
            let prepared = self.connection.prepare(sql, values).await?;
            self.connection.query(sql, &prepared, values).await
        };
        rows.await.map_err(|error| self.note(error))
    }

    /// Runs a statement and returns how many rows it changed. One round trip.
    ///
    /// # Errors
    /// As [`Transaction::query`].
    pub async fn execute(&self, sql: &Sql, values: &[Value]) -> Result<u64, Fault> {
        let changed = async {
            let prepared = self.connection.prepare(sql, values).await?;
            self.connection.execute(sql, &prepared, values).await
        };
        changed.await.map_err(|error| self.note(error))
    }

    pub(super) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    fn note(&self, error: Error) -> Fault {
        self.has_failed.store(true, Ordering::Relaxed);
        error.into()
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Transaction")
    }
}
