//! Statements, values and rows as PostgreSQL has them.

use cloakroom::postgres::{self, Database, Fault};

use super::{Row, Value};

/// Tables are in the schema, without the prefix they have on SQLite; parameters are `$1`.
pub(super) fn statement(database: &Database, statement: &str) -> postgres::Sql {
    database.sql(&template(statement))
}

fn template(statement: &str) -> String {
    statement.replace("cloakroom_", "{schema}.").replace('?', "$")
}

pub(super) fn values(values: &[Value]) -> Vec<postgres::Value> {
    let value = |value: &Value| match value {
        Value::Bytes(bytes) => postgres::Value::Bytes(bytes.clone()),
        Value::Int(number) => postgres::Value::Integer(*number),
        Value::Text(text) => postgres::Value::Text(text.clone()),
    };
    values.iter().map(value).collect()
}

/// Whether a text has the one character that no text in PostgreSQL has: it is nobody's name.
pub(super) fn is_nowhere(values: &[Value]) -> bool {
    values.iter().any(|value| matches!(value, Value::Text(Some(text)) if text.contains('\0')))
}

pub(super) fn rows(found: &[postgres::Row]) -> Result<Vec<Row>, Fault> {
    found.iter().map(row).collect()
}

fn row(row: &postgres::Row) -> Result<Row, Fault> {
    let columns = row.columns().iter().enumerate();
    let values = columns.map(|(at, column)| {
        Ok(match column.type_().name() {
            "int8" => Value::Int(row.try_get(at)?),
            "bytea" => Value::Bytes(row.try_get(at)?),
            "text" => Value::Text(row.try_get(at)?),
            other => return Err(format!("column {at} is of the type {other}").into()),
        })
    });
    values.collect::<Result<_, Fault>>().map(Row::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_parameters_are_those_of_postgresql() {
        let sqlite = "SELECT id FROM cloakroom_user WHERE name = ?1 AND id <> ?2";
        assert_eq!(template(sqlite), "SELECT id FROM {schema}.user WHERE name = $1 AND id <> $2");
    }

    #[test]
    fn a_text_that_postgresql_cannot_hold_is_nowhere() {
        assert!(is_nowhere(&[7_i64.into(), "a\0".into()]));
        assert!(!is_nowhere(&["a".into(), (&[0_u8]).into()]));
    }
}
