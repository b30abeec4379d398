use anyhow::Result;
use cloakroom::{postgres, sqlite};

use super::{Engine, Sql};
use crate::config::{Config, DatabaseAt};

/// The file of a server that was told of no other database, in its data directory.
pub const EMBEDDED: &str = "cloakroom.db";

impl Sql {
    /// Opens the database that the configuration names.
    ///
    /// # Errors
    /// Says what is wrong with it; nothing in it was changed then.
    pub async fn open(config: &Config) -> Result<Self> {
        let sql = match &config.database.url {
            DatabaseAt::Embedded => {
                Self::sqlite(sqlite::Database::open(config.server.data.join(EMBEDDED))?)
            }
            DatabaseAt::Sqlite(path) => {
                let options =
                    sqlite::Options { beside_other_tables: true, ..sqlite::Options::default() };
                Self::sqlite(options.open(path)?)
            }
            DatabaseAt::Postgres(url) => {
                Self::postgres(postgres_options(config).connect(url).await?)
            }
        };
        Ok(sql.patience(config.store.timeout))
    }

    /// The file underneath, for sessions beside these tables.
    pub fn sqlite_database(&self) -> Option<&sqlite::Database> {
        match &self.engine {
            Engine::Sqlite(database) => Some(database),
            Engine::Postgres { .. } => None,
        }
    }

    /// The schema underneath, for sessions beside these tables.
    pub fn postgres_database(&self) -> Option<&postgres::Database> {
        match &self.engine {
            Engine::Sqlite(_) => None,
            Engine::Postgres { database, .. } => Some(database),
        }
    }
}

fn postgres_options(config: &Config) -> postgres::Options {
    let given = &config.database;
    let mut options = postgres::Options::default();
    options.schema.clone_from(&given.schema);
    options.connections = given.connections as usize;
    options.pooler = given.pooler;
    options.password = given.password.reveal().map(postgres::Password::new);
    options
}
