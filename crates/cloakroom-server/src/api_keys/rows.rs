use cloakroom::Timestamp;

use super::Scope;
use crate::sql::{Row, SqlError, Tables, Transaction};

pub(super) const TABLES: Tables = Tables {
    component: "api_key",
    sqlite: &[V1, "ALTER TABLE api_key RENAME TO cloakroom_api_key"],
    sqlite_begin: Some((2, V2)),
    postgres: &[POSTGRES_V1],
};

/// Before tables had a prefix.
const V1: &str = "
CREATE TABLE api_key (
    id           TEXT    PRIMARY KEY,
    digest       BLOB    NOT NULL CHECK (length(digest) = 32),
    name         TEXT    NOT NULL UNIQUE,
    scopes       TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER
) STRICT, WITHOUT ROWID;
";

const V2: &str = "
CREATE TABLE cloakroom_api_key (
    id           TEXT    PRIMARY KEY,
    digest       BLOB    NOT NULL CHECK (length(digest) = 32),
    name         TEXT    NOT NULL UNIQUE,
    scopes       TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER
) STRICT, WITHOUT ROWID;
";

const POSTGRES_V1: &str = "
CREATE TABLE {schema}.api_key (
    id           TEXT   COLLATE \"C\" PRIMARY KEY,
    digest       BYTEA  NOT NULL CHECK (length(digest) = 32),
    name         TEXT   COLLATE \"C\" NOT NULL UNIQUE,
    scopes       TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT
);
";

macro_rules! columns {
    () => {
        "id, name, scopes, created_at, last_used_at"
    };
}

/// An API key without anything secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyRow {
    /// Its public id.
    pub id: String,
    /// What its operator called it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last used, to a minute.
    pub last_used_at: Option<Timestamp>,
}

pub(super) const LIST: &str =
    concat!("SELECT ", columns!(), " FROM cloakroom_api_key ORDER BY name");

pub(super) const FIND: &str =
    concat!("SELECT ", columns!(), ", digest FROM cloakroom_api_key WHERE id = ?1");

/// Id, now. What is noted never goes back.
pub(super) const USED: &str = "UPDATE cloakroom_api_key SET last_used_at = ?2
    WHERE id = ?1 AND coalesce(last_used_at, ?2 - 1) < ?2";

const INSERT: &str = concat!(
    "INSERT INTO cloakroom_api_key (id, digest, name, scopes, created_at)
     VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (name) DO NOTHING RETURNING ",
    columns!()
);

const REMOVE_BY_ID: &str =
    concat!("DELETE FROM cloakroom_api_key WHERE id = ?1 RETURNING ", columns!());

const REMOVE_BY_NAME: &str =
    concat!("DELETE FROM cloakroom_api_key WHERE name = ?1 RETURNING ", columns!());

pub(super) fn read(row: &Row) -> Result<ApiKeyRow, SqlError> {
    let scopes: String = row.column(2)?;
    let scopes = serde_json::from_str(&scopes);
    Ok(ApiKeyRow {
        id: row.column(0)?,
        name: row.column(1)?,
        scopes: scopes
            .map_err(|error| SqlError::Unreadable { column: 2, reason: error.to_string() })?,
        created_at: row.column(3)?,
        last_used_at: row.column(4)?,
    })
}

/// A row of [`FIND`].
pub(super) fn found(row: &Row) -> Result<(ApiKeyRow, [u8; 32]), SqlError> {
    Ok((read(row)?, row.column(5)?))
}

pub(super) async fn count(transaction: &mut Transaction<'_>) -> Result<i64, SqlError> {
    let counted = transaction.row("SELECT count(*) FROM cloakroom_api_key", &[]).await?;
    counted.map_or(Ok(0), |row| row.column(0))
}

/// A key to add.
pub(super) struct NewKey {
    pub(super) id: String,
    pub(super) digest: [u8; 32],
    pub(super) name: String,
    pub(super) scopes: Vec<Scope>,
    pub(super) now: Timestamp,
}

/// `None` when the name is taken.
pub(super) async fn insert(
    transaction: &mut Transaction<'_>,
    new: &NewKey,
) -> Result<Option<ApiKeyRow>, SqlError> {
    let scopes = serde_json::json!(new.scopes).to_string();
    let values = [
        (&new.id).into(),
        (&new.digest).into(),
        (&new.name).into(),
        (&scopes).into(),
        new.now.into(),
    ];
    transaction.row(INSERT, &values).await?.as_ref().map(read).transpose()
}

/// An id wins over the same text as a name.
pub(super) async fn remove(
    transaction: &mut Transaction<'_>,
    id_or_name: &str,
) -> Result<Option<ApiKeyRow>, SqlError> {
    for sql in [REMOVE_BY_ID, REMOVE_BY_NAME] {
        if let Some(removed) = transaction.row(sql, &[id_or_name.into()]).await? {
            return read(&removed).map(Some);
        }
    }
    Ok(None)
}
