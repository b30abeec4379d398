//! What an error says about what was done.

use std::error::Error as _;
use std::time::Duration;

use tokio_postgres::Error;
use tokio_postgres::error::{Severity, SqlState};

/// How often a transaction is tried that others keep getting in the way of.
pub(super) const TRIES: u32 = 8;

/// What became of a statement or a commit that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It was rolled back because another one was in its way; it may be tried again.
    InTheWay,
    /// Nothing was done.
    Undone,
    /// It may or may not have been done.
    Unknown,
}

impl Fate {
    /// Of something that was sent.
    pub(super) fn of(error: &Error) -> Self {
        let Some(said) = error.as_db_error() else {
            return if was_sent(error) { Self::Unknown } else { Self::Undone };
        };
        // One that ends the connection can come while a commit waits for a standby.
        let is_last = !matches!(said.parsed_severity(), Some(Severity::Error));
        match said.code() {
            _ if is_last => Self::Unknown,
            code if is_in_the_way(code) => Self::InTheWay,
            code if code.code().starts_with("08") => Self::Unknown,
            &SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN
            | &SqlState::TRANSACTION_RESOLUTION_UNKNOWN => Self::Unknown,
            _ => Self::Undone,
        }
    }
}

/// Whether another transaction was in the way of one that failed so.
pub(super) fn is_in_the_way(code: &SqlState) -> bool {
    matches!(*code, SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED)
}

/// Whether it is the connection that failed rather than the statement, or what the connection
/// remembers of it; on another connection it may well succeed.
pub(super) fn is_of_connection(error: &Error) -> bool {
    let Some(said) = error.as_db_error() else {
        return was_sent(error);
    };
    let is_last = !matches!(said.parsed_severity(), Some(Severity::Error));
    is_last || said.code().code().starts_with("08") || is_stale(error)
}

/// Whether a prepared statement is not there any more, or no longer what it was, after a migration
/// or a change of servers behind the connection. It was not run.
pub(super) fn is_stale(error: &Error) -> bool {
    let Some(said) = error.as_db_error() else { return false };
    matches!(*said.code(), SqlState::INVALID_SQL_STATEMENT_NAME)
        || (*said.code() == SqlState::FEATURE_NOT_SUPPORTED
            && said.message().contains("cached plan"))
}

/// Whether the connection leads to a server that takes no writes any more.
pub(super) fn is_read_only(error: &Error) -> bool {
    error.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION)
}

/// A statement that could not even be encoded was not sent; of a closed connection one cannot
/// tell.
fn was_sent(error: &Error) -> bool {
    let text = error.to_string();
    let is_ours = ["error serializing", "error encoding", "expected "]
        .iter()
        .any(|beginning| text.starts_with(beginning));
    !is_ours
        && (error.is_closed()
            || error.source().is_some_and(|source| source.is::<std::io::Error>())
            || text.starts_with("unexpected message")
            || text.starts_with("error parsing"))
}

/// How long to wait before the next try: longer each time, and not the same for all.
pub(super) fn pause(attempt: u32) -> Duration {
    let most = 2_u64 << attempt.min(6);
    // The clock's last digits are chance enough to keep two apart.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let chance = now.map_or(0, |now| u64::from(now.subsec_nanos()));
    Duration::from_millis(1 + chance / 1_000 % most)
}
