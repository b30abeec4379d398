use std::collections::HashMap;

use cloakroom::sqlite::rusqlite::{self, Connection, OptionalExtension, Row, params};
use cloakroom::{SessionId, Timestamp, UserId};
use serde::Serialize;

use super::{Account, codes};

/// What a user may do here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// See and end everybody's sessions, and manage users.
    Admin,
    /// See and end their own.
    User,
}

impl Role {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::User => "user",
        }
    }
}

/// A user.
#[derive(Clone, Debug, Serialize)]
pub struct UserRow {
    /// The id that applications know the user by.
    pub id: UserId,
    /// The login name, in its one spelling.
    pub name: String,
    /// The name as people see it.
    pub display_name: String,
    /// The e-mail address.
    pub email: Option<String>,
    /// The groups.
    pub groups: Vec<String>,
    /// What the user may do here.
    pub role: Role,
    /// Whether sign-in is refused.
    pub disabled: bool,
    /// Whether a password was chosen.
    pub has_password: bool,
    /// Sessions with a lower epoch are refused.
    #[serde(skip)]
    pub epoch: u64,
    /// The one session that is not.
    #[serde(skip)]
    pub epoch_except: Option<SessionId>,
}

impl UserRow {
    /// Whether a session of this user, with this epoch, is still good.
    pub fn admits(&self, session: SessionId, epoch: u64) -> bool {
        !self.disabled && (epoch >= self.epoch || self.epoch_except == Some(session))
    }
}

/// A user to add. The texts are checked already.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The id.
    pub id: UserId,
    /// The login name.
    pub name: String,
    /// The name as people see it.
    pub display_name: String,
    /// The e-mail address.
    pub email: Option<String>,
    /// The groups.
    pub groups: Vec<String>,
    /// What the user may do here.
    pub role: Role,
    /// When it is added.
    pub created_at: Timestamp,
}

/// Changes of a user; `None` leaves as it is. The texts are checked already.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// The name as people see it.
    pub display_name: Option<String>,
    /// The e-mail address; `Some(None)` takes it away.
    pub email: Option<Option<String>>,
    /// All groups.
    pub groups: Option<Vec<String>>,
}

/// A page of users.
#[derive(Clone, Debug)]
pub struct UserPage {
    /// The users, in order of their names.
    pub items: Vec<UserRow>,
    /// The name behind which the next page begins.
    pub next: Option<String>,
}

const COLUMNS: &str = "id, name, display_name, email, groups, role, disabled, \
                       password_hash IS NOT NULL, epoch, epoch_except, password_hash";

fn read(row: &Row<'_>) -> rusqlite::Result<UserRow> {
    let groups: String = row.get(4)?;
    let role: String = row.get(5)?;
    let except: Option<[u8; 16]> = row.get(9)?;
    Ok(UserRow {
        id: user_id(row, 0)?,
        name: row.get(1)?,
        display_name: row.get(2)?,
        email: row.get(3)?,
        groups: serde_json::from_str(&groups).map_err(|error| unreadable(4, error))?,
        role: if role == "admin" { Role::Admin } else { Role::User },
        disabled: row.get(6)?,
        has_password: row.get(7)?,
        epoch: row.get::<_, i64>(8)?.try_into().map_err(|error| unreadable(8, error))?,
        epoch_except: except.map(SessionId::from_bytes),
    })
}

pub(super) fn user_id(row: &Row<'_>, column: usize) -> rusqlite::Result<UserId> {
    UserId::new(row.get::<_, String>(column)?).map_err(|error| unreadable(column, error))
}

fn unreadable(
    column: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
}

pub(super) fn any(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT EXISTS (SELECT 1 FROM cloakroom_user)", [], |row| row.get(0))
}

