use std::fmt;

use cloakroom::{EndReason, EndedSession, SessionId, Summary, UserId};
use serde::{Deserialize, Serialize};

use super::{ImportFault, ImportSummary, Time};
use crate::api_keys::{ApiKey, ApiKeyRow, Scope};
use crate::users::{Role, UserRow};

/// What an order came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    /// An API key, shown this once.
    ApiKey(FreshApiKey),
    /// The API keys.
    ApiKeys {
        /// In order of their names.
        items: Vec<ShownApiKey>,
    },
    /// An API key is refused from now on.
    ApiKeyRemoved {
        /// Its id.
        id: String,
        /// What it was called.
        name: String,
    },
    /// The user is there, without a password.
    Added(PersonLink),
    /// The user cannot sign in, and all their sessions are ended.
    Disabled {
        /// The login name.
        name: String,
        /// Whether that was so before.
        already: bool,
    },
    /// The user can sign in.
    Enabled {
        /// The login name.
        name: String,
        /// Whether that was so before.
        already: bool,
    },
    /// Sessions were ended.
    Ended {
        /// How many live ones.
        count: u64,
        /// Whose they were, when they had one user.
        whose: Option<String>,
    },
    /// It was not done, and why.
    Failed {
        /// For people.
        message: String,
    },
    /// Users were added, or would be.
    Imported(ImportSummary),
    /// Nobody was added, because of what is wrong.
    ImportRefused {
        /// The first of the faults, in order of their lines.
        faults: Vec<ImportFault>,
        /// How many faults there are.
        count: u64,
    },
    /// A session that is live.
    Live {
        /// The session.
        session: LiveSession,
        /// Whether requests are refused all the same, because the user was disabled or their
        /// sessions were ended and this one's end is not recorded yet.
        refused: bool,
    },
    /// There is no such thing, and how to find what there is.
    NotFound {
        /// For people.
        message: String,
    },
    /// A link for choosing a new password. Earlier ones are void.
    PasswordLink {
        /// Whose, and the link.
        #[serde(flatten)]
        person: PersonLink,
        /// Whether the user cannot sign in.
        disabled: bool,
    },
    /// A session that ended.
    Past(PastSession),
    /// A page of users.
    People {
        /// The users.
        items: Vec<Person>,
        /// Where the next page begins; `None` on the last one.
        next: Option<String>,
    },
    /// The server is there.
    Pong {
        /// Its version.
        version: String,
    },
    /// A page of live sessions.
    Sessions {
        /// The sessions.
        items: Vec<LiveSession>,
        /// Where the next page begins; `None` on the last one.
        next: Option<String>,
    },
    /// A link for setting up the first administrator.
    SetUp {
        /// The link.
        link: Link,
    },
    /// A user's wrong passwords are forgotten.
    Unlocked {
        /// The login name.
        name: String,
        /// How many were counted.
        failures: u32,
    },
}

/// The address of a page with a one-time code in it: whoever has it can use it once. `Debug`
/// shows only the name of the type.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Link(String);

impl Link {
    pub(super) fn new(address: String) -> Self {
        Self(address)
    }

    /// The address, to be shown once.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Link")
    }
}

/// The text of an API key. `Debug` shows only the name of the type.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyText(String);

impl KeyText {
    pub(super) fn new(key: &ApiKey) -> Self {
        Self(key.reveal().to_owned())
    }

    /// The text, to be shown once.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for KeyText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KeyText")
    }
}

/// An API key that was just made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreshApiKey {
    /// Its public id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// The key.
    pub key: KeyText,
}

/// An API key without anything secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownApiKey {
    /// Its public id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created_at: Time,
    /// When it was last used, to a minute.
    pub last_used_at: Option<Time>,
}

impl From<ApiKeyRow> for ShownApiKey {
    fn from(row: ApiKeyRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            scopes: row.scopes,
            created_at: Time(row.created_at),
            last_used_at: row.last_used_at.map(Time),
        }
    }
}

/// A user and a one-time link for choosing a password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonLink {
    /// The user's id.
    pub id: UserId,
    /// The login name.
    pub name: String,
    /// The link.
    pub link: Link,
}

/// A live session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveSession {
    /// The public id.
    pub id: SessionId,
    /// The id of the user who is logged in.
    pub user: Option<UserId>,
    /// The login name.
    pub user_name: Option<String>,
    /// The groups held now.
    pub groups: Vec<String>,
    /// When it began.
    pub created_at: Time,
    /// When the user last proved who they are.
    pub authenticated_at: Option<Time>,
    /// When it was last used.
    pub last_seen_at: Time,
    /// When it ends if it is not used.
    pub idle_deadline: Time,
    /// When it ends whatever happens.
    pub absolute_deadline: Time,
    /// Whether it outlives the browser.
    pub remembered: bool,
    /// The client's address at login.
    pub client_address: Option<String>,
    /// The client's user agent at login.
    pub user_agent: Option<String>,
}

impl From<Summary> for LiveSession {
    fn from(summary: Summary) -> Self {
        Self {
            id: summary.id,
            user: summary.user,
            user_name: summary.user_name,
            groups: summary.groups,
            created_at: Time(summary.created_at),
            authenticated_at: summary.authenticated_at.map(Time),
            last_seen_at: Time(summary.last_seen_at),
            idle_deadline: Time(summary.idle_deadline),
            absolute_deadline: Time(summary.absolute_deadline),
            remembered: summary.remembered,
            client_address: summary.client_address,
            user_agent: summary.user_agent,
        }
    }
}

/// A session that ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastSession {
    /// The public id.
    pub id: SessionId,
    /// The id of the user who was logged in.
    pub user: Option<UserId>,
    /// The login name.
    pub user_name: Option<String>,
    /// When it began.
    pub created_at: Time,
    /// When it was last used.
    pub last_seen_at: Time,
    /// When it ended; for expired ones, the deadline.
    pub ended_at: Time,
    /// Why.
    pub reason: EndReason,
    /// Who ordered it.
    pub ended_by: Option<String>,
    /// The client's address at login.
    pub client_address: Option<String>,
    /// The client's user agent at login.
    pub user_agent: Option<String>,
}

impl From<EndedSession> for PastSession {
    fn from(ended: EndedSession) -> Self {
        Self {
            id: ended.id,
            user: ended.user,
            user_name: ended.user_name,
            created_at: Time(ended.created_at),
            last_seen_at: Time(ended.last_seen_at),
            ended_at: Time(ended.ended_at),
            reason: ended.reason,
            ended_by: ended.ended_by,
            client_address: ended.client_address,
            user_agent: ended.user_agent,
        }
    }
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The id that applications know the user by.
    pub id: UserId,
    /// The login name.
    pub name: String,
    /// The name as people see it.
    pub display_name: String,
    /// The e-mail address.
    pub email: Option<String>,
    /// The groups.
    pub groups: Vec<String>,
    /// `admin` or `user`.
    pub role: String,
    /// Whether sign-in is refused.
    pub disabled: bool,
    /// Whether a password was chosen.
    pub has_password: bool,
}

impl From<UserRow> for Person {
    fn from(row: UserRow) -> Self {
        let role = match row.role {
            Role::Admin => "admin",
            Role::User => "user",
        };
        Self {
            id: row.id,
            name: row.name,
            display_name: row.display_name,
            email: row.email,
            groups: row.groups,
            role: role.to_owned(),
            disabled: row.disabled,
            has_password: row.has_password,
        }
    }
}
