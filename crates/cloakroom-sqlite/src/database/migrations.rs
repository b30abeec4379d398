use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::connect::explain;
use crate::OpenError;

/// The history of one component's tables.
///
/// Step `n` (counted from 1) leads from version `n - 1` to version `n`. Steps that were released
/// never change; new ones are added at the end.
#[derive(Clone, Copy, Debug)]
pub struct Migrations {
    /// Whose tables; the key under which the version is kept.
    pub component: &'static str,
    /// SQL, in order.
    pub steps: &'static [&'static str],
    /// A version, and the SQL that makes its tables at once: what a file begins with that has
    /// none of them. Without it, a file begins with the first step.
    pub begin: Option<(u32, &'static str)>,
}

impl Migrations {
    fn known(&self) -> u32 {
        u32::try_from(self.steps.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn apply(&self, connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
        while self.is_behind(connection, path)? {
            self.step(connection, path)?;
        }
        Ok(())
    }

    fn is_behind(&self, connection: &Connection, path: &Path) -> Result<bool, OpenError> {
        let found = self.version(connection).map_err(|error| explain(path, error))?;
        if found > self.known() {
            return Err(OpenError::Newer {
                path: path.to_owned(),
                component: self.component,
                found,
                known: self.known(),
            });
        }
        Ok(found < self.known())
    }

    fn step(&self, connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
        let begun = connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let transaction = begun.map_err(|error| explain(path, error))?;
        // Another process may have taken the step since it was found to be due.
        if !self.is_behind(&transaction, path)? {
            return Ok(());
        }
        self.take(&transaction)
            .and_then(|()| transaction.commit())
            .map_err(|error| explain(path, error))
    }

    fn take(&self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        let Some((version, sql)) = self.next(self.version(transaction)?) else {
            return Ok(());
        };
        transaction.execute_batch(sql)?;
        transaction.execute(
            "INSERT INTO cloakroom_schema_version (component, version) VALUES (?1, ?2)
             ON CONFLICT (component) DO UPDATE SET version = excluded.version",
            params![self.component, version],
        )?;
        Ok(())
    }

    /// The version to go to from `version`, and the way there.
    fn next(&self, version: u32) -> Option<(u32, &'static str)> {
        match self.begin {
            Some(begin) if version == 0 => Some(begin),
            _ => self.steps.get(version as usize).map(|sql| (version + 1, *sql)),
        }
    }

    fn version(&self, connection: &Connection) -> rusqlite::Result<u32> {
        let found = connection.query_row(
            "SELECT version FROM cloakroom_schema_version WHERE component = ?1",
            [self.component],
            |row| row.get(0),
        );
        Ok(found.optional()?.unwrap_or(0))
    }
}