pub(super) fn account(connection: &Connection, name: &str) -> rusqlite::Result<Option<Account>> {
    let sql = const_format("WHERE name = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    let account = statement
        .query_row([name], |row| Ok(Account { row: read(row)?, password_hash: row.get(10)? }));
    account.optional()
}

pub(super) fn by_id(connection: &Connection, id: &str) -> rusqlite::Result<Option<UserRow>> {
    let sql = const_format("WHERE id = ?1");
    connection.prepare_cached(&sql)?.query_row([id], read).optional()
}

fn const_format(rest: &str) -> String {
    format!("SELECT {COLUMNS} FROM cloakroom_user {rest}")
}

pub(super) fn display_names(
    connection: &Connection,
    ids: &[UserId],
) -> rusqlite::Result<HashMap<UserId, String>> {
    let mut statement =
        connection.prepare_cached("SELECT display_name FROM cloakroom_user WHERE id = ?1")?;
    let mut names = HashMap::new();
    for id in ids {
        let name = statement.query_row([id.as_str()], |row| row.get(0)).optional()?;
        names.extend(name.map(|name| (id.clone(), name)));
    }
    Ok(names)
}

pub(super) fn page(
    connection: &Connection,
    after: Option<&str>,
    limit: u32,
) -> rusqlite::Result<UserPage> {
    let sql = const_format("WHERE name > ?1 ORDER BY name LIMIT ?2");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params![after.unwrap_or(""), limit + 1], read)?;
    let mut items = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next = items.last().filter(|_| more).map(|user| user.name.clone());
    Ok(UserPage { items, next })
}

pub(super) fn insert(connection: &Connection, new: &NewUser) -> rusqlite::Result<Option<UserRow>> {
    let groups = serde_json::Value::from(new.groups.clone()).to_string();
    let added = connection.execute(
        "INSERT INTO cloakroom_user (id, name, display_name, email, groups, role, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
        params![
            new.id.as_str(),
            new.name,
            new.display_name,
            new.email,
            groups,
            new.role.as_str(),
            new.created_at.unix_millis()
        ],
    )?;
    if added == 0 { Ok(None) } else { by_id(connection, new.id.as_str()) }
}

pub(super) fn set_password(
    connection: &Connection,
    id: &str,
    password_hash: &str,
    kept: Option<SessionId>,
    store_epoch: u64,
) -> rusqlite::Result<Option<UserRow>> {
    codes::void(connection, id)?;
    connection.execute(
        "UPDATE cloakroom_user SET password_hash = ?2, epoch = max(epoch, ?3) + 1, epoch_except = ?4
         WHERE id = ?1",
        params![id, password_hash, signed(store_epoch), kept.as_ref().map(SessionId::as_bytes)],
    )?;
    by_id(connection, id)
}

pub(super) fn renew_hash(
    connection: &Connection,
    id: &str,
    old: &str,
    new: &str,
) -> rusqlite::Result<bool> {
    let changed = connection.execute(
        "UPDATE cloakroom_user SET password_hash = ?3 WHERE id = ?1 AND password_hash = ?2",
        [id, old, new],
    )?;
    Ok(changed > 0)
}

pub(super) fn set_disabled(
    connection: &Connection,
    id: &str,
    disabled: bool,
    store_epoch: u64,
) -> rusqlite::Result<Option<UserRow>> {
    if disabled {
        codes::void(connection, id)?;
    }
    connection.execute(
        "UPDATE cloakroom_user SET epoch = max(epoch, ?3) + ?2, disabled = ?2, epoch_except = NULL
         WHERE id = ?1",
        params![id, disabled, signed(store_epoch)],
    )?;
    by_id(connection, id)
}

pub(super) fn set_profile(
    connection: &Connection,
    id: &str,
    profile: &Profile,
) -> rusqlite::Result<Option<UserRow>> {
    let groups = profile.groups.as_ref().map(|groups| serde_json::json!(groups).to_string());
    connection.execute(
        "UPDATE cloakroom_user SET display_name = ifnull(?2, display_name), groups = ifnull(?3, groups),
             email = iif(?4, ?5, email) WHERE id = ?1",
        params![
            id,
            profile.display_name,
            groups,
            profile.email.is_some(),
            profile.email.clone().flatten()
        ],
    )?;
    by_id(connection, id)
}

fn signed(epoch: u64) -> i64 {
    i64::try_from(epoch).unwrap_or(i64::MAX)
}
