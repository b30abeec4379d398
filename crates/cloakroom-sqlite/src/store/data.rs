use cloakroom_core::{
    DataChange, DataLimits, Entry, Expect, Guard, Keys, SessionId, Timestamp, Updated,
};
use rusqlite::{Connection, OptionalExtension, Result, params};

use crate::database::Outcome;
use crate::row::{signed, unsigned};

const IS_LIVE: &str =
    "SELECT EXISTS (SELECT 1 FROM cloakroom_session WHERE id = ?1 AND deadline > ?2)";

const READ_ALL: &str = "SELECT data.key, data.json, data.version
    FROM cloakroom_session AS session
        LEFT JOIN cloakroom_session_data AS data ON data.session_id = session.id
    WHERE session.id = ?1 AND session.deadline > ?2 ORDER BY data.key";

const READ_ONE: &str = "SELECT data.json, data.version
    FROM cloakroom_session AS session LEFT JOIN cloakroom_session_data AS data
        ON data.session_id = session.id AND data.key = ?3
    WHERE session.id = ?1 AND session.deadline > ?2";

const LAST_VERSION: &str = "SELECT data_version FROM cloakroom_session
    WHERE id = ?1 AND deadline > ?2 AND generation = ?3";

const VERSION: &str =
    "SELECT version FROM cloakroom_session_data WHERE session_id = ?1 AND key = ?2";

const PUT: &str = "INSERT INTO cloakroom_session_data (session_id, key, json, version)
    VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (session_id, key) DO UPDATE SET json = excluded.json, version = excluded.version";

const REMOVE: &str = "DELETE FROM cloakroom_session_data WHERE session_id = ?1 AND key = ?2";

const SET_LAST_VERSION: &str = "UPDATE cloakroom_session SET data_version = ?2 WHERE id = ?1";

const SIZE: &str = "SELECT count(*), ifnull(sum(octet_length(key) + octet_length(json)), 0)
    FROM cloakroom_session_data WHERE session_id = ?1";

#[cfg(test)]
pub(super) const STATEMENTS: &[&str] =
    &[IS_LIVE, READ_ALL, READ_ONE, LAST_VERSION, VERSION, PUT, REMOVE, SET_LAST_VERSION, SIZE];

pub(super) fn read(
    database: &Connection,
    id: SessionId,
    now: Timestamp,
    keys: Keys,
) -> Result<Option<Vec<Entry>>> {
    match keys {
        Keys::All => read_all(database, id, now),
        Keys::These(mut keys) => match (keys.pop(), keys.is_empty()) {
            (Some(key), true) => Ok(read_one(database, id, now, key)?.map(|entry| vec![entry])),
            (last, _) => {
                keys.extend(last);
                read_these(database, id, now, keys)
            }
        },
    }
}

fn read_all(database: &Connection, id: SessionId, now: Timestamp) -> Result<Option<Vec<Entry>>> {
    let mut statement = database.prepare_cached(READ_ALL)?;
    let mut rows = statement.query((id.as_bytes(), now.unix_millis()))?;
    let mut entries = None;
    while let Some(row) = rows.next()? {
        let entries = entries.get_or_insert_with(Vec::new);
        // A live session without data is one row without a key.
        if let Some(key) = row.get(0)? {
            entries.push(Entry { key, json: row.get(1)?, version: unsigned(row, 2)? });
        }
    }
    Ok(entries)
}

fn read_one(
    database: &Connection,
    id: SessionId,
    now: Timestamp,
    key: String,
) -> Result<Option<Entry>> {
    let mut statement = database.prepare_cached(READ_ONE)?;
    let found = statement.query_row(params![id.as_bytes(), now.unix_millis(), key], |row| {
        let json: Option<String> = row.get(0)?;
        let version = if json.is_some() { unsigned(row, 1)? } else { 0 };
        Ok((json, version))
    });
    Ok(found.optional()?.map(|(json, version)| Entry { key, json, version }))
}

