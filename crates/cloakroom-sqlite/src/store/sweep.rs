use cloakroom_core::{EndReason, Sweep, Swept, Timestamp};
use rusqlite::{Connection, OptionalExtension, Result};

use super::end::{Which, bury};
use crate::log;
use crate::row::{signed, timestamp, unsigned};

const FORGET: &str = "DELETE FROM cloakroom_ended_session WHERE id IN
    (SELECT id FROM cloakroom_ended_session WHERE user_id IS NOT NULL AND ended_at < ?1
     ORDER BY ended_at, id LIMIT ?2)";

const FORGET_ANONYMOUS: &str = "DELETE FROM cloakroom_ended_session WHERE id IN
    (SELECT id FROM cloakroom_ended_session WHERE user_id IS NULL AND ended_at < ?1
     ORDER BY ended_at, id LIMIT ?2)";

const BACKLOG: &str = "SELECT count(*) FROM
    (SELECT 1 FROM cloakroom_session WHERE deadline <= ?1 LIMIT ?2)";

const OLDEST: &str = "SELECT deadline FROM cloakroom_session WHERE deadline <= ?1
    ORDER BY deadline LIMIT 1";

#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[FORGET, FORGET_ANONYMOUS, BACKLOG, OLDEST];

pub(super) fn sweep(database: &Connection, sweep: Sweep) -> Result<Swept> {
    let Sweep { now, limit, .. } = sweep;
    // The reason is that of live sessions, of which this selects none.
    log::prune(database, now, limit)?;
    let buried = bury(database, &Which::Expired(now, limit), EndReason::Idle, None, now)?;
    Ok(Swept {
        sessions: buried.expired,
        idle: buried.idle,
        history: forget(database, sweep)?,
        backlog: backlog(database, now, limit)?,
        oldest: oldest(database, now)?,
    })
}

fn forget(database: &Connection, sweep: Sweep) -> Result<u64> {
    let delete = |sql, before: Timestamp, limit: u64| {
        let mut statement = database.prepare_cached(sql)?;
        let deleted = statement.execute((before.unix_millis(), signed(limit)))?;
        Ok::<_, rusqlite::Error>(deleted as u64)
    };
    let limit = u64::from(sweep.limit);
    let old = delete(FORGET, sweep.history_before, limit)?;
    Ok(old + delete(FORGET_ANONYMOUS, sweep.anonymous_before(), limit - old)?)
}

fn backlog(database: &Connection, now: Timestamp, limit: u32) -> Result<u64> {
    let most = 10 * i64::from(limit);
    let mut statement = database.prepare_cached(BACKLOG)?;
    statement.query_row((now.unix_millis(), most), |row| unsigned(row, 0))
}

fn oldest(database: &Connection, now: Timestamp) -> Result<Option<Timestamp>> {
    let mut statement = database.prepare_cached(OLDEST)?;
    statement.query_row([now.unix_millis()], |row| timestamp(row, 0)).optional()
}
