//! The people who can sign in, kept in SQL, by default in the file of their sessions.

mod codes;
mod import;
mod names;
mod rows;
mod schema;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;

use anyhow::Result;
use cloakroom::{SessionId, StoreError, Timestamp, UserId};

pub use codes::{Code, CodePurpose};
pub use import::{Conflict, ImportedUser, Wanted};
pub use names::{
    MOST_GROUPS, NameError, display_name, email, groups, login_name, typed_groups, typed_name,
};
pub use rows::{NewUser, Profile, Role, UserPage, UserRow};

use crate::sql::{Sql, parameters};

/// Most names that one statement asks for.
const MOST_AT_ONCE: usize = 200;

/// Users and the one-time codes that let them choose a password. Clones share the database.
///
/// Every change of a password, role or group, and every disabling, raises the user's epoch in the
/// same transaction. A session with a lower epoch is refused from that moment, whether or not its
/// end has reached the session store yet (law 11).
#[derive(Clone, Debug)]
pub struct Users {
    sql: Sql,
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
    /// Opens the tables of users, making them if needed.
    ///
    /// # Errors
    /// As [`Sql::migrate`].
    pub async fn open(sql: Sql) -> Result<Self> {
        sql.migrate(&schema::TABLES).await?;
        Ok(Self { sql })
    }

