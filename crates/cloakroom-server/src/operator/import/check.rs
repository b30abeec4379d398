use std::collections::HashMap;
use std::fmt::Display;

use cloakroom::{UserError, UserId};

use super::{ImportFault, ImportedPerson};
use crate::app::App;
use crate::operator::people::spelled;
use crate::passwords::StoredHash;
use crate::users::{self, ImportedUser, Role, Wanted};

/// A user in whom nothing is wrong.
pub(super) struct Checked {
    pub(super) line: u64,
    /// The kind of the password hash.
    pub(super) kind: Option<&'static str>,
    pub(super) user: ImportedUser,
    /// Whether the id is the application's and not a fresh one.
    own_id: bool,
}

impl Checked {
    pub(super) fn wanted(&self) -> Wanted {
        let user = &self.user.user;
        Wanted { id: self.own_id.then(|| user.id.clone()), name: user.name.clone() }
    }
}

/// Checks each user by themselves and against the others; the faults hold no part of a hash.
pub(super) fn check(
    app: &App,
    people: Vec<ImportedPerson>,
) -> Result<(Vec<Checked>, Vec<ImportFault>), UserError> {
    let (mut checked, mut faults) = (Vec::with_capacity(people.len()), Vec::new());
    for person in people {
        checked.extend(Check { line: person.line, faults: &mut faults }.person(app, person)?);
    }
    repeated(&checked, &mut faults);
    Ok((checked, faults))
}

struct Check<'a> {
    line: u64,
    faults: &'a mut Vec<ImportFault>,
}

impl Check<'_> {
    fn person(mut self, app: &App, person: ImportedPerson) -> Result<Option<Checked>, UserError> {
        let before = self.faults.len();
        let name = self.column("name", spelled(&person.name)).unwrap_or_default();
        let id = person.id.and_then(|id| self.column("id", UserId::new(id)));
        let shown = person.display_name;
        let shown = shown.and_then(|text| self.column("display_name", users::display_name(&text)));
        let email = self.column("email", users::email(person.email.as_deref().unwrap_or_default()));
        let groups = self
            .column("groups", users::groups(person.groups.iter().map(String::as_str)))
            .unwrap_or_default();
        let text = person.password_hash.as_ref().map_or("", |hash| hash.text());
        let hash = self.column("password_hash", StoredHash::read_usable(text)).flatten();
        if self.faults.len() > before {
            return Ok(None);
        }
        let role = if person.admin { Role::Admin } else { Role::User };
        let mut user = app.new_user(name, role)?;
        let own_id = id.is_some();
        user.id = id.unwrap_or(user.id);
        user.display_name = shown.unwrap_or(user.display_name);
        (user.email, user.groups) = (email.flatten(), groups);
        let password_hash = hash.as_ref().map(|_| text.to_owned());
        let kind = hash.map(|hash| hash.kind());
        let user = ImportedUser { user, disabled: person.disabled, password_hash };
        Ok(Some(Checked { line: self.line, kind, user, own_id }))
    }

    fn column<T>(&mut self, column: &str, value: Result<T, impl Display>) -> Option<T> {
        let told = |error| ImportFault { line: self.line, text: format!("{column}: {error}") };
        match value {
            Ok(value) => Some(value),
            Err(error) => {
                self.faults.push(told(error));
                None
            }
        }
    }
}

/// Names and ids that two lines have.
fn repeated(checked: &[Checked], faults: &mut Vec<ImportFault>) {
    let (mut names, mut ids) = (HashMap::new(), HashMap::new());
    for person in checked {
        let (line, user) = (person.line, &person.user.user);
        if let Some(first) = names.insert(user.name.as_str(), line) {
            let text = format!("name: {} is on line {first} too", user.name);
            faults.push(ImportFault { line, text });
        }
        if let Some(first) = ids.insert(user.id.as_str(), line) {
            faults.push(ImportFault { line, text: format!("id: it is on line {first} too") });
        }
    }
}
