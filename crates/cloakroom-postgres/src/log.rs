//! The revocation log. Its entries are written by the functions of the schema.

use cloakroom_core::{Change, LogEntry, LogPage, Position, RevocationLog, StoreAnswer, UserId};
use tokio_postgres::Row;

use crate::PostgresStore;
use crate::row::{Decoded, only, optional_session_id, session_id, timestamp, unsigned, user};

/// Head and entries of one snapshot: every row has the head, and one alone has nothing else.
///
/// The server's timeline is part of the incarnation: after a fail-over, or a restore to an
/// earlier moment, the numbers may be given again.
pub(crate) const AFTER: &str = "WITH head AS (
        SELECT number, incarnation # (CASE WHEN pg_is_in_recovery() THEN 0 ELSE
            ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint END)
            AS incarnation
        FROM {schema}.log_head
    )
    SELECT head.incarnation, head.number, entry.number, entry.change, entry.session_id,
        entry.user_id, entry.value, entry.until
    FROM head LEFT JOIN LATERAL (
        SELECT * FROM {schema}.log AS entry
        WHERE entry.number > CASE WHEN head.incarnation = $1 AND $2 <= head.number THEN $2 ELSE 0 END
        ORDER BY entry.number LIMIT $3
    ) AS entry ON true
    ORDER BY entry.number";

impl RevocationLog for PostgresStore {
    fn log_after(&self, after: Option<Position>, limit: u32) -> StoreAnswer<'_, LogPage> {
        let limit = limit.max(1);
        let known = after.as_ref().and_then(number);
        let values = vec![
            known.map_or(-1, |(incarnation, _)| incarnation).into(),
            known.map_or(0, |(_, number)| number).into(),
            limit.saturating_add(1).into(),
        ];
        self.database.read("read the log", &self.sql.log_after, values, move |rows| {
            page(&rows, after.as_ref(), limit)
        })
    }
}

/// A position as the log's columns have it; `None` if it is none of any log here.
fn number(position: &Position) -> Option<(i64, i64)> {
    match position.parts[..] {
        [number] => Some((position.incarnation.cast_signed(), i64::try_from(number).ok()?)),
        _ => None,
    }
}

fn page(rows: &[Row], after: Option<&Position>, limit: u32) -> Decoded<LogPage> {
    let first = only(rows)?;
    let incarnation = first.try_get::<_, i64>(0)?.cast_unsigned();
    let head: u64 = unsigned(first, 1)?;
    let gap = after.is_some_and(|position| {
        position.incarnation != incarnation || !matches!(position.parts[..], [at] if at <= head)
    });
    let mut entries = Vec::with_capacity(rows.len());
    for row in rows {
        // A log with nothing to show is a row of the head alone.
        if let Some(number) = row.try_get::<_, Option<i64>>(2)? {
            entries.push((u64::try_from(number)?, entry(row)?));
        }
    }
    let more = entries.len() > limit as usize;
    entries.truncate(limit as usize);
    let last = entries.last().filter(|_| more).map_or(head, |(number, _)| *number);
    Ok(LogPage {
        entries: entries.into_iter().map(|(_, entry)| entry).collect(),
        next: Position { incarnation, parts: vec![last] },
        more,
        gap,
    })
}

fn entry(row: &Row) -> Decoded<LogEntry> {
    let change = match row.try_get::<_, &str>(3)? {
        "ended" => Change::Ended(session_id(row, 4)?),
        "rotated" => Change::Rotated(session_id(row, 4)?, unsigned(row, 6)?),
        "user_ended" => Change::UserEnded {
            user: whose(row)?,
            epoch: unsigned(row, 6)?,
            except: optional_session_id(row, 4)?,
        },
        "user_changed" => Change::UserChanged(whose(row)?),
        "everyone_ended" => Change::EveryoneEnded(unsigned(row, 6)?),
        other => return Err(format!("unknown change {other:?} in the log").into()),
    };
    Ok(LogEntry { change, until: timestamp(row, 7)? })
}

fn whose(row: &Row) -> Decoded<UserId> {
    user(row, 5)?.ok_or_else(|| "an entry of the log names no user".into())
}
