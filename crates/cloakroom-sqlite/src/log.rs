//! The revocation log.

use cloakroom_core::{
    Answer, Change, LogEntry, LogPage, Position, RevocationLog, SessionId, StoreAnswer, Timestamp,
    UserId,
};
use rusqlite::types::{FromSqlError, Type};
use rusqlite::{Connection, Error, Result, Row, params};

use crate::SqliteStore;
use crate::row::{session_id, signed, text, timestamp, unsigned};

const NEXT: &str = "UPDATE cloakroom_log_head SET number = number + 1 RETURNING number";

const ADD: &str = "INSERT INTO cloakroom_log (number, change, session_id, user_id, value, until)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

const HEAD: &str = "SELECT incarnation, number FROM cloakroom_log_head";

const AFTER: &str = "SELECT number, change, session_id, user_id, value, until
    FROM cloakroom_log WHERE number > ?1 ORDER BY number LIMIT ?2";

const PRUNE: &str = "DELETE FROM cloakroom_log WHERE number IN
    (SELECT number FROM cloakroom_log WHERE until <= ?1 ORDER BY until LIMIT ?2)";

/// All but those on the one row of the head.
#[cfg(test)]
pub(crate) const STATEMENTS: &[&str] = &[ADD, AFTER, PRUNE];

/// Adds an entry; the last thing that its transaction does.
pub(crate) fn append(database: &Connection, change: &Change, until: Timestamp) -> Result<()> {
    let number: i64 = database.prepare_cached(NEXT)?.query_row([], |row| row.get(0))?;
    let (kind, session, user, value) = columns(change);
    database.prepare_cached(ADD)?.execute(params![
        number,
        kind,
        session.as_ref().map(SessionId::as_bytes),
        user.map(UserId::as_str),
        signed(value),
        until.unix_millis(),
    ])?;
    Ok(())
}

/// Drops entries that no credential can need any more.
pub(crate) fn prune(database: &Connection, now: Timestamp, limit: u32) -> Result<()> {
    database.prepare_cached(PRUNE)?.execute((now.unix_millis(), limit)).map(drop)
}

impl RevocationLog for SqliteStore {
    fn log_after(&self, after: Option<Position>, limit: u32) -> StoreAnswer<'_, LogPage> {
        let limit = limit.max(1);
        Answer::ready(
            self.database.read("read the log", |database| page(database, after.as_ref(), limit)),
        )
    }
}

fn page(database: &Connection, after: Option<&Position>, limit: u32) -> Result<LogPage> {
    let snapshot = database.unchecked_transaction()?;
    let (incarnation, head) = snapshot
        .prepare_cached(HEAD)?
        .query_row([], |row| Ok((unsigned(row, 0)?, unsigned(row, 1)?)))?;
    let known = after.map_or(Some(0), |position| number(position, incarnation, head));
    let mut entries = read(&snapshot, known.unwrap_or(0), limit.saturating_add(1))?;
    let more = entries.len() > limit as usize;
    entries.truncate(limit as usize);
    let last = entries.last().filter(|_| more).map_or(head, |(number, _)| *number);
    Ok(LogPage {
        entries: entries.into_iter().map(|(_, entry)| entry).collect(),
        next: Position { incarnation, parts: vec![last] },
        more,
        gap: known.is_none(),
    })
}

/// How far a position is; `None` if it is none of this log as it is now.
fn number(position: &Position, incarnation: u64, head: u64) -> Option<u64> {
    match position.parts[..] {
        [number] if position.incarnation == incarnation && number <= head => Some(number),
        _ => None,
    }
}

fn read(database: &Connection, after: u64, most: u32) -> Result<Vec<(u64, LogEntry)>> {
    let mut statement = database.prepare_cached(AFTER)?;
    let rows =
        statement.query_map((signed(after), most), |row| Ok((unsigned(row, 0)?, entry(row)?)));
    rows?.collect()
}

fn columns(change: &Change) -> (&'static str, Option<SessionId>, Option<&UserId>, u64) {
    match change {
        Change::Ended(id) => ("ended", Some(*id), None, 0),
        Change::Rotated(id, generation) => ("rotated", Some(*id), None, u64::from(*generation)),
        Change::UserEnded { user, epoch, except } => ("user_ended", *except, Some(user), *epoch),
        Change::UserChanged(user) => ("user_changed", None, Some(user), 0),
        Change::EveryoneEnded(epoch) => ("everyone_ended", None, None, *epoch),
        _ => ("unknown", None, None, 0),
    }
}

fn entry(row: &Row<'_>) -> Result<LogEntry> {
    let kind: String = row.get(1)?;
    let change = match kind.as_str() {
        "ended" => Change::Ended(session_id(row, 2)?),
        "rotated" => Change::Rotated(session_id(row, 2)?, unsigned(row, 4)?),
        "user_ended" => Change::UserEnded {
            user: user(row)?,
            epoch: unsigned(row, 4)?,
            except: row.get::<_, Option<[u8; 16]>>(2)?.map(SessionId::from_bytes),
        },
        "user_changed" => Change::UserChanged(user(row)?),
        "everyone_ended" => Change::EveryoneEnded(unsigned(row, 4)?),
        other => return Err(strange(1, format!("unknown change {other:?} in the log"))),
    };
    Ok(LogEntry { change, until: timestamp(row, 5)? })
}

fn user(row: &Row<'_>) -> Result<UserId> {
    let name = text(row, 3)?.unwrap_or_default();
    UserId::new(name).map_err(|error| strange(3, error))
}

fn strange(column: usize, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::FromSqlConversionFailure(column, Type::Text, Box::new(FromSqlError::Other(error.into())))
}
