use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use cloakroom::{StoreError, UserId};

use super::{MOST_AT_ONCE, NewUser, Users, rows};
use crate::sql::{Row, SqlError, Transaction, Value, parameters};

/// How long an import may take.
const IMPORT: Duration = Duration::from_secs(60);
/// Columns of a user who is imported.
const COLUMNS: usize = 9;

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
    /// Takes some microseconds for each, on SQLite on the calling thread.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn conflicts(&self, wanted: &[Wanted]) -> Result<Vec<(usize, Conflict)>, StoreError> {
        let mut found = Vec::new();
        for (chunk, wanted) in wanted.chunks(MOST_AT_ONCE).enumerate() {
            let (sql, values) = holders(wanted.iter().map(|who| (who.id.as_ref(), &*who.name)));
            let holders = self.sql.read("look up users", &sql, &values, holder).await?;
            let holders = Holders::of(&holders);
            for (at, wanted) in wanted.iter().enumerate() {
                let conflict = holders.conflict(wanted);
                found.extend(conflict.map(|conflict| (chunk * MOST_AT_ONCE + at, conflict)));
            }
        }
        Ok(found)
    }

    /// Adds users in one transaction. False, and nobody is added, when one of the names or ids is
    /// taken. Other writes wait meanwhile.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn import(&self, people: Vec<ImportedUser>) -> Result<bool, StoreError> {
        let sql = self.sql.clone().patience(IMPORT);
        let write = sql.write("import users", people, |people, transaction| {
            Box::pin(async move {
                for people in people.chunks(MOST_AT_ONCE) {
                    if are_taken(transaction, people).await? {
                        return Ok(false);
                    }
                }
                for people in people.chunks(MOST_AT_ONCE) {
                    insert(transaction, people).await?;
                }
                Ok(true)
            })
        });
        write.await
    }
}

/// The statement that finds who has these ids and names, and its values.
fn holders<'a>(
    wanted: impl Iterator<Item = (Option<&'a UserId>, &'a str)> + Clone,
) -> (String, Vec<Value>) {
    let ids = wanted.clone().filter_map(|(id, _)| id.map(Value::from));
    let mut values: Vec<Value> = ids.collect();
    let id_count = values.len();
    values.extend(wanted.map(|(_, name)| Value::from(name)));
    let ids = parameters(1, id_count);
    let names = parameters(id_count + 1, values.len() - id_count);
    // SQL has no empty list that both engines know.
    let by_id = if id_count == 0 { String::new() } else { format!("id IN ({ids}) OR ") };
    (format!("SELECT id, name FROM cloakroom_user WHERE {by_id}name IN ({names})"), values)
}

fn holder(row: &Row) -> Result<(UserId, String), SqlError> {
    Ok((row.column(0)?, row.column(1)?))
}

/// Who has ids and names that somebody else wants.
struct Holders<'a> {
    names: HashMap<&'a str, &'a UserId>,
    ids: HashMap<&'a UserId, &'a str>,
}

impl<'a> Holders<'a> {
    fn of(holders: &'a [(UserId, String)]) -> Self {
        Self {
            names: holders.iter().map(|(id, name)| (name.as_str(), id)).collect(),
            ids: holders.iter().map(|(id, name)| (id, name.as_str())).collect(),
        }
    }

    fn conflict(&self, wanted: &Wanted) -> Option<Conflict> {
        let of_name = self.names.get(wanted.name.as_str());
        let Some(id) = &wanted.id else { return of_name.map(|_| Conflict::Same) };
        // The id is what applications know people by, so it is told first.
        match (self.ids.get(id), of_name) {
            (Some(name), _) if *name == wanted.name => Some(Conflict::Same),
            (Some(name), _) => Some(Conflict::Id { name: (*name).to_owned() }),
            (None, Some(id)) => {
                Some(Conflict::Name { name: wanted.name.clone(), id: (*id).clone() })
            }
            (None, None) => None,
        }
    }
}

async fn are_taken(
    transaction: &mut Transaction<'_>,
    people: &[ImportedUser],
) -> Result<bool, SqlError> {
    let people = people.iter().map(|person| (Some(&person.user.id), &*person.user.name));
    let (sql, values) = holders(people);
    Ok(transaction.row(&sql, &values).await?.is_some())
}

async fn insert(
    transaction: &mut Transaction<'_>,
    people: &[ImportedUser],
) -> Result<(), SqlError> {
    let rows: Vec<_> = (0..people.len())
        .map(|row| format!("({})", parameters(row * COLUMNS + 1, COLUMNS)))
        .collect();
    let sql = format!(
        "INSERT INTO cloakroom_user
             (id, name, display_name, email, groups, role, created_at, disabled, password_hash)
         VALUES {}",
        rows.join(", ")
    );
    let values: Vec<_> = people.iter().flat_map(values).collect();
    transaction.run(&sql, &values).await.map(drop)
}

fn values(person: &ImportedUser) -> [Value; COLUMNS] {
    let new = &person.user;
    [
        (&new.id).into(),
        (&new.name).into(),
        (&new.display_name).into(),
        (&new.email).into(),
        (&rows::groups_text(&new.groups)).into(),
        new.role.as_str().into(),
        new.created_at.into(),
        person.disabled.into(),
        (&person.password_hash).into(),
    ]
}
