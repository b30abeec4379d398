//! Where the sessions of this database are, so that a change of `strategy` is noticed.
//!
//! The sessions of one strategy are not there under another. Were they found again when it is
//! changed back, those would live that an end of everyone meanwhile did not reach. So whatever a
//! store still holds when servers come (back) to it ends then.

use anyhow::{Result, bail};
use cloakroom::{EndReason, Sessions};

use crate::config::{Config, DatabaseAt, Strategy};
use crate::sql::{Row, Sql, SqlError, Tables};

const TABLES: Tables = Tables {
    component: "session_place",
    sqlite: &["CREATE TABLE cloakroom_session_place (
        only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
        place    TEXT    NOT NULL
    ) STRICT"],
    sqlite_begin: None,
    postgres: &["CREATE TABLE {schema}.session_place (
        only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
        place    TEXT    COLLATE \"C\" NOT NULL
    )"],
};

const FIND: &str = "SELECT place FROM cloakroom_session_place WHERE only_row = 1";

const NOTE_FIRST: &str = "INSERT INTO cloakroom_session_place (only_row, place) VALUES (1, ?1)
    ON CONFLICT (only_row) DO NOTHING";

const NOTE: &str = "UPDATE cloakroom_session_place SET place = ?1 WHERE only_row = 1";

/// Who the history says has ended the sessions.
const BY: &str = "change of strategy";

/// Where this server keeps sessions, beside where the database says they are.
#[derive(Clone, Debug)]
pub struct SessionPlace {
    sql: Sql,
    here: String,
    has_other_nodes: bool,
}

impl SessionPlace {
    /// Opens the table, making it if needed. `sql` is the database of the users.
    ///
    /// # Errors
    /// As [`Sql::migrate`].
    pub async fn open(sql: Sql, config: &Config) -> Result<Self> {
        sql.migrate(&TABLES).await?;
        let has_other_nodes = config.database.url != DatabaseAt::Embedded;
        Ok(Self { sql, here: place(config), has_other_nodes })
    }

    /// For a command that has opened the store itself: checks that it is the one in use.
    ///
    /// # Errors
    /// Sessions are elsewhere, or a fault of the database.
    pub async fn check(&self) -> Result<()> {
        match self.found().await? {
            Some(noted) if noted != self.here => bail!(
                "the server keeps sessions in {noted}, and the settings of this command say \
                 {here}: give it those of the server (`strategy`, `redis.prefix`); after a change \
                 of strategy, start the server with it first",
                noted = shown(&noted),
                here = shown(&self.here)
            ),
            _ => Ok(()),
        }
    }

    /// For a server that starts: where sessions were elsewhere, ends what this store still holds.
    ///
    /// # Errors
    /// Other servers may be on the database, which keep sessions elsewhere; or a fault.
    pub async fn move_in(&self, sessions: &Sessions) -> Result<()> {
        let noted = self.noted().await?;
        if noted == self.here {
            return Ok(());
        }
        if self.has_other_nodes {
            bail!(
                "the servers on this database keep sessions in {noted}, and strategy says {here}: \
                 neither would see or end the sessions of the other. Give this one the settings of \
                 the others; or, to change all, stop them, run `cloakroom strategy adopt` with the \
                 new settings (everybody has to sign in again), and start them with these",
                noted = shown(&noted),
                here = shown(&self.here)
            );
        }
        let ended = self.adopt(sessions).await?;
        tracing::warn!(
            before = shown(&noted),
            now = shown(&self.here),
            ended,
            "the strategy was changed: everybody has to sign in again"
        );
        Ok(())
    }

    /// Makes this the place of the sessions, and ends what was left here. Returns how many that
    /// were.
    ///
    /// # Errors
    /// A fault of the store or of the database.
    pub async fn adopt(&self, sessions: &Sessions) -> Result<u64> {
        if self.noted().await? == self.here {
            return Ok(0);
        }
        let ended = sessions.end_everyone(EndReason::Admin, Some(BY)).await?.count;
        let here = vec![self.here.as_str().into()];
        self.sql.write_one("note where sessions are", NOTE, here).await?;
        Ok(ended)
    }

    /// What the database says, which is this place if it said nothing.
    async fn noted(&self) -> Result<String> {
        if let Some(noted) = self.found().await? {
            return Ok(noted);
        }
        let here = vec![self.here.as_str().into()];
        self.sql.write_one("note where sessions are", NOTE_FIRST, here).await?;
        Ok(self.found().await?.ok_or(SqlError::Missing)?)
    }

    async fn found(&self) -> Result<Option<String>> {
        Ok(self.sql.read_one("look up where sessions are", FIND, &[], text).await?)
    }
}

fn text(row: &Row) -> Result<String, SqlError> {
    row.column(0)
}

/// Redis before the database keeps none of its own. The address of a Redis may change while its
/// sessions stay.
fn place(config: &Config) -> String {
    match config.server.strategy {
        Strategy::Memory => "memory".to_owned(),
        Strategy::Redis if !config.redis.backing => format!("redis {}", config.redis.prefix),
        Strategy::Database | Strategy::Redis => "database".to_owned(),
    }
}

/// In the words of the settings.
fn shown(place: &str) -> String {
    match place.split_once(' ') {
        Some((_, prefix)) => format!("Redis (prefix {prefix})"),
        None if place == "memory" => "memory".to_owned(),
        None => "the database".to_owned(),
    }
}
