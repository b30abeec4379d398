use cloakroom_core::{Change, Timestamp, Touch, UserId};
use rusqlite::{Connection, Result, params};

use crate::log::append;
use crate::row::{groups_text, timestamp};

const TOUCH: &str = "UPDATE cloakroom_session SET last_seen_at = ?2
    WHERE id = ?1 AND last_seen_at < ?2 AND deadline > ?3";

const REGROUP: &str = "UPDATE cloakroom_session SET groups = ?2, generation = generation + 1
    WHERE user_id = ?1 AND deadline > ?3 RETURNING absolute_deadline";

#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[TOUCH, REGROUP];

pub(super) fn touch(database: &Connection, now: Timestamp, touches: &[Touch]) -> Result<u64> {
    let mut statement = database.prepare_cached(TOUCH)?;
    let mut moved = 0;
    for Touch { id, seen_at } in touches {
        let parameters = (id.as_bytes(), seen_at.unix_millis(), now.unix_millis());
        moved += statement.execute(parameters)? as u64;
    }
    Ok(moved)
}

pub(super) fn regroup(
    database: &Connection,
    user: &UserId,
    groups: &[String],
    now: Timestamp,
) -> Result<u64> {
    let mut statement = database.prepare_cached(REGROUP)?;
    let parameters = params![user.as_str(), groups_text(groups), now.unix_millis()];
    let deadlines = statement.query_map(parameters, |row| timestamp(row, 0))?;
    let deadlines = deadlines.collect::<Result<Vec<_>>>()?;
    if let Some(until) = deadlines.iter().max() {
        append(database, &Change::UserChanged(user.clone()), *until)?;
    }
    Ok(deadlines.len() as u64)
}