    /// Whether there is nobody yet.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        let found = self.sql.read("count users", rows::ANYBODY, &[], |_| Ok(())).await?;
        Ok(found.is_empty())
    }

    /// The user with this login name, with the password hash.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn account(&self, name: &str) -> Result<Option<Account>, StoreError> {
        self.sql.read_one("look up a user", rows::BY_NAME, &[name.into()], rows::account).await
    }

    /// The user with this id.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn by_id(&self, id: &UserId) -> Result<Option<UserRow>, StoreError> {
        self.sql.read_one("look up a user", rows::BY_ID, &[id.into()], rows::read).await
    }

    /// The users with these ids.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn by_ids(&self, ids: &[UserId]) -> Result<HashMap<UserId, UserRow>, StoreError> {
        let mut users = HashMap::new();
        for ids in ids.chunks(MOST_AT_ONCE) {
            let mut values: Vec<_> = ids.iter().map(Into::into).collect();
            // Statements are kept prepared: a few lengths of the list, not two hundred.
            values.resize(ids.len().next_power_of_two(), (&ids[0]).into());
            let sql = format!("{} ({})", rows::BY_IDS, parameters(1, values.len()));
            let found = self.sql.read("look up users", &sql, &values, rows::read).await?;
            users.extend(found.into_iter().map(|user| (user.id.clone(), user)));
        }
        Ok(users)
    }

    /// The user with this login name.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn by_name(&self, name: &str) -> Result<Option<UserRow>, StoreError> {
        Ok(self.account(name).await?.map(|account| account.row))
    }

    /// The display names of users, by id.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn display_names(
        &self,
        ids: &[UserId],
    ) -> Result<HashMap<UserId, String>, StoreError> {
        let users = self.by_ids(ids).await?;
        Ok(users.into_iter().map(|(id, user)| (id, user.display_name)).collect())
    }

    /// A page of users in order of their names, behind `after`.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn page(&self, after: Option<&str>, limit: u32) -> Result<UserPage, StoreError> {
        // One more than asked for shows whether there is a next page.
        let values = [after.unwrap_or("").into(), limit.saturating_add(1).into()];
        let mut items = self.sql.read("list users", rows::PAGE, &values, rows::read).await?;
        let more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let next = items.last().filter(|_| more).map(|user| user.name.clone());
        Ok(UserPage { items, next })
    }

    /// Adds a user, with a code for choosing a password. `None` when the name or id is taken.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn add(&self, new: NewUser, code: &Code) -> Result<Option<UserRow>, StoreError> {
        let code = code.row(CodePurpose::Password, Some(new.id.clone()));
        let write = self.sql.write("add a user", (new, code), |(new, code), transaction| {
            Box::pin(async move {
                let Some(row) = rows::insert(transaction, new).await? else { return Ok(None) };
                codes::insert(transaction, code).await?;
                Ok(Some(row))
            })
        });
        write.await
    }

    /// Makes a code for choosing a new password. Earlier ones of this user are void.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn offer_password(&self, id: &UserId, code: &Code) -> Result<(), StoreError> {
        let code = code.row(CodePurpose::Password, Some(id.clone()));
        let write = self.sql.write("make a one-time link", code, |code, transaction| {
            Box::pin(codes::insert(transaction, code))
        });
        write.await
    }

    /// Makes a code for setting up the first administrator. Earlier ones are void. False when
    /// there are users already.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn offer_set_up(&self, code: &Code) -> Result<bool, StoreError> {
        let code = code.row(CodePurpose::SetUp, None);
        let write = self.sql.write("make a set-up link", code, |code, transaction| {
            Box::pin(async move {
                if rows::any(transaction).await? {
                    return Ok(false);
                }
                codes::insert(transaction, code).await.map(|()| true)
            })
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
        let state = (codes::digest(code), admin, password_hash, now);
        let write = self.sql.write("set up", state, |state, transaction| {
            Box::pin(async move {
                let (digest, admin, hash, now) = state;
                if rows::any(transaction).await? {
                    return Ok(SetUp::AlreadyDone);
                }
                if codes::take(transaction, digest, CodePurpose::SetUp, *now).await?.is_none() {
                    return Ok(SetUp::BadCode);
                }
                rows::insert(transaction, admin).await?;
                let row = rows::set_password(transaction, &admin.id, hash, None, 0).await?;
                Ok(row.map_or(SetUp::BadCode, SetUp::Done))
            })
        });
        write.await
    }

    /// Whether a code for setting up would be accepted now. Asked before a password is hashed, so
    /// that a stranger's guesses cost no hash.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn may_set_up(&self, code: &str, now: Timestamp) -> Result<bool, StoreError> {
        let purpose = CodePurpose::SetUp.as_str();
        let values = [(&codes::digest(code)).into(), purpose.into(), now.into()];
        let found = self.sql.read("look up a one-time link", codes::GOOD, &values, |_| Ok(()));
        Ok(!found.await?.is_empty())
    }

    /// The user whose code for choosing a password this is; `None` when it would not be accepted.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn code_owner(
        &self,
        code: &str,
        now: Timestamp,
    ) -> Result<Option<UserRow>, StoreError> {
        let purpose = CodePurpose::Password.as_str();
        let values = [(&codes::digest(code)).into(), purpose.into(), now.into()];
        self.sql.read_one("look up a one-time link", rows::OF_CODE, &values, rows::read).await
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
        let state = (codes::digest(code), password_hash, store_epoch, now);
        let write = self.sql.write("set a password", state, |state, transaction| {
            Box::pin(async move {
                let (digest, hash, store_epoch, now) = state;
                let owner = codes::take(transaction, digest, CodePurpose::Password, *now).await?;
                let Some(Some(id)) = owner else { return Ok(Redeemed::BadCode) };
                let row = rows::set_password(transaction, &id, hash, None, *store_epoch).await?;
                Ok(row.map_or(Redeemed::BadCode, Redeemed::Done))
            })
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
        let state = (id.clone(), change);
        let write = self.sql.write("set a password", state, |(id, change), transaction| {
            Box::pin(async move {
                let PasswordChange { hash, kept, as_of, store_epoch } = change;
                let found = rows::by_id(transaction, id).await?;
                if found.is_none_or(|user| user.disabled || user.epoch != *as_of) {
                    return Ok(None);
                }
                rows::set_password(transaction, id, hash, Some(*kept), *store_epoch).await
            })
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
        let state = (id.clone(), profile);
        let write = self.sql.write("change a user", state, |(id, profile), transaction| {
            Box::pin(rows::set_profile(transaction, id, profile))
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
        let values = vec![id.into(), (&old).into(), (&new).into()];
        let write = self.sql.write_one("renew a password hash", rows::RENEW_HASH, values);
        Ok(write.await? > 0)
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
        let state = (id.clone(), disabled, store_epoch);
        let write = self.sql.write("disable a user", state, |state, transaction| {
            let (id, disabled, store_epoch) = state;
            Box::pin(rows::set_disabled(transaction, id, *disabled, *store_epoch))
        });
        write.await
    }
}
