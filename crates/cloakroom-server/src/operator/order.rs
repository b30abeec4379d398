use serde::{Deserialize, Serialize};

use super::Import;

/// What an operator can ask for. A field that this version does not know is refused, so that
/// nothing asked for is left out in silence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case", deny_unknown_fields)]
pub enum Order {
    /// Make an API key.
    ApiKeyAdd {
        /// What to call it.
        name: String,
        /// What it may do.
        scopes: Vec<String>,
    },
    /// List the API keys.
    ApiKeyList,
    /// Remove an API key: it is refused from then on.
    ApiKeyRemove {
        /// Its id, or its name.
        key: String,
    },
    /// End every session, anonymous ones too.
    EndEveryone,
    /// End one session.
    EndSession {
        /// Its id.
        id: String,
    },
    /// End all sessions of a user.
    EndUser {
        /// The login name.
        name: String,
    },
    /// End all sessions of a user, kept here or known to an application only.
    EndUserId {
        /// The user's id.
        id: String,
    },
    /// Say that you are there.
    Ping,
    /// Make a link for setting up the first administrator.
    SetUpLink,
    /// Add a user.
    UserAdd(NewPerson),
    /// Refuse a user's sign-in and end all their sessions.
    UserDisable {
        /// The login name.
        name: String,
    },
    /// Let a user sign in again.
    UserEnable {
        /// The login name.
        name: String,
    },
    /// Add the users of an application.
    UserImport(Import),
    /// List a page of users, in order of their names.
    UserList {
        /// Behind this name.
        after: Option<String>,
    },
    /// Make a link for choosing a new password.
    UserPasswd {
        /// The login name.
        name: String,
    },
    /// Forget a user's wrong passwords, so that nobody has to wait.
    UserUnlock {
        /// The login name.
        name: String,
    },
    /// List a page of live sessions of logged-in users.
    Who {
        /// Only this login name; with a trailing `*`, those that begin so.
        name: Option<String>,
        /// Behind this position: what [`Reply::Sessions`](super::Reply::Sessions) called `next`.
        after: Option<String>,
    },
    /// Tell what became of a session.
    Why {
        /// Its id.
        id: String,
    },
}

/// A user to add. Nothing in it is checked yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPerson {
    /// The login name.
    pub name: String,
    /// The application's own id of the user; a fresh one when there is none.
    pub id: Option<String>,
    /// The name as people see it; the login name when there is none.
    pub display_name: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The groups.
    pub groups: Vec<String>,
    /// Whether the user is an administrator.
    pub admin: bool,
}
