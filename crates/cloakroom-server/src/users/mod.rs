//! The people who can sign in, kept in the same file as their sessions.

mod codes;
mod import;
mod names;
mod rows;
mod schema;

use std::collections::HashMap;
use std::fmt;

use cloakroom::sqlite::{Database, OpenError};
use cloakroom::{SessionId, StoreError, Timestamp, UserId};

pub use codes::{Code, CodePurpose};
pub use import::{Conflict, ImportedUser, Wanted};
pub use names::{NameError, display_name, email, group, groups, login_name, typed_name};
pub use rows::{NewUser, Profile, Role, UserPage, UserRow};

/// Users and the one-time codes that let them choose a password. Clones share the database.
///
/// Every change of a password, role or group, and every disabling, raises the user's epoch in the
/// same transaction. A session with a lower epoch is refused from that moment, whether or not its
/// end has reached the session store yet (law 11).
#[derive(Clone, Debug)]
pub struct Users {
    database: Database,
}

/// What a sign-in is checked against.
#[derive(Clone, Debug)]
pub struct Account {
    /// The user.
    pub row: UserRow,
    /// The hash, ours or that of the application the user was imported from; `None` until a
    /// password was chosen.
    pub password_hash: Option<String>,
}

/// A password that its user changes. `Debug` shows only the name of the type.
pub struct PasswordChange {
    /// The argon2id hash of the new one.
    pub hash: String,
    /// The session that goes on.
    pub kept: SessionId,
    /// The user's epoch when the old one was proven.
    pub as_of: u64,
    /// The epoch of the user's sessions, above which the user's is raised.
    pub store_epoch: u64,
}

impl fmt::Debug for PasswordChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PasswordChange")
    }
}

/// What redeeming a code came to.
#[derive(Clone, Debug)]
pub enum Redeemed {
    /// It was good: here is the user, with the new epoch.
    Done(UserRow),
    /// No such code, used already, or too old.
    BadCode,
}

/// What setting up the first administrator came to.
#[derive(Clone, Debug)]
pub enum SetUp {
    /// The administrator is there.
    Done(UserRow),
    /// No such code, used already, or too old.
    BadCode,
    /// There are users already.
    AlreadyDone,
}

impl Users {
    /// Opens the tables of users in `database`, making them if needed.
    ///
    /// # Errors
    /// As [`Database::migrate`].
    pub fn open(database: Database) -> Result<Self, OpenError> {
        database.migrate(&schema::MIGRATIONS)?;
        Ok(Self { database })
    }

    /// Whether there is nobody yet.
    ///
    /// # Errors
    /// A fault of the database.
    pub fn is_empty(&self) -> Result<bool, StoreError> {
        self.database.read("count users", |connection| {
            connection
                .query_row("SELECT NOT EXISTS (SELECT 1 FROM cloakroom_user)", [], |row| row.get(0))
        })
    }

    /// The user with this login name, with the password hash.
    ///
    /// # Errors
    /// A fault of the database.
    pub fn account(&self, name: &str) -> Result<Option<Account>, StoreError> {
        self.database.read("look up a user", |connection| rows::account(connection, name))
    }

    /// The user with this id.
    ///
    /// # Errors
    /// A fault of the database.
    pub fn by_id(&self, id: &UserId) -> Result<Option<UserRow>, StoreError> {
        self.database.read("look up a user", |connection| rows::by_id(connection, id.as_str()))
    }

    /// The user with this login name.
    ///
    /// # Errors
    /// A fault of the database.
    pub fn by_name(&self, name: &str) -> Result<Option<UserRow>, StoreError> {
        Ok(self.account(name)?.map(|account| account.row))
    }

    /// The display names of users, by id.
    ///
    /// # Errors
    /// A fault of the database.
    pub fn display_names(&self, ids: &[UserId]) -> Result<HashMap<UserId, String>, StoreError> {
        self.database.read("look up users", |connection| rows::display_names(connection, ids))
    }

    /// A page of users in order of their names, behind `after`.
    ///
    /// # Errors
    /// A fault of the database.
    pub fn page(&self, after: Option<&str>, limit: u32) -> Result<UserPage, StoreError> {
        self.database.read("list users", |connection| rows::page(connection, after, limit))
    }

