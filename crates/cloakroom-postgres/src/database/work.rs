//! Reads and writes, each in a task of its own that runs to its end.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_core::{Answer, StoreAnswer, StoreError};
use tokio::time::{sleep, timeout};
use tokio_postgres::Row;

use super::connections::{Connections, Lent};
use super::outcome::{Fate, TRIES, is_in_the_way, is_of_connection, is_read_only, is_stale, pause};
use super::{Fault, Sql, Transaction};
use crate::Value;

/// Serializable, and durable if the server's role would not have it so.
const BEGIN: &str = "START TRANSACTION ISOLATION LEVEL SERIALIZABLE READ WRITE;
    SELECT set_config('synchronous_commit', 'on', true)
    WHERE current_setting('synchronous_commit') = 'off'";

/// For a statement that may take long. It is read committed, as it would be by itself.
const BEGIN_LONG: &str = "START TRANSACTION ISOLATION LEVEL READ COMMITTED READ WRITE;
    SET LOCAL statement_timeout = '15min';
    SET LOCAL lock_timeout = '60s'";

/// How long that may be.
pub(super) const LONG: Duration = Duration::from_secs(15 * 60);

/// How long after the server should have given up we do.
const GRACE: Duration = Duration::from_secs(1);

/// What a piece of work needs.
#[derive(Clone)]
pub(super) struct Work {
    pub(super) operation: &'static str,
    pub(super) connections: Arc<Connections>,
    pub(super) patience: Duration,
}

/// Runs `work` in a task of its own: it goes on if the answer is dropped.
pub(super) fn spawn<T: Send + 'static>(
    operation: &'static str,
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> StoreAnswer<'static, T> {
    let task = tokio::spawn(work);
    Answer::pending(async move {
        task.await.unwrap_or_else(|gone| Err(StoreError::unknown(operation, gone)))
    })
}

impl Work {
    fn failed(&self, source: impl Into<Fault>) -> StoreError {
        StoreError::failed(self.operation, source)
    }

    fn unknown(&self, source: impl Into<Fault>) -> StoreError {
        StoreError::unknown(self.operation, source)
    }

    async fn lend(&self) -> Result<Lent, StoreError> {
        self.connections.lend().await.map_err(|error| self.failed(error))
    }

    /// One statement that changes nothing. A connection that turns out to be dead is replaced
    /// once.
    pub(super) async fn read(self, sql: Sql, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let mut is_again = false;
        loop {
            let connection = self.lend().await?;
            let rows = async {
                let prepared = connection.prepare(&sql, &values).await?;
                connection.query(&sql, &prepared, &values).await
            };
            match timeout(self.patience, rows).await {
                Ok(Ok(rows)) => return Ok(rows),
                Ok(Err(error)) if is_of_connection(&error) && !is_again => connection.discard(),
                Ok(Err(error)) => return Err(self.failed(error)),
                // What was under way is dropped, and the connection with it.
                Err(late) => return Err(self.failed(late)),
            }
            is_again = true;
        }
    }

