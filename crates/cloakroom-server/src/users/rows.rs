use cloakroom::{SessionId, Timestamp, UserId};
use serde::Serialize;

use super::{Account, codes};
use crate::sql::{Row, SqlError, Transaction};

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

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT person.id, person.name, person.display_name, person.email, person.groups,
                 person.role, person.disabled, person.epoch, person.epoch_except,
                 person.password_hash
             FROM cloakroom_user AS person ",
            $rest
        )
    };
}

pub(super) const ANYBODY: &str = "SELECT id FROM cloakroom_user LIMIT 1";
pub(super) const BY_ID: &str = select!("WHERE person.id = ?1");
/// To be followed by the ids in brackets.
pub(super) const BY_IDS: &str = select!("WHERE person.id IN");
pub(super) const BY_NAME: &str = select!("WHERE person.name = ?1");
pub(super) const PAGE: &str = select!("WHERE person.name > ?1 ORDER BY person.name LIMIT ?2");

/// The user whose good code of a purpose this is: digest, purpose, now.
pub(super) const OF_CODE: &str = select!(
    "JOIN cloakroom_one_time_code AS code ON code.user_id = person.id
     WHERE code.digest = ?1 AND code.purpose = ?2 AND code.expires_at > ?3"
);

pub(super) fn read(row: &Row) -> Result<UserRow, SqlError> {
    account(row).map(|account| account.row)
}

pub(super) fn account(row: &Row) -> Result<Account, SqlError> {
    let groups: String = row.column(4)?;
    let groups = serde_json::from_str(&groups);
    let groups =
        groups.map_err(|error| SqlError::Unreadable { column: 4, reason: error.to_string() })?;
    let role: String = row.column(5)?;
    let password_hash: Option<String> = row.column(9)?;
    let row = UserRow {
        id: row.column(0)?,
        name: row.column(1)?,
        display_name: row.column(2)?,
        email: row.column(3)?,
        groups,
        role: if role == "admin" { Role::Admin } else { Role::User },
        disabled: row.column(6)?,
        has_password: password_hash.is_some(),
        epoch: row.column(7)?,
        epoch_except: row.column(8)?,
    };
    Ok(Account { row, password_hash })
}

pub(super) async fn any(transaction: &mut Transaction<'_>) -> Result<bool, SqlError> {
    Ok(transaction.row(ANYBODY, &[]).await?.is_some())
}

pub(super) async fn by_id(
    transaction: &mut Transaction<'_>,
    id: &UserId,
) -> Result<Option<UserRow>, SqlError> {
    transaction.row(BY_ID, &[id.into()]).await?.as_ref().map(read).transpose()
}

/// `None` when the id or name is taken.
pub(super) async fn insert(
    transaction: &mut Transaction<'_>,
    new: &NewUser,
) -> Result<Option<UserRow>, SqlError> {
    let sql = "INSERT INTO cloakroom_user (id, name, display_name, email, groups, role, created_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING";
    let values = [
        (&new.id).into(),
        (&new.name).into(),
        (&new.display_name).into(),
        (&new.email).into(),
        (&groups_text(&new.groups)).into(),
        new.role.as_str().into(),
        new.created_at.into(),
    ];
    match transaction.run(sql, &values).await? {
        0 => Ok(None),
        _ => by_id(transaction, &new.id).await,
    }
}

/// Groups as the column holds them: a JSON array.
pub(super) fn groups_text(groups: &[String]) -> String {
    serde_json::Value::from(groups).to_string()
}

pub(super) async fn set_password(
    transaction: &mut Transaction<'_>,
    id: &UserId,
    password_hash: &str,
    kept: Option<SessionId>,
    store_epoch: u64,
) -> Result<Option<UserRow>, SqlError> {
    codes::void(transaction, id).await?;
    let sql = "UPDATE cloakroom_user SET password_hash = ?2, epoch_except = ?4,
            epoch = CASE WHEN epoch < ?3 THEN ?3 ELSE epoch END + 1
        WHERE id = ?1";
    let values = [id.into(), password_hash.into(), store_epoch.into(), kept.into()];
    transaction.run(sql, &values).await?;
    by_id(transaction, id).await
}

pub(super) const RENEW_HASH: &str =
    "UPDATE cloakroom_user SET password_hash = ?3 WHERE id = ?1 AND password_hash = ?2";

pub(super) async fn set_disabled(
    transaction: &mut Transaction<'_>,
    id: &UserId,
    disabled: bool,
    store_epoch: u64,
) -> Result<Option<UserRow>, SqlError> {
    if disabled {
        codes::void(transaction, id).await?;
    }
    let sql = "UPDATE cloakroom_user SET disabled = ?2, epoch_except = NULL,
            epoch = CASE WHEN epoch < ?3 THEN ?3 ELSE epoch END + ?2
        WHERE id = ?1";
    transaction.run(sql, &[id.into(), disabled.into(), store_epoch.into()]).await?;
    by_id(transaction, id).await
}

pub(super) async fn set_profile(
    transaction: &mut Transaction<'_>,
    id: &UserId,
    profile: &Profile,
) -> Result<Option<UserRow>, SqlError> {
    let groups = profile.groups.as_deref().map(groups_text);
    let sql = "UPDATE cloakroom_user SET display_name = coalesce(?2, display_name),
            groups = coalesce(?3, groups), email = CASE WHEN ?4 = 1 THEN ?5 ELSE email END
        WHERE id = ?1";
    let values = [
        id.into(),
        (&profile.display_name).into(),
        (&groups).into(),
        profile.email.is_some().into(),
        (&profile.email.clone().flatten()).into(),
    ];
    transaction.run(sql, &values).await?;
    by_id(transaction, id).await
}
