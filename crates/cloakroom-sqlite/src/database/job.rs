use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use cloakroom_core::StoreError;
use rusqlite::Connection;
use tokio::sync::oneshot;

/// What becomes of the changes of a write that answers.
pub(crate) enum Outcome<T> {
    /// They are committed.
    Keep(T),
    /// They are undone; only the answer remains.
    Undo(T),
}

/// What became of a transaction.
pub(super) enum Fate {
    /// It is durable.
    Committed,
    /// Nothing of it happened.
    RolledBack(Arc<rusqlite::Error>),
    /// It may or may not be there after a crash.
    Unknown(Arc<rusqlite::Error>),
}

/// A write that waits for the writer.
pub(super) trait Job: Send {
    /// Does the write within the open transaction, or changes nothing.
    fn run(&mut self, connection: &mut Connection);

    /// Answers, after the transaction has ended.
    fn answer(self: Box<Self>, fate: &Fate);
}

/// A write and the one who waits for it.
pub(super) struct Pending<T, F> {
    operation: &'static str,
    act: Option<F>,
    result: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Pending<T, F> {
    pub(super) fn new(
        operation: &'static str,
        act: F,
        reply: oneshot::Sender<Result<T, StoreError>>,
    ) -> Self {
        Self { operation, act: Some(act), result: None, reply }
    }
}

impl<T, F> Job for Pending<T, F>
where
    T: Send,
    F: FnOnce(&mut Connection) -> rusqlite::Result<Outcome<T>> + Send,
{
    fn run(&mut self, connection: &mut Connection) {
        let Some(act) = self.act.take() else { return };
        // What a panic leaves half done in the database is rolled back; `act` is gone.
        let done = catch_unwind(AssertUnwindSafe(|| in_savepoint(connection, act)));
        self.result = Some(match done {
            Ok(result) => result.map_err(|error| StoreError::failed(self.operation, error)),
            Err(_) => {
                undo(connection);
                Err(StoreError::failed(self.operation, "the write panicked; it was rolled back"))
            }
        });
    }

    fn answer(self: Box<Self>, fate: &Fate) {
        let result = match (self.result, fate) {
            (Some(result), Fate::Committed) => result,
            (Some(Err(own)), _) => Err(own),
            (_, Fate::Unknown(error)) => {
                Err(StoreError::unknown(self.operation, Arc::clone(error)))
            }
            (_, Fate::RolledBack(error)) => {
                Err(StoreError::failed(self.operation, Arc::clone(error)))
            }
            (None, Fate::Committed) => Err(StoreError::failed(self.operation, "it was not run")),
        };
        // Nobody may be waiting any more: the write is done all the same.
        let _ = self.reply.send(result);
    }
}

fn in_savepoint<T>(
    connection: &mut Connection,
    act: impl FnOnce(&mut Connection) -> rusqlite::Result<Outcome<T>>,
) -> rusqlite::Result<T> {
    execute(connection, "SAVEPOINT job")?;
    let kept = match act(connection) {
        Ok(Outcome::Keep(value)) => execute(connection, "RELEASE job").map(|()| value),
        Ok(Outcome::Undo(value)) => {
            undo(connection);
            return Ok(value);
        }
        Err(error) => Err(error),
    };
    if kept.is_err() {
        undo(connection);
    }
    kept
}

/// Takes back what the job did. If even that fails, the whole transaction goes, which the writer
/// notices: half a job is never committed.
fn undo(connection: &Connection) {
    let undone =
        execute(connection, "ROLLBACK TO job").and_then(|()| execute(connection, "RELEASE job"));
    if undone.is_err() && !connection.is_autocommit() {
        // A failure leaves the transaction open, and the writer's commit fails as well.
        let _ = execute(connection, "ROLLBACK");
    }
}

pub(super) fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}
