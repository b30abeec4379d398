//! What the server answers, taken apart.

use cloakroom_core::SessionId;
use redis::Value;

use crate::record::Strange;

pub(crate) fn bytes(value: Value) -> Result<Vec<u8>, Strange> {
    match value {
        Value::BulkString(bytes) => Ok(bytes),
        Value::SimpleString(text) => Ok(text.into_bytes()),
        Value::Okay => Ok(b"OK".to_vec()),
        Value::Int(number) => Ok(number.to_string().into_bytes()),
        _ => Err(Strange("a text was expected")),
    }
}

pub(crate) fn optional_bytes(value: Value) -> Result<Option<Vec<u8>>, Strange> {
    match value {
        Value::Nil => Ok(None),
        other => bytes(other).map(Some),
    }
}

pub(crate) fn text(value: Value) -> Result<String, Strange> {
    String::from_utf8(bytes(value)?).map_err(|_| Strange("a text is not UTF-8"))
}

pub(crate) fn number(value: Value) -> Result<u64, Strange> {
    match value {
        Value::Int(number) => u64::try_from(number).map_err(|_| Strange("a negative count")),
        other => text(other)?.parse().map_err(|_| Strange("a number was expected")),
    }
}

/// A number that is not there yet is 0.
pub(crate) fn number_or_zero(value: Value) -> Result<u64, Strange> {
    match value {
        // A count may be below zero for a moment after keys were lost.
        Value::Nil => Ok(0),
        Value::BulkString(bytes) if bytes.first() == Some(&b'-') => Ok(0),
        other => number(other),
    }
}

pub(crate) fn list(value: Value) -> Result<Vec<Value>, Strange> {
    match value {
        Value::Array(values) => Ok(values),
        Value::Nil => Ok(Vec::new()),
        _ => Err(Strange("a list was expected")),
    }
}

pub(crate) fn id(value: Value) -> Result<SessionId, Strange> {
    id_of(&bytes(value)?)
}

pub(crate) fn id_of(bytes: &[u8]) -> Result<SessionId, Strange> {
    let bytes = <[u8; 16]>::try_from(bytes).map_err(|_| Strange("a session id was expected"))?;
    Ok(SessionId::from_bytes(bytes))
}

pub(crate) fn ids(value: Value) -> Result<Vec<SessionId>, Strange> {
    list(value)?.into_iter().map(id).collect()
}

/// The values of an answer one by one.
pub(crate) struct Parts(std::vec::IntoIter<Value>);

impl Parts {
    pub(crate) fn of(value: Value) -> Result<Self, Strange> {
        Ok(Self(list(value)?.into_iter()))
    }

    pub(crate) fn next(&mut self) -> Result<Value, Strange> {
        self.0.next().ok_or(Strange("an answer is too short"))
    }

    /// The word with which scripts say what it came to.
    pub(crate) fn word(&mut self) -> Result<String, Strange> {
        text(self.next()?)
    }
}
