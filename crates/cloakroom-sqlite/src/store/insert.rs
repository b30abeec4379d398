use std::collections::BTreeMap;

use cloakroom_core::{
    Carry, EndReason, Inserted, LimitPolicy, NewSession, Record, Replaces, SecretDigest, SessionId,
    SessionLimit, Timestamp, UserId,
};
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::end::{end_within, epoch, raise_to};
use crate::row::{groups_text, millis, session_id, signed, unsigned};

const IS_KNOWN: &str = "SELECT EXISTS (SELECT 1 FROM cloakroom_session WHERE id = ?1)
    OR EXISTS (SELECT 1 FROM cloakroom_ended_session WHERE id = ?1)";

const ANONYMOUS: &str = "SELECT value FROM cloakroom_counter WHERE name = 'anonymous'";

const IS_ANONYMOUS: &str =
    "SELECT EXISTS (SELECT 1 FROM cloakroom_session WHERE id = ?1 AND user_id IS NULL)";

const OLDEST: &str = "SELECT id FROM cloakroom_session
    WHERE user_id = ?1 AND id IS NOT ?2 AND deadline > ?3 ORDER BY created_at, id";

const LEAST_RECENTLY_USED: &str = "SELECT id FROM cloakroom_session
    WHERE user_id = ?1 AND id IS NOT ?2 AND deadline > ?3 ORDER BY last_seen_at, id";

const DATA: &str = "SELECT key, json, version FROM cloakroom_session_data WHERE session_id =
    (SELECT id FROM cloakroom_session WHERE id = ?1 AND deadline > ?2)";

const LAST_VERSION: &str =
    "SELECT data_version FROM cloakroom_session WHERE id = ?1 AND deadline > ?2";

const INSERT: &str = "INSERT INTO cloakroom_session (id, digest, renewal_counter, renewal_since,
    renewal_next, renewal_previous, user_id, user_name, groups, epoch, generation, created_at,
    authenticated_at, last_seen_at, idle_timeout, absolute_deadline, remembered, client_address,
    user_agent, data_version)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19,
    ?20)";

const INSERT_DATA: &str =
    "INSERT INTO cloakroom_session_data (session_id, key, json, version) VALUES (?1, ?2, ?3, ?4)";

#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[
    IS_KNOWN,
    ANONYMOUS,
    IS_ANONYMOUS,
    OLDEST,
    LEAST_RECENTLY_USED,
    DATA,
    LAST_VERSION,
    INSERT,
    INSERT_DATA,
];

/// Decides first and writes then, so that a refusal has changed nothing.
pub(super) fn insert(database: &Connection, new: &NewSession) -> Result<Inserted> {
    let now = new.record.created_at;
    if is_known(database, new.record.id)? {
        return Ok(Inserted::Conflict);
    }
    let over_limit = match room(database, new, now)? {
        Room::For(over_limit) => over_limit,
        Room::No(refusal) => return Ok(refusal),
    };
    let data = first_data(database, new, now)?;
    if let Some(replaces) = &new.replaces {
        end_within(database, replaces.id, EndReason::Replaced, now)?;
    }
    for id in &over_limit {
        end_within(database, *id, EndReason::Limit, now)?;
    }
    if let Some(user) = &new.record.user {
        raise_to(database, user, new.record.epoch)?;
    }
    add(database, &new.record, data.last_version)?;
    add_data(database, new.record.id, &data.values)?;
    Ok(Inserted::Done { ended: over_limit })
}

fn is_known(database: &Connection, id: SessionId) -> Result<bool> {
    database.prepare_cached(IS_KNOWN)?.query_row([id.as_bytes()], |row| row.get(0))
}

/// Whether there is room for a new session.
enum Room {
    /// There is, once these have ended.
    For(Vec<SessionId>),
    No(Inserted),
}

fn room(database: &Connection, new: &NewSession, now: Timestamp) -> Result<Room> {
    let Some(user) = &new.record.user else {
        return anonymous_room(database, new);
    };
    if new.record.epoch < epoch(database, user)? {
        return Ok(Room::No(Inserted::Superseded));
    }
    match new.limit {
        Some(limit) => user_room(database, user, limit, new.replaces.as_ref(), now),
        None => Ok(Room::For(Vec::new())),
    }
}