    /// Adds a user, with a code for choosing a password. `None` when the name or id is taken.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn add(&self, new: NewUser, code: &Code) -> Result<Option<UserRow>, StoreError> {
        let code = code.row(CodePurpose::Password, Some(new.id.clone()));
        let write = self.database.write("add a user", move |connection| {
            let Some(row) = rows::insert(connection, &new)? else { return Ok(None) };
            codes::insert(connection, &code)?;
            Ok(Some(row))
        });
        write.await
    }

    /// Makes a code for choosing a new password. Earlier ones of this user are void.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn offer_password(&self, id: &UserId, code: &Code) -> Result<(), StoreError> {
        let code = code.row(CodePurpose::Password, Some(id.clone()));
        let write = self
            .database
            .write("make a one-time link", move |connection| codes::insert(connection, &code));
        write.await
    }

    /// Makes a code for setting up the first administrator. Earlier ones are void. False when
    /// there are users already.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn offer_set_up(&self, code: &Code) -> Result<bool, StoreError> {
        let code = code.row(CodePurpose::SetUp, None);
        let write = self.database.write("make a set-up link", move |connection| {
            if rows::any(connection)? {
                return Ok(false);
            }
            codes::insert(connection, &code).map(|()| true)
        });
        write.await
    }

    /// Adds the first administrator, on the condition that there is nobody yet; uses up `code`.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn set_up(
        &self,
        code: &str,
        admin: NewUser,
        password_hash: String,
        now: Timestamp,
    ) -> Result<SetUp, StoreError> {
        let digest = codes::digest(code);
        let write = self.database.write("set up", move |connection| {
            if rows::any(connection)? {
                return Ok(SetUp::AlreadyDone);
            }
            if codes::take(connection, &digest, CodePurpose::SetUp, now)?.is_none() {
                return Ok(SetUp::BadCode);
            }
            rows::insert(connection, &admin)?;
            let row = rows::set_password(connection, admin.id.as_str(), &password_hash, None, 0)?;
            Ok(row.map_or(SetUp::BadCode, SetUp::Done))
        });
        write.await
    }

    /// Whether a code for setting up would be accepted now. Asked before a password is hashed, so
    /// that a stranger's guesses cost no hash.
    ///
    /// # Errors
    /// A fault of the database.
    pub fn may_set_up(&self, code: &str, now: Timestamp) -> Result<bool, StoreError> {
        let digest = codes::digest(code);
        self.database.read("look up a one-time link", move |connection| {
            Ok(codes::owner(connection, &digest, CodePurpose::SetUp, now)?.is_some())
        })
    }

    /// The user whose code for choosing a password this is; `None` when it would not be accepted.
    ///
    /// # Errors
    /// A fault of the database.
    pub fn code_owner(&self, code: &str, now: Timestamp) -> Result<Option<UserRow>, StoreError> {
        let digest = codes::digest(code);
        self.database.read("look up a one-time link", move |connection| {
            match codes::owner(connection, &digest, CodePurpose::Password, now)? {
                Some(Some(id)) => rows::by_id(connection, &id),
                _ => Ok(None),
            }
        })
    }

    /// Sets the password of the user whose code this is, uses it up, and raises the epoch above
    /// `store_epoch` of that user.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn redeem(
        &self,
        code: &str,
        password_hash: String,
        store_epoch: u64,
        now: Timestamp,
    ) -> Result<Redeemed, StoreError> {
        let digest = codes::digest(code);
        let write = self.database.write("set a password", move |connection| {
            let owner = codes::take(connection, &digest, CodePurpose::Password, now)?;
            let Some(Some(id)) = owner else { return Ok(Redeemed::BadCode) };
            let row = rows::set_password(connection, &id, &password_hash, None, store_epoch)?;
            Ok(row.map_or(Redeemed::BadCode, Redeemed::Done))
        });
        write.await
    }

    /// Sets a password and raises the epoch; every session but `kept` is refused from then on.
    /// `None`, and nothing is changed, when the epoch is no longer `as_of`.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn set_password(
        &self,
        id: &UserId,
        change: PasswordChange,
    ) -> Result<Option<UserRow>, StoreError> {
        let id = id.clone();
        let write = self.database.write("set a password", move |connection| {
            let PasswordChange { hash, kept, as_of, store_epoch } = &change;
            let found = rows::by_id(connection, id.as_str())?;
            if found.is_none_or(|user| user.disabled || user.epoch != *as_of) {
                return Ok(None);
            }
            rows::set_password(connection, id.as_str(), hash, Some(*kept), *store_epoch)
        });
        write.await
    }

    /// Changes what a profile gives, in one commit. `None` when there is no such user.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn set_profile(
        &self,
        id: &UserId,
        profile: Profile,
    ) -> Result<Option<UserRow>, StoreError> {
        let id = id.clone();
        let write = self.database.write("change a user", move |connection| {
            rows::set_profile(connection, id.as_str(), &profile)
        });
        write.await
    }

    /// Replaces a password hash by another one of the same password; the epoch stays. False, and
    /// nothing is changed, when the stored hash is no longer `old`.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn renew_hash(
        &self,
        id: &UserId,
        old: String,
        new: String,
    ) -> Result<bool, StoreError> {
        let id = id.clone();
        let write = self.database.write("renew a password hash", move |connection| {
            rows::renew_hash(connection, id.as_str(), &old, &new)
        });
        write.await
    }

    /// Disables or enables a user; disabling raises the epoch. `None` when there is none.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn set_disabled(
        &self,
        id: &UserId,
        disabled: bool,
        store_epoch: u64,
    ) -> Result<Option<UserRow>, StoreError> {
        let id = id.clone();
        let write = self.database.write("disable a user", move |connection| {
            rows::set_disabled(connection, id.as_str(), disabled, store_epoch)
        });
        write.await
    }
}
