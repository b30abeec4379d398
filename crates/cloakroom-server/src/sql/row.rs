use cloakroom::sqlite::rusqlite;
use cloakroom::sqlite::rusqlite::types::ValueRef;
use cloakroom::{SessionId, Timestamp, UserId};

use super::{SqlError, Value};

/// A row that was read.
#[derive(Clone, Debug)]
pub struct Row(Vec<Value>);

/// What a column can be read as.
pub trait Column: Sized {
    /// The value as it; else why not.
    ///
    /// # Errors
    /// In words for the log, without the value.
    fn read(value: &Value) -> Result<Self, String>;
}

impl Row {
    /// The value of a column, counted from 0.
    ///
    /// # Errors
    /// [`SqlError::Unreadable`].
    pub fn column<T: Column>(&self, column: usize) -> Result<T, SqlError> {
        let read = self.0.get(column).ok_or_else(|| "it is not there".to_owned()).and_then(T::read);
        read.map_err(|reason| SqlError::Unreadable { column, reason })
    }

    pub(super) fn new(values: Vec<Value>) -> Self {
        Self(values)
    }

    pub(super) fn of_sqlite(row: &rusqlite::Row<'_>, columns: usize) -> rusqlite::Result<Self> {
        let values = (0..columns).map(|column| {
            Ok(match row.get_ref(column)? {
                ValueRef::Null => Value::Text(None),
                ValueRef::Integer(number) => Value::Int(Some(number)),
                ValueRef::Blob(bytes) => Value::Bytes(Some(bytes.to_vec())),
                text => Value::Text(Some(text.as_str()?.to_owned())),
            })
        });
        values.collect::<rusqlite::Result<_>>().map(Self)
    }
}

fn unexpected(value: &Value) -> String {
    if value.is_null() { "it is null".to_owned() } else { format!("it is {value:?}") }
}

impl<T: Column> Column for Option<T> {
    fn read(value: &Value) -> Result<Self, String> {
        if value.is_null() { Ok(None) } else { T::read(value).map(Some) }
    }
}

impl Column for i64 {
    fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::Int(Some(number)) => Ok(*number),
            other => Err(unexpected(other)),
        }
    }
}

impl Column for u32 {
    fn read(value: &Value) -> Result<Self, String> {
        Self::try_from(i64::read(value)?).map_err(|error| error.to_string())
    }
}

impl Column for u64 {
    fn read(value: &Value) -> Result<Self, String> {
        Self::try_from(i64::read(value)?).map_err(|error| error.to_string())
    }
}

impl Column for bool {
    fn read(value: &Value) -> Result<Self, String> {
        i64::read(value).map(|number| number != 0)
    }
}

impl Column for Timestamp {
    fn read(value: &Value) -> Result<Self, String> {
        i64::read(value).map(Self::from_unix_millis)
    }
}

impl Column for String {
    fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::Text(Some(text)) => Ok(text.clone()),
            other => Err(unexpected(other)),
        }
    }
}

impl Column for UserId {
    fn read(value: &Value) -> Result<Self, String> {
        Self::new(String::read(value)?).map_err(|error| error.to_string())
    }
}

impl Column for Vec<u8> {
    fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::Bytes(Some(bytes)) => Ok(bytes.clone()),
            other => Err(unexpected(other)),
        }
    }
}

impl<const N: usize> Column for [u8; N] {
    fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::Bytes(Some(bytes)) => Self::try_from(bytes.as_slice())
                .map_err(|_| format!("it has {} bytes, not {N}", bytes.len())),
            other => Err(unexpected(other)),
        }
    }
}

impl Column for SessionId {
    fn read(value: &Value) -> Result<Self, String> {
        <[u8; 16]>::read(value).map(Self::from_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_of_another_type_is_a_fault_that_does_not_show_the_value() {
        let row = Row(vec!["secret".into(), (-1_i64).into(), Value::Int(None)]);
        let told = |error: SqlError| error.to_string();
        assert_eq!(row.column::<String>(0).unwrap(), "secret");
        assert_eq!(told(row.column::<i64>(0).unwrap_err()), "column 0 cannot be read: it is text");
        assert!(told(row.column::<u32>(1).unwrap_err()).contains("out of range"));
        assert_eq!(row.column::<Option<i64>>(2).unwrap(), None);
        assert_eq!(told(row.column::<i64>(2).unwrap_err()), "column 2 cannot be read: it is null");
        assert!(told(row.column::<i64>(3).unwrap_err()).contains("not there"));
    }
}