    /// One statement that is a transaction by itself.
    pub(super) async fn call(self, sql: Sql, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let connection = self.lend().await?;
            let error = match timeout(self.patience, connection.prepare(&sql, &values)).await {
                Err(late) => return Err(self.failed(late)),
                Ok(Err(error)) if is_of_connection(&error) && attempt == 1 => {
                    connection.discard();
                    continue;
                }
                Ok(Err(error)) => return Err(self.failed(error)),
                // What is sent on a closed connection does not arrive.
                Ok(Ok(_)) if connection.is_closed() && attempt < TRIES => continue,
                Ok(Ok(prepared)) => {
                    let rows = connection.query(&sql, &prepared, &values);
                    match timeout(self.patience + GRACE, rows).await {
                        Ok(Ok(rows)) => return Ok(rows),
                        Ok(Err(error)) => error,
                        Err(late) => return Err(self.unknown(late)),
                    }
                }
            };
            if is_read_only(&error) || is_stale(&error) {
                connection.discard();
                if is_stale(&error) && attempt < TRIES {
                    continue;
                }
                return Err(self.failed(error));
            }
            match Fate::of(&error) {
                Fate::InTheWay if attempt < TRIES => {
                    drop(connection);
                    sleep(pause(attempt)).await;
                }
                Fate::InTheWay | Fate::Undone => return Err(self.failed(error)),
                Fate::Unknown => {
                    connection.discard();
                    return Err(self.unknown(error));
                }
            }
        }
    }

    /// Several statements in one serializable transaction.
    pub(super) async fn write<T, F, W>(self, act: F) -> Result<T, StoreError>
    where
        F: Fn(Transaction) -> W,
        W: Future<Output = Result<T, Fault>>,
    {
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.attempt(BEGIN, &act, attempt).await {
                Ok(value) => return Ok(value),
                Err(Attempt::Over(error)) => return Err(error),
                Err(Attempt::Again) => sleep(pause(attempt)).await,
            }
        }
    }

    /// One statement that may take as long as it needs.
    pub(super) async fn long(self, sql: Sql, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let act = |transaction: Transaction| {
            let (sql, values) = (&sql, &values);
            async move { transaction.query(sql, values).await }
        };
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.attempt(BEGIN_LONG, &act, attempt).await {
                Ok(rows) => return Ok(rows),
                Err(Attempt::Over(error)) => return Err(error),
                Err(Attempt::Again) => sleep(pause(attempt)).await,
            }
        }
    }

    async fn attempt<T, F, W>(&self, begin: &str, act: &F, attempt: u32) -> Result<T, Attempt>
    where
        F: Fn(Transaction) -> W,
        W: Future<Output = Result<T, Fault>>,
    {
        let connection = Arc::new(self.lend().await?);
        connection.set_clean(false);
        if let Err(error) = self.within(connection.batch(begin)).await? {
            let again = is_of_connection(&error) && attempt < TRIES;
            return Err(if again { Attempt::Again } else { self.failed(error).into() });
        }
        let transaction = Transaction::on(Arc::clone(&connection));
        match self.within(act(transaction.clone())).await? {
            Ok(value) if !transaction.has_failed() => {
                self.commit(&connection, attempt).await?;
                Ok(value)
            }
            Ok(_) => {
                self.roll_back(&connection).await;
                let why = "a statement failed, and the transaction could not be committed";
                Err(self.failed(why).into())
            }
            // The connection is not clean and is closed, with all it remembers.
            Err(fault) if sql_error(&fault).is_some_and(is_stale) => {
                Err(if attempt < TRIES { Attempt::Again } else { self.failed(fault).into() })
            }
            Err(fault) => {
                self.roll_back(&connection).await;
                Err(self.judge(fault, attempt))
            }
        }
    }

    /// Within the time there is; nothing was committed if it is over.
    async fn within<T>(&self, act: impl Future<Output = T>) -> Result<T, Attempt> {
        timeout(self.patience + GRACE, act).await.map_err(|late| self.failed(late).into())
    }

    fn judge(&self, fault: Fault, attempt: u32) -> Attempt {
        match sql_error(&fault).and_then(tokio_postgres::Error::code) {
            Some(code) if is_in_the_way(code) && attempt < TRIES => Attempt::Again,
            _ => self.failed(fault).into(),
        }
    }

    async fn commit(&self, connection: &Lent, attempt: u32) -> Result<(), Attempt> {
        let committed = timeout(self.patience + GRACE, connection.batch("COMMIT")).await;
        let error = match committed {
            Ok(Ok(())) => {
                connection.set_clean(true);
                return Ok(());
            }
            Ok(Err(error)) => error,
            Err(late) => return Err(self.unknown(late).into()),
        };
        match Fate::of(&error) {
            Fate::Unknown => Err(self.unknown(error).into()),
            Fate::InTheWay if attempt < TRIES => {
                connection.set_clean(true);
                Err(Attempt::Again)
            }
            Fate::InTheWay | Fate::Undone => Err(self.failed(error).into()),
        }
    }

    /// If it fails, the connection is not clean and is closed, which rolls back too.
    async fn roll_back(&self, connection: &Lent) {
        let done = timeout(self.patience, connection.batch("ROLLBACK")).await;
        connection.set_clean(matches!(done, Ok(Ok(()))));
    }
}

fn sql_error(fault: &Fault) -> Option<&tokio_postgres::Error> {
    fault.downcast_ref()
}

/// Why a transaction was not committed.
enum Attempt {
    Again,
    Over(StoreError),
}

impl From<StoreError> for Attempt {
    fn from(error: StoreError) -> Self {
        Self::Over(error)
    }
}