fn anonymous_room(database: &Connection, new: &NewSession) -> Result<Room> {
    let counted: i64 = database.prepare_cached(ANONYMOUS)?.query_row([], |row| row.get(0))?;
    let freed = match &new.replaces {
        Some(replaces) => {
            let mut statement = database.prepare_cached(IS_ANONYMOUS)?;
            statement.query_row([replaces.id.as_bytes()], |row| row.get(0))?
        }
        None => false,
    };
    if counted - i64::from(freed) < signed(new.anonymous_cap) {
        Ok(Room::For(Vec::new()))
    } else {
        Ok(Room::No(Inserted::Full))
    }
}

fn user_room(
    database: &Connection,
    user: &UserId,
    limit: SessionLimit,
    replaces: Option<&Replaces>,
    now: Timestamp,
) -> Result<Room> {
    let mut statement = database.prepare_cached(match limit.policy {
        LimitPolicy::EndLeastRecentlyUsed => LEAST_RECENTLY_USED,
        LimitPolicy::EndOldest | LimitPolicy::Refuse => OLDEST,
    })?;
    let replaced = replaces.map(|replaces| replaces.id);
    let rows = statement.query_map(
        params![user.as_str(), replaced.as_ref().map(SessionId::as_bytes), now.unix_millis()],
        |row| session_id(row, 0),
    )?;
    let mut live = rows.collect::<Result<Vec<_>>>()?;
    let excess = (live.len() + 1).saturating_sub(limit.most.max(1) as usize);
    if limit.policy == LimitPolicy::Refuse && excess > 0 {
        return Ok(Room::No(Inserted::LimitReached));
    }
    live.truncate(excess);
    Ok(Room::For(live))
}

/// What a new session begins with.
#[derive(Default)]
struct Data {
    /// By key: JSON text and version.
    values: BTreeMap<String, (String, u64)>,
    last_version: u64,
}

fn first_data(database: &Connection, new: &NewSession, now: Timestamp) -> Result<Data> {
    let mut data = match &new.replaces {
        Some(replaces) => carried(database, replaces, now)?,
        None => Data::default(),
    };
    for (key, json) in &new.data {
        data.last_version += 1;
        data.values.insert(key.clone(), (json.clone(), data.last_version));
    }
    Ok(data)
}

/// The data that goes over, with its versions, so that a request that has read it before the
/// login still sees a change that came in between.
fn carried(database: &Connection, replaces: &Replaces, now: Timestamp) -> Result<Data> {
    let parameters = (replaces.id.as_bytes(), now.unix_millis());
    let mut statement = database.prepare_cached(LAST_VERSION)?;
    let last_version = statement.query_row(parameters, |row| unsigned(row, 0)).optional()?;
    let Some(last_version) = last_version else { return Ok(Data::default()) };
    let mut statement = database.prepare_cached(DATA)?;
    let rows = statement
        .query_map(parameters, |row| Ok((row.get(0)?, (row.get(1)?, unsigned(row, 2)?))))?;
    let mut values = rows.collect::<Result<BTreeMap<String, (String, u64)>>>()?;
    match &replaces.carry {
        Carry::Nothing => values.clear(),
        Carry::Everything => {}
        Carry::Keys(keys) => values.retain(|key, _| keys.contains(key)),
    }
    Ok(Data { values, last_version })
}

fn add(database: &Connection, record: &Record, last_version: u64) -> Result<()> {
    let mut statement = database.prepare_cached(INSERT)?;
    statement.execute(params![
        record.id.as_bytes(),
        record.digest.as_bytes(),
        record.renewal.counter,
        record.renewal.since.unix_millis(),
        record.renewal.next.as_ref().map(SecretDigest::as_bytes),
        record.renewal.previous.as_ref().map(SecretDigest::as_bytes),
        record.user.as_ref().map(UserId::as_str),
        record.user_name,
        groups_text(&record.groups),
        signed(record.epoch),
        record.generation,
        record.created_at.unix_millis(),
        record.authenticated_at.map(Timestamp::unix_millis),
        record.last_seen_at.unix_millis(),
        millis(record.idle_timeout),
        record.absolute_deadline.unix_millis(),
        record.remembered,
        record.client.address,
        record.client.user_agent,
        signed(last_version),
    ])?;
    Ok(())
}

fn add_data(
    database: &Connection,
    id: SessionId,
    data: &BTreeMap<String, (String, u64)>,
) -> Result<()> {
    let mut statement = database.prepare_cached(INSERT_DATA)?;
    for (key, (json, version)) in data {
        statement.execute(params![id.as_bytes(), key, json, signed(*version)])?;
    }
    Ok(())
}
