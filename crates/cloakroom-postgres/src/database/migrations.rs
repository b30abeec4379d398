use tokio_postgres::Row;

use super::connections::Lent;
use super::{Fault, Inner};
use crate::{OpenError, Value};

/// The history of one component's tables.
///
/// Step `n` (counted from 1) leads from version `n - 1` to version `n`, in a transaction of its
/// own. `{schema}` in it stands for the schema, quoted. Steps that were released never change;
/// new ones are added at the end. Nodes of the version before run beside the new tables for a
/// while.
#[derive(Clone, Copy, Debug)]
pub struct Migrations {
    /// Whose tables; the key under which the version is kept.
    pub component: &'static str,
    /// SQL, in order; each may have several statements.
    pub steps: &'static [&'static str],
}

/// The lock of the schema's migrations, and no time limits but one for the lock of somebody who
/// forgot a transaction.
const BEGIN: &str = "START TRANSACTION ISOLATION LEVEL READ COMMITTED READ WRITE;
    SET LOCAL statement_timeout = 0;
    SET LOCAL lock_timeout = '60s';
    SET LOCAL client_min_messages = 'warning'";

const LOCK: &str = "SELECT pg_catalog.pg_advisory_xact_lock(
        pg_catalog.hashtextextended('cloakroom migrations ' || $1, 0::bigint))";

const HAS_SCHEMA: &str = "SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)";

const MAKE_SCHEMA: &str = "CREATE SCHEMA {schema}";

const MAKE_VERSIONS: &str = "CREATE TABLE IF NOT EXISTS {schema}.schema_version (
    component text NOT NULL PRIMARY KEY,
    version   bigint NOT NULL
)";

const VERSION: &str = "SELECT version FROM {schema}.schema_version WHERE component = $1";

const SET_VERSION: &str = "INSERT INTO {schema}.schema_version (component, version)
    VALUES ($1, $2) ON CONFLICT (component) DO UPDATE SET version = excluded.version";

/// Why a step was not taken.
enum NotTaken {
    Fault(Fault),
    Newer(u32),
}

impl From<tokio_postgres::Error> for NotTaken {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Fault(error.into())
    }
}

impl Migrations {
    fn known(&self) -> u32 {
        u32::try_from(self.steps.len()).unwrap_or(u32::MAX)
    }

    pub(super) async fn apply(&self, database: &Inner) -> Result<(), OpenError> {
        loop {
            match self.step(database).await {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(NotTaken::Newer(found)) => {
                    let (at, known) = (database.at.clone(), self.known());
                    return Err(OpenError::Newer { at, component: self.component, found, known });
                }
                Err(NotTaken::Fault(source)) => return Err(explain(database, source)),
            }
        }
    }

    /// Takes the next step, unless there is none: then it is done.
    async fn step(&self, database: &Inner) -> Result<bool, NotTaken> {
        let connection = database.connections.lend().await;
        let connection = connection.map_err(|error| NotTaken::Fault(error.into()))?;
        connection.set_clean(false);
        connection.batch(BEGIN).await?;
        ask(&connection, LOCK, &[database.schema.name().into()]).await?;
        let is_done = self.step_within(database, &connection).await?;
        connection.batch("COMMIT").await?;
        connection.set_clean(true);
        Ok(is_done)
    }

    async fn step_within(&self, database: &Inner, connection: &Lent) -> Result<bool, NotTaken> {
        make_schema(database, connection).await?;
        let found = self.version(database, connection).await?;
        if found > self.known() {
            return Err(NotTaken::Newer(found));
        }
        let Some(step) = self.steps.get(found as usize) else {
            return Ok(true);
        };
        connection.batch(&database.schema.expand(step)).await?;
        let version = [self.component.into(), (found + 1).into()];
        ask(connection, &database.schema.expand(SET_VERSION), &version).await?;
        Ok(false)
    }

    async fn version(&self, database: &Inner, connection: &Lent) -> Result<u32, NotTaken> {
        let sql = database.schema.expand(VERSION);
        let rows = ask(connection, &sql, &[self.component.into()]).await?;
        let version = rows.first().map_or(Ok(0), |row| row.try_get::<_, i64>(0))?;
        Ok(u32::try_from(version).unwrap_or(u32::MAX))
    }
}

/// Asking for a right that is not needed would be refused, so it looks first.
async fn make_schema(database: &Inner, connection: &Lent) -> Result<(), NotTaken> {
    let rows = ask(connection, HAS_SCHEMA, &[database.schema.name().into()]).await?;
    let has_schema = rows.first().is_some_and(|row| row.get(0));
    if !has_schema {
        connection.batch(&database.schema.expand(MAKE_SCHEMA)).await?;
    }
    connection.batch(&database.schema.expand(MAKE_VERSIONS)).await?;
    Ok(())
}

async fn ask(
    connection: &Lent,
    sql: &str,
    values: &[Value],
) -> Result<Vec<Row>, tokio_postgres::Error> {
    let prepared = connection.prepare(sql, values).await?;
    connection.query(sql, &prepared, values).await
}

fn explain(database: &Inner, source: Fault) -> OpenError {
    let said = source.downcast_ref::<tokio_postgres::Error>().and_then(|error| error.as_db_error());
    let detail = said.map_or_else(|| source.to_string(), |said| said.message().to_owned());
    OpenError::Postgres { at: database.at.clone(), detail, source }
}