fn read_these(
    database: &Connection,
    id: SessionId,
    now: Timestamp,
    keys: Vec<String>,
) -> Result<Option<Vec<Entry>>> {
    let snapshot = database.unchecked_transaction()?;
    if !is_live(&snapshot, id, now)? {
        return Ok(None);
    }
    let entries = keys.into_iter().map(|key| {
        let found = read_one(&snapshot, id, now, key.clone())?;
        Ok(found.unwrap_or(Entry { key, json: None, version: 0 }))
    });
    entries.collect::<Result<_>>().map(Some)
}

fn is_live(database: &Connection, id: SessionId, now: Timestamp) -> Result<bool> {
    let mut statement = database.prepare_cached(IS_LIVE)?;
    statement.query_row((id.as_bytes(), now.unix_millis()), |row| row.get(0))
}

pub(super) fn update(
    database: &Connection,
    guard: Guard,
    changes: &[DataChange],
    limits: DataLimits,
) -> Result<Outcome<Updated>> {
    let Some(last) = last_version(database, guard)? else {
        return Ok(Outcome::Keep(Updated::Gone));
    };
    if let Some(key) = unexpected(database, guard.id, changes)? {
        return Ok(Outcome::Keep(Updated::Conflict { key }));
    }
    let versions = apply(database, guard.id, changes, last)?;
    let (keys, bytes) = size(database, guard.id)?;
    if keys > limits.keys || bytes > limits.bytes {
        return Ok(Outcome::Undo(Updated::TooLarge { keys, bytes }));
    }
    Ok(Outcome::Keep(Updated::Done { versions }))
}

fn last_version(database: &Connection, guard: Guard) -> Result<Option<u64>> {
    let mut statement = database.prepare_cached(LAST_VERSION)?;
    let found = statement.query_row(
        params![guard.id.as_bytes(), guard.now.unix_millis(), guard.generation],
        |row| unsigned(row, 0),
    );
    found.optional()
}

/// The first key whose version is not the one expected.
fn unexpected(
    database: &Connection,
    id: SessionId,
    changes: &[DataChange],
) -> Result<Option<String>> {
    let mut statement = database.prepare_cached(VERSION)?;
    for change in changes {
        let Expect::Version(expected) = change.expect else {
            continue;
        };
        let found = statement.query_row((id.as_bytes(), &change.key), |row| unsigned(row, 0));
        if found.optional()?.unwrap_or(0) != expected {
            return Ok(Some(change.key.clone()));
        }
    }
    Ok(None)
}

/// Applies the changes in order and returns the new versions; 0 for a removed key.
fn apply(
    database: &Connection,
    id: SessionId,
    changes: &[DataChange],
    mut last: u64,
) -> Result<Vec<u64>> {
    let mut versions = Vec::with_capacity(changes.len());
    for DataChange { key, json, .. } in changes {
        last += 1;
        match json {
            Some(json) => {
                let mut put = database.prepare_cached(PUT)?;
                put.execute(params![id.as_bytes(), key, json, signed(last)])?;
                versions.push(last);
            }
            None => {
                database.prepare_cached(REMOVE)?.execute((id.as_bytes(), key))?;
                versions.push(0);
            }
        }
    }
    let mut statement = database.prepare_cached(SET_LAST_VERSION)?;
    statement.execute((id.as_bytes(), signed(last)))?;
    Ok(versions)
}

fn size(database: &Connection, id: SessionId) -> Result<(usize, usize)> {
    let mut statement = database.prepare_cached(SIZE)?;
    statement.query_row([id.as_bytes()], |row| {
        let (keys, bytes): (u64, u64) = (unsigned(row, 0)?, unsigned(row, 1)?);
        Ok((
            usize::try_from(keys).unwrap_or(usize::MAX),
            usize::try_from(bytes).unwrap_or(usize::MAX),
        ))
    })
}
