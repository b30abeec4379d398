use std::fmt;

use cloakroom::sqlite::rusqlite;
use cloakroom::sqlite::rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use cloakroom::{SessionId, Timestamp, UserId};

/// A value of a column or parameter, with its type even where it is null. Its `Debug` shows the
/// type alone: it may be a digest or a hash.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// Bytes.
    Bytes(Option<Vec<u8>>),
    /// A whole number.
    Int(Option<i64>),
    /// Text.
    Text(Option<String>),
}

impl Value {
    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Bytes(None) | Self::Int(None) | Self::Text(None))
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Bytes(_) => "bytes",
            Self::Int(_) => "int",
            Self::Text(_) => "text",
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.kind())
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Bytes(Some(bytes)) => ValueRef::Blob(bytes),
            Self::Int(Some(number)) => ValueRef::Integer(*number),
            Self::Text(Some(text)) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(None) | Self::Int(None) | Self::Text(None) => ValueRef::Null,
        }))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Int(Some(i64::from(value)))
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(Some(i64::from(value)))
    }
}

/// Saturates; no counter gets there.
impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Int(Some(i64::try_from(value).unwrap_or(i64::MAX)))
    }
}

impl From<Timestamp> for Value {
    fn from(moment: Timestamp) -> Self {
        moment.unix_millis().into()
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        value.as_str().into()
    }
}

impl From<Option<&str>> for Value {
    fn from(value: Option<&str>) -> Self {
        Self::Text(value.map(str::to_owned))
    }
}

impl From<&Option<String>> for Value {
    fn from(value: &Option<String>) -> Self {
        Self::Text(value.clone())
    }
}

impl From<&UserId> for Value {
    fn from(id: &UserId) -> Self {
        id.as_str().into()
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(Some(value.to_vec()))
    }
}

impl<const N: usize> From<&[u8; N]> for Value {
    fn from(value: &[u8; N]) -> Self {
        value.as_slice().into()
    }
}

impl From<SessionId> for Value {
    fn from(id: SessionId) -> Self {
        id.as_bytes().into()
    }
}

impl From<Option<SessionId>> for Value {
    fn from(id: Option<SessionId>) -> Self {
        Self::Bytes(id.map(|id| id.as_bytes().to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_debug_text_of_a_value_shows_its_type_alone() {
        let values = [Value::from("secret"), Value::from(7_i64), Value::from(&[1, 2])];
        assert_eq!(format!("{values:?}"), "[text, int, bytes]");
    }
}
