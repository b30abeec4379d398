use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::OpenError;

/// The name of a schema, known to be harmless.
#[derive(Clone, Debug)]
pub(super) struct Schema(Arc<str>);

impl Schema {
    pub(super) fn new(name: &str) -> Result<Self, OpenError> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let begins_well = name.bytes().next().is_some_and(|first| !first.is_ascii_digit());
        // Names that begin so belong to PostgreSQL.
        let is_taken = name.starts_with("pg_") || name == "information_schema";
        if begins_well && name.len() <= 48 && name.bytes().all(fits) && !is_taken {
            return Ok(Self(name.into()));
        }
        Err(OpenError::Schema(name.to_owned()))
    }

    pub(super) fn name(&self) -> &str {
        &self.0
    }

    /// Puts the quoted name in the place of every `{schema}`.
    pub(super) fn expand(&self, template: &str) -> Sql {
        Sql(template.replace("{schema}", &format!("\"{}\"", self.0)).into())
    }
}

/// A statement of one database, with the name of its schema in it. Made once and kept, it costs
/// nothing to use again.
#[derive(Clone, PartialEq, Eq)]
pub struct Sql(Arc<str>);

impl Deref for Sql {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Sql {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_named_harmlessly_or_not_at_all() {
        for wrong in ["", "a\"b", "A", "1a", "a b", "a.b", "ä", "pg_x", &"x".repeat(49)] {
            assert!(Schema::new(wrong).is_err(), "{wrong:?}");
        }
        let schema = Schema::new("cloak_2").unwrap();
        let sql = schema.expand("SELECT 1 FROM {schema}.a, {schema}.b");
        assert_eq!(&*sql, "SELECT 1 FROM \"cloak_2\".a, \"cloak_2\".b");
    }
}
