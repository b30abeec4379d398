use std::error::Error;
use std::fmt;

use bytes::{BufMut, BytesMut};
use cloakroom_core::{SecretDigest, SessionId, Timestamp, UserId};
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

/// A parameter of a statement, with the type that it is sent as.
///
/// Its `Debug` shows the type alone: it may be a digest or a user's data.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// `boolean`.
    Bool(bool),
    /// `bytea`.
    Bytes(Option<Vec<u8>>),
    /// `bigint`.
    Integer(Option<i64>),
    /// `bigint[]`.
    Integers(Vec<Option<i64>>),
    /// No value of whatever type the statement has at this place.
    Null,
    /// `text`. The character U+0000 does not exist in PostgreSQL.
    Text(Option<String>),
    /// `text[]`.
    Texts(Vec<Option<String>>),
    /// `uuid`.
    Uuid(Option<[u8; 16]>),
    /// `uuid[]`.
    Uuids(Vec<[u8; 16]>),
}

impl Value {
    pub(crate) fn kind(&self) -> Type {
        match self {
            Self::Bool(_) => Type::BOOL,
            Self::Bytes(_) => Type::BYTEA,
            Self::Integer(_) => Type::INT8,
            Self::Integers(_) => Type::INT8_ARRAY,
            // The server then finds the type by itself.
            Self::Null => Type::UNKNOWN,
            Self::Text(_) => Type::TEXT,
            Self::Texts(_) => Type::TEXT_ARRAY,
            Self::Uuid(_) => Type::UUID,
            Self::Uuids(_) => Type::UUID_ARRAY,
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.kind())
    }
}

impl ToSql for Value {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Bool(value) => value.to_sql(kind, out),
            Self::Bytes(value) => value.to_sql(kind, out),
            Self::Integer(value) => value.to_sql(kind, out),
            Self::Integers(values) => values.to_sql(kind, out),
            Self::Null => Ok(IsNull::Yes),
            Self::Text(value) => value.to_sql(kind, out),
            Self::Texts(values) => values.to_sql(kind, out),
            Self::Uuid(value) => value.map(Uuid).to_sql(kind, out),
            Self::Uuids(values) => {
                values.iter().copied().map(Uuid).collect::<Vec<_>>().to_sql(kind, out)
            }
        }
    }

    /// A value is sent as its own type, or as whatever the place has if it is none.
    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

#[derive(Debug)]
struct Uuid([u8; 16]);

impl ToSql for Uuid {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.put_slice(&self.0);
        Ok(IsNull::No)
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::UUID
    }

    to_sql_checked!();
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(Some(value))
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Integer(Some(i64::from(value)))
    }
}

/// Saturates; no counter gets there.
impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Integer(Some(i64::try_from(value).unwrap_or(i64::MAX)))
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        Self::Integer(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(Some(value))
    }
}

impl From<&UserId> for Value {
    fn from(user: &UserId) -> Self {
        user.as_str().into()
    }
}

impl From<SessionId> for Value {
    fn from(id: SessionId) -> Self {
        Self::Uuid(Some(*id.as_bytes()))
    }
}

impl From<Option<SessionId>> for Value {
    fn from(id: Option<SessionId>) -> Self {
        Self::Uuid(id.map(|id| *id.as_bytes()))
    }
}

impl From<SecretDigest> for Value {
    fn from(digest: SecretDigest) -> Self {
        Self::Bytes(Some(digest.as_bytes().to_vec()))
    }
}

impl From<Option<SecretDigest>> for Value {
    fn from(digest: Option<SecretDigest>) -> Self {
        Self::Bytes(digest.map(|digest| digest.as_bytes().to_vec()))
    }
}

impl From<Timestamp> for Value {
    fn from(moment: Timestamp) -> Self {
        moment.unix_millis().into()
    }
}

impl From<Option<Timestamp>> for Value {
    fn from(moment: Option<Timestamp>) -> Self {
        Self::Integer(moment.map(Timestamp::unix_millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_debug_text_of_a_parameter_shows_its_type_alone() {
        let values = [Value::from("secret"), Value::Null, Value::from(7_i64)];
        assert_eq!(format!("{values:?}"), "[text, unknown, int8]");
    }
}
