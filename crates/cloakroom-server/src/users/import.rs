use std::fmt;

use cloakroom::sqlite::rusqlite::{self, Connection, params};
use cloakroom::{StoreError, UserId};

use super::{NewUser, Users, rows};

/// A user who comes with an application's password hash. `Debug` shows no hash.
#[derive(Clone)]
pub struct ImportedUser {
    /// The user. The texts are checked already.
    pub user: NewUser,
    /// Whether sign-in is refused.
    pub disabled: bool,
    /// The hash, which was read already.
    pub password_hash: Option<String>,
}

impl fmt::Debug for ImportedUser {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("ImportedUser").field(&self.user).finish()
    }
}

/// What a user to be added would be known by.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The application's id; `None` when any will do.
    pub id: Option<UserId>,
    /// The login name.
    pub name: String,
}

/// Why a user cannot be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// There is one with the same id and name; with the same name, if any id would do.
    Same,
    /// Somebody else has the id.
    Id {
        /// Their login name.
        name: String,
    },
    /// Somebody else has the name.
    Name {
        /// The login name.
        name: String,
        /// Their id.
        id: UserId,
    },
}

impl Users {
    /// Which of these cannot be added, by their place in the list, and why.
    ///
    /// Takes some microseconds for each, on the calling thread.
    ///
    /// # Errors
    /// A fault of the database.
    pub fn conflicts(&self, wanted: &[Wanted]) -> Result<Vec<(usize, Conflict)>, StoreError> {
        self.database.read("look up users", |connection| {
            let mut found = Vec::new();
            for (at, wanted) in wanted.iter().enumerate() {
                found.extend(conflict(connection, wanted)?.map(|conflict| (at, conflict)));
            }
            Ok(found)
        })
    }

    /// Adds users in one transaction. False, and nobody is added, when one of the names or ids is
    /// taken. Other writes wait meanwhile.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn import(&self, people: Vec<ImportedUser>) -> Result<bool, StoreError> {
        let imported = self.database.write("import users", move |connection| {
            for person in &people {
                insert(connection, person)?;
            }
            Ok(())
        });
        match imported.await {
            Ok(()) => Ok(true),
            Err(error) if is_taken(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn conflict(connection: &Connection, wanted: &Wanted) -> rusqlite::Result<Option<Conflict>> {
    let sql = "SELECT id, name FROM cloakroom_user WHERE id = ?1 OR name = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let id = wanted.id.as_ref().map(UserId::as_str);
    let mut found = None;
    let mut others = statement.query(params![id, wanted.name])?;
    while let Some(other) = others.next()? {
        let (their_id, name) = (rows::user_id(other, 0)?, other.get::<_, String>(1)?);
        let same_id = id.is_none_or(|id| id == their_id.as_str());
        match (same_id, name == wanted.name) {
            (true, true) => return Ok(Some(Conflict::Same)),
            (true, false) => found = Some(Conflict::Id { name }),
            // The id is what applications know people by, so it is told first.
            (false, _) => {
                found = found.or(Some(Conflict::Name { name, id: their_id }));
            }
        }
    }
    Ok(found)
}

fn insert(connection: &Connection, person: &ImportedUser) -> rusqlite::Result<()> {
    let new = &person.user;
    let sql = "INSERT INTO cloakroom_user
                   (id, name, display_name, email, groups, role, created_at, disabled, password_hash)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    connection.prepare_cached(sql)?.execute(params![
        new.id.as_str(),
        new.name,
        new.display_name,
        new.email,
        serde_json::Value::from(new.groups.clone()).to_string(),
        new.role.as_str(),
        new.created_at.unix_millis(),
        person.disabled,
        person.password_hash,
    ])?;
    Ok(())
}

fn is_taken(error: &StoreError) -> bool {
    let causes = std::iter::successors(std::error::Error::source(error), |error| error.source());
    let mut sqlite = causes.filter_map(|error| error.downcast_ref::<rusqlite::Error>());
    let constraint = Some(rusqlite::ErrorCode::ConstraintViolation);
    sqlite.any(|error| error.sqlite_error_code() == constraint)
}
