use cloakroom::Timestamp;
use cloakroom::sqlite::rusqlite::{self, Connection, OptionalExtension, Row, params};

use super::Scope;

/// Before tables had a prefix.
pub(super) const V1: &str = "
CREATE TABLE api_key (
    id           TEXT    PRIMARY KEY,
    digest       BLOB    NOT NULL CHECK (length(digest) = 32),
    name         TEXT    NOT NULL UNIQUE,
    scopes       TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER
) STRICT, WITHOUT ROWID;
";

pub(super) const V2: &str = "
CREATE TABLE cloakroom_api_key (
    id           TEXT    PRIMARY KEY,
    digest       BLOB    NOT NULL CHECK (length(digest) = 32),
    name         TEXT    NOT NULL UNIQUE,
    scopes       TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER
) STRICT, WITHOUT ROWID;
";

const COLUMNS: &str = "id, name, scopes, created_at, last_used_at";

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

fn read(row: &Row<'_>) -> rusqlite::Result<ApiKeyRow> {
    let scopes: String = row.get(2)?;
    let moment = Timestamp::from_unix_millis;
    Ok(ApiKeyRow {
        id: row.get(0)?,
        name: row.get(1)?,
        scopes: serde_json::from_str(&scopes).map_err(|error| {
            let text = rusqlite::types::Type::Text;
            rusqlite::Error::FromSqlConversionFailure(2, text, Box::new(error))
        })?,
        created_at: moment(row.get(3)?),
        last_used_at: row.get::<_, Option<i64>>(4)?.map(moment),
    })
}

pub(super) fn count(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT count(*) FROM cloakroom_api_key", [], |row| row.get(0))
}

/// `None` when the name is taken.
pub(super) fn insert(
    connection: &Connection,
    id: &str,
    digest: &[u8; 32],
    name: &str,
    scopes: &[Scope],
    now: Timestamp,
) -> rusqlite::Result<Option<ApiKeyRow>> {
    let added = connection.query_row(
        &format!(
            "INSERT INTO cloakroom_api_key (id, digest, name, scopes, created_at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (name) DO NOTHING RETURNING {COLUMNS}"
        ),
        params![id, digest, name, serde_json::json!(scopes).to_string(), now.unix_millis()],
        read,
    );
    added.optional()
}

pub(super) fn list(connection: &Connection) -> rusqlite::Result<Vec<ApiKeyRow>> {
    let mut statement =
        connection.prepare(&format!("SELECT {COLUMNS} FROM cloakroom_api_key ORDER BY name"))?;
    statement.query_map([], read)?.collect()
}

/// The key with this id, and its digest.
pub(super) fn find(
    connection: &Connection,
    id: &str,
) -> rusqlite::Result<Option<(ApiKeyRow, [u8; 32])>> {
    let sql = format!("SELECT {COLUMNS}, digest FROM cloakroom_api_key WHERE id = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    statement.query_row([id], |row| Ok((read(row)?, row.get(5)?))).optional()
}

/// An id wins over the same text as a name.
pub(super) fn remove(
    connection: &Connection,
    id_or_name: &str,
) -> rusqlite::Result<Option<ApiKeyRow>> {
    for column in ["id", "name"] {
        let sql = format!("DELETE FROM cloakroom_api_key WHERE {column} = ?1 RETURNING {COLUMNS}");
        let removed = connection.query_row(&sql, [id_or_name], read).optional()?;
        if removed.is_some() {
            return Ok(removed);
        }
    }
    Ok(None)
}

pub(super) fn used(connection: &Connection, id: &str, now: Timestamp) -> rusqlite::Result<()> {
    let sql = "UPDATE cloakroom_api_key SET last_used_at = max(ifnull(last_used_at, ?2), ?2) WHERE id = ?1";
    connection.prepare_cached(sql)?.execute(params![id, now.unix_millis()]).map(drop)
}
