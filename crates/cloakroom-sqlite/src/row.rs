//! Rows to values and back. Decoding takes columns by position, in the order of the lists here.

use std::time::Duration;

use cloakroom_core::{
    ClientInfo, EndedSession, Record, Renewal, SecretDigest, SessionId, Timestamp, UserId,
};
use rusqlite::types::{FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{Error, Result, Row};

/// The columns of [`record`].
macro_rules! record_columns {
    () => {
        "id, digest, renewal_counter, renewal_since, renewal_next, renewal_previous, user_id, \
         user_name, groups, epoch, generation, created_at, authenticated_at, last_seen_at, \
         idle_timeout, absolute_deadline, remembered, client_address, user_agent"
    };
}

/// The columns of [`ended_session`].
macro_rules! ended_columns {
    () => {
        "id, user_id, user_name, created_at, last_seen_at, ended_at, reason, ended_by, \
         client_address, user_agent"
    };
}

pub(crate) use {ended_columns, record_columns};

pub(crate) fn record(row: &Row<'_>) -> Result<Record> {
    Ok(Record {
        id: session_id(row, 0)?,
        digest: SecretDigest::from_bytes(column(row, 1, array)?),
        renewal: Renewal {
            counter: unsigned(row, 2)?,
            since: timestamp(row, 3)?,
            next: digest(row, 4)?,
            previous: digest(row, 5)?,
        },
        user: user(row, 6)?,
        user_name: text(row, 7)?,
        groups: column(row, 8, groups_from)?,
        epoch: unsigned(row, 9)?,
        generation: unsigned(row, 10)?,
        created_at: timestamp(row, 11)?,
        authenticated_at: moment(row, 12)?,
        last_seen_at: timestamp(row, 13)?,
        idle_timeout: Duration::from_millis(unsigned(row, 14)?),
        absolute_deadline: timestamp(row, 15)?,
        remembered: column(row, 16, |value| value.as_i64())? != 0,
        client: ClientInfo { address: text(row, 17)?, user_agent: text(row, 18)? },
    })
}

pub(crate) fn ended_session(row: &Row<'_>) -> Result<EndedSession> {
    Ok(EndedSession {
        id: session_id(row, 0)?,
        user: user(row, 1)?,
        user_name: text(row, 2)?,
        created_at: timestamp(row, 3)?,
        last_seen_at: timestamp(row, 4)?,
        ended_at: timestamp(row, 5)?,
        reason: column(row, 6, |value| {
            value.as_str()?.parse().map_err(|error| FromSqlError::Other(Box::new(error)))
        })?,
        ended_by: text(row, 7)?,
        client_address: text(row, 8)?,
        user_agent: text(row, 9)?,
    })
}

pub(crate) fn session_id(row: &Row<'_>, index: usize) -> Result<SessionId> {
    column(row, index, array).map(SessionId::from_bytes)
}

pub(crate) fn digest(row: &Row<'_>, index: usize) -> Result<Option<SecretDigest>> {
    column(row, index, |value| match value {
        ValueRef::Null => Ok(None),
        bytes => array(bytes).map(SecretDigest::from_bytes).map(Some),
    })
}

pub(crate) fn timestamp(row: &Row<'_>, index: usize) -> Result<Timestamp> {
    column(row, index, |value| value.as_i64()).map(Timestamp::from_unix_millis)
}

pub(crate) fn moment(row: &Row<'_>, index: usize) -> Result<Option<Timestamp>> {
    let millis = column(row, index, |value| value.as_i64_or_null())?;
    Ok(millis.map(Timestamp::from_unix_millis))
}

/// A counter of ours; none is ever negative.
pub(crate) fn unsigned<T: TryFrom<i64>>(row: &Row<'_>, index: usize) -> Result<T> {
    column(row, index, |value| {
        let number = value.as_i64()?;
        T::try_from(number).map_err(|_| FromSqlError::OutOfRange(number))
    })
}

pub(crate) fn text(row: &Row<'_>, index: usize) -> Result<Option<String>> {
    column(row, index, |value| Ok(value.as_str_or_null()?.map(str::to_owned)))
}

fn user(row: &Row<'_>, index: usize) -> Result<Option<UserId>> {
    column(row, index, |value| {
        let id = value.as_str_or_null()?.map(UserId::new).transpose();
        id.map_err(|error| FromSqlError::Other(Box::new(error)))
    })
}

/// Without the allocations of `Row::get`.
fn column<'row, T>(
    row: &'row Row<'_>,
    index: usize,
    convert: impl FnOnce(ValueRef<'row>) -> FromSqlResult<T>,
) -> Result<T> {
    let value = row.get_ref(index)?;
    convert(value)
        .map_err(|error| Error::FromSqlConversionFailure(index, value.data_type(), Box::new(error)))
}

fn array<const N: usize>(value: ValueRef<'_>) -> FromSqlResult<[u8; N]> {
    let bytes = value.as_blob()?;
    bytes
        .try_into()
        .map_err(|_| FromSqlError::InvalidBlobSize { expected_size: N, blob_size: bytes.len() })
}

fn groups_from(value: ValueRef<'_>) -> FromSqlResult<Vec<String>> {
    match value.as_str()? {
        "[]" => Ok(Vec::new()),
        json => serde_json::from_str(json).map_err(|error| FromSqlError::Other(Box::new(error))),
    }
}

/// Groups as the column holds them: a JSON array.
pub(crate) fn groups_text(groups: &[String]) -> String {
    serde_json::Value::from(groups).to_string()
}

/// SQLite's integers are signed; no counter gets there.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Whole milliseconds, as the column holds a duration.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_survive_whatever_they_contain() {
        for groups in [vec![], vec!["a".to_owned()], vec!["a,\n\"b\"".to_owned(), String::new()]] {
            let text = groups_text(&groups);
            assert_eq!(groups_from(ValueRef::Text(text.as_bytes())).unwrap(), groups);
        }
    }
}
