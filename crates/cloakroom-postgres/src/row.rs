//! Rows to values. Decoding takes columns by position, in the order of the lists here.

use std::time::Duration;

use cloakroom_core::{
    ClientInfo, EndedSession, Record, Renewal, SecretDigest, SessionId, Timestamp, UserId,
};
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};

use crate::database::Fault;
use crate::text::original;

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

pub(crate) type Decoded<T> = Result<T, Fault>;

pub(crate) fn record(row: &Row) -> Decoded<Record> {
    Ok(Record {
        id: session_id(row, 0)?,
        digest: digest(row, 1)?.ok_or("a session has no digest")?,
        renewal: Renewal {
            counter: unsigned(row, 2)?,
            since: timestamp(row, 3)?,
            next: digest(row, 4)?,
            previous: digest(row, 5)?,
        },
        user: user(row, 6)?,
        user_name: text(row, 7)?,
        groups: row.try_get::<_, Vec<String>>(8)?.into_iter().map(original).collect(),
        epoch: unsigned(row, 9)?,
        generation: unsigned(row, 10)?,
        created_at: timestamp(row, 11)?,
        authenticated_at: moment(row, 12)?,
        last_seen_at: timestamp(row, 13)?,
        idle_timeout: Duration::from_millis(unsigned(row, 14)?),
        absolute_deadline: timestamp(row, 15)?,
        remembered: row.try_get(16)?,
        client: ClientInfo { address: text(row, 17)?, user_agent: text(row, 18)? },
    })
}

pub(crate) fn ended_session(row: &Row) -> Decoded<EndedSession> {
    Ok(EndedSession {
        id: session_id(row, 0)?,
        user: user(row, 1)?,
        user_name: text(row, 2)?,
        created_at: timestamp(row, 3)?,
        last_seen_at: timestamp(row, 4)?,
        ended_at: timestamp(row, 5)?,
        reason: row.try_get::<_, &str>(6)?.parse()?,
        ended_by: text(row, 7)?,
        client_address: text(row, 8)?,
        user_agent: text(row, 9)?,
    })
}

pub(crate) fn session_id(row: &Row, index: usize) -> Decoded<SessionId> {
    Ok(SessionId::from_bytes(row.try_get::<_, Uuid>(index)?.0))
}

pub(crate) fn optional_session_id(row: &Row, index: usize) -> Decoded<Option<SessionId>> {
    let id: Option<Uuid> = row.try_get(index)?;
    Ok(id.map(|id| SessionId::from_bytes(id.0)))
}

pub(crate) fn session_ids(row: &Row, index: usize) -> Decoded<Vec<SessionId>> {
    let ids: Vec<Uuid> = row.try_get(index)?;
    Ok(ids.into_iter().map(|id| SessionId::from_bytes(id.0)).collect())
}

pub(crate) fn timestamp(row: &Row, index: usize) -> Decoded<Timestamp> {
    Ok(Timestamp::from_unix_millis(row.try_get(index)?))
}

pub(crate) fn moment(row: &Row, index: usize) -> Decoded<Option<Timestamp>> {
    Ok(row.try_get::<_, Option<i64>>(index)?.map(Timestamp::from_unix_millis))
}

/// A counter of ours; none is ever negative.
pub(crate) fn unsigned<T: TryFrom<i64>>(row: &Row, index: usize) -> Decoded<T> {
    let number: i64 = row.try_get(index)?;
    T::try_from(number).map_err(|_| format!("{number} is out of range").into())
}

pub(crate) fn text(row: &Row, index: usize) -> Decoded<Option<String>> {
    Ok(row.try_get::<_, Option<String>>(index)?.map(original))
}

pub(crate) fn user(row: &Row, index: usize) -> Decoded<Option<UserId>> {
    let id: Option<&str> = row.try_get(index)?;
    Ok(id.map(UserId::new).transpose()?)
}

fn digest(row: &Row, index: usize) -> Decoded<Option<SecretDigest>> {
    let bytes: Option<&[u8]> = row.try_get(index)?;
    let bytes: Option<[u8; 32]> = bytes.map(TryInto::try_into).transpose()?;
    Ok(bytes.map(SecretDigest::from_bytes))
}

/// The one row of an answer that always has one.
pub(crate) fn only(rows: &[Row]) -> Decoded<&Row> {
    rows.first().ok_or_else(|| "no row came back".into())
}

struct Uuid([u8; 16]);

impl FromSql<'_> for Uuid {
    fn from_sql(_: &Type, raw: &[u8]) -> Decoded<Self> {
        Ok(Self(raw.try_into()?))
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::UUID
    }
}
