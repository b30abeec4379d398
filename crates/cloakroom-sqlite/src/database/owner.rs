//! Whose file it is, and how it becomes ours as well.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::Options;
use super::connect::explain;
use crate::OpenError;

/// `CLKR`: marks a file that is ours alone.
const APPLICATION_ID: i32 = 0x434C_4B52;

const APPLICATION: &str = "PRAGMA application_id";

const IS_EMPTY: &str = "SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)";

const HAS_TABLE: &str = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?1)";

const WITH_OUR_PREFIX: &str =
    "SELECT name FROM sqlite_schema WHERE lower(substr(name, 1, 10)) = 'cloakroom_' LIMIT 1";

/// Where the versions of all tables of ours are kept.
const VERSIONS: &str = "cloakroom_schema_version";

/// Its name in files of version 0.1, whose tables had no prefix.
const VERSIONS_WITHOUT_PREFIX: &str = "schema_version";

/// What a file says of itself before anything in it is changed.
pub(super) enum Owner {
    /// It is empty.
    Nobody,
    /// It is ours alone.
    Us,
    /// It is another program's, and holds tables of ours.
    Shared,
    /// It is another program's, which may use a name that ours begin with.
    Other(Option<String>),
}

impl Owner {
    pub(super) fn of(connection: &mut Connection) -> rusqlite::Result<Self> {
        let snapshot = connection.transaction()?;
        Self::within(&snapshot)
    }

    fn within(connection: &Connection) -> rusqlite::Result<Self> {
        let application: i32 = connection.query_row(APPLICATION, [], |row| row.get(0))?;
        if application == APPLICATION_ID {
            return Ok(Self::Us);
        }
        if has_table(connection, VERSIONS)? {
            return Ok(Self::Shared);
        }
        let is_empty: bool = connection.query_row(IS_EMPTY, [], |row| row.get(0))?;
        if is_empty && application == 0 {
            return Ok(Self::Nobody);
        }
        let taken = connection.query_row(WITH_OUR_PREFIX, [], |row| row.get(0)).optional()?;
        Ok(Self::Other(taken))
    }
}

/// Gives the file the table of versions. A new file that is not to be shared is marked as ours.
pub(super) fn claim(
    mut connection: Connection,
    path: &Path,
    options: &Options,
) -> Result<Connection, OpenError> {
    let claimed = (|| {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let owner = Owner::within(&transaction)?;
        if matches!(owner, Owner::Nobody) && !options.beside_other_tables {
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        }
        make_versions(&transaction, &owner)?;
        transaction.commit()
    })();
    claimed.map_err(|error| explain(path, error))?;
    Ok(connection)
}

fn make_versions(connection: &Connection, owner: &Owner) -> rusqlite::Result<()> {
    if has_table(connection, VERSIONS)? {
        return Ok(());
    }
    // Only in a file of ours is a table of the old name ours too.
    if matches!(owner, Owner::Us) && has_table(connection, VERSIONS_WITHOUT_PREFIX)? {
        return connection
            .execute_batch("ALTER TABLE schema_version RENAME TO cloakroom_schema_version");
    }
    connection.execute_batch(
        "CREATE TABLE cloakroom_schema_version (
            component TEXT NOT NULL PRIMARY KEY,
            version INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID",
    )
}

fn has_table(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    connection.query_row(HAS_TABLE, [name], |row| row.get(0))
}
