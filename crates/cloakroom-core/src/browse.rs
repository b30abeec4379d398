use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::{
    ClientInfo, EndReason, IdError, Record, RevocationLog, SessionId, Store, StoreAnswer,
    Timestamp, UserId,
};

/// A store with everything that the operator's pages and other nodes need.
pub trait SessionStore: Store + Browse + History + RevocationLog {}

impl<S: Store + Browse + History + RevocationLog> SessionStore for S {}

/// Seeing who is logged in. A page costs the same however many sessions there are, and is bounded
/// however many expired ones wait to be swept.
pub trait Browse: Send + Sync {
    /// A page of live sessions of logged-in users. Stable under concurrent change: a session
    /// that is live throughout is on exactly one page.
    fn sessions(&self, query: Query) -> StoreAnswer<'_, Page>;

    /// All live sessions of one user, newest first, at most 1 000.
    fn sessions_of(&self, user: UserId, now: Timestamp) -> StoreAnswer<'_, Vec<Summary>>;

    /// How many sessions there are, from counters: expired ones count until they are swept.
    fn counts(&self, now: Timestamp) -> StoreAnswer<'_, Counts>;
}

/// Seeing which sessions ended, and why.
pub trait History: Send + Sync {
    /// One ended session; expired ones appear here once they are swept.
    fn ended(&self, id: SessionId) -> StoreAnswer<'_, Option<EndedSession>>;

    /// A page of ended sessions of logged-in users, newest first by session id.
    fn history(&self, query: HistoryQuery) -> StoreAnswer<'_, EndedPage>;
}

/// What to list.
#[derive(Clone, Debug)]
pub struct Query {
    /// Only users with such a name.
    pub name: Option<NameMatch>,
    /// Continue behind this position.
    pub after: Option<Cursor>,
    /// Most rows; 0 counts as 1.
    pub limit: u32,
    /// Sessions live at this moment.
    pub now: Timestamp,
}

/// How names are matched: byte by byte, in the spelling given at login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameMatch {
    /// Exactly this name. Newest session first.
    Exact(String),
    /// Names that begin so. In order of name, then newest session first.
    Prefix(String),
}

/// A position in a list. Its text form is safe in a URL and carries no authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The last session of the page before.
    pub id: SessionId,
    /// Its user's name, in a list ordered by name.
    pub name: Option<String>,
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(formatter, "{}~{name}", self.id),
            None => self.id.fmt(formatter),
        }
    }
}

impl FromStr for Cursor {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let (id, name) = match text.split_once('~') {
            Some((id, name)) => (id, Some(name.to_owned())),
            None => (text, None),
        };
        Ok(Self { id: id.parse()?, name })
    }
}

/// A page of live sessions. It may hold fewer rows than asked for, even none, and still have a
/// next one, where many expired sessions wait to be swept.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The sessions.
    pub items: Vec<Summary>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<Cursor>,
}

/// A live session without anything secret.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// The public id.
    pub id: SessionId,
    /// Who is logged in.
    pub user: Option<UserId>,
    /// The name shown to people.
    pub user_name: Option<String>,
    /// The groups held now.
    pub groups: Vec<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// When the user last proved who they are.
    pub authenticated_at: Option<Timestamp>,
    /// When it was last used.
    pub last_seen_at: Timestamp,
    /// When it ends if it is not used.
    pub idle_deadline: Timestamp,
    /// When it ends whatever happens.
    pub absolute_deadline: Timestamp,
    /// Whether it outlives the browser.
    pub remembered: bool,
    /// The client's address at login.
    pub client_address: Option<String>,
    /// The client's user agent at login.
    pub user_agent: Option<String>,
}

impl From<&Record> for Summary {
    fn from(record: &Record) -> Self {
        let ClientInfo { address, user_agent } = record.client.clone();
        Self {
            id: record.id,
            user: record.user.clone(),
            user_name: record.user_name.clone(),
            groups: record.groups.clone(),
            created_at: record.created_at,
            authenticated_at: record.authenticated_at,
            last_seen_at: record.last_seen_at,
            idle_deadline: record.idle_deadline(),
            absolute_deadline: record.absolute_deadline,
            remembered: record.remembered,
            client_address: address,
            user_agent,
        }
    }
}

/// How many sessions there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Sessions of logged-in users.
    pub sessions: u64,
    /// Anonymous sessions.
    pub anonymous: u64,
    /// When this was counted.
    pub as_of: Timestamp,
}

/// Which ended sessions to list.
#[derive(Clone, Debug)]
pub struct HistoryQuery {
    /// Only users with exactly this name.
    pub name: Option<String>,
    /// Continue behind this session.
    pub after: Option<SessionId>,
    /// Most rows; 0 counts as 1.
    pub limit: u32,
}

/// A page of ended sessions.
#[derive(Clone, Debug, Default)]
pub struct EndedPage {
    /// The sessions.
    pub items: Vec<EndedSession>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<SessionId>,
}

/// A session that ended.
#[derive(Clone, Debug, Serialize)]
pub struct EndedSession {
    /// The public id.
    pub id: SessionId,
    /// Who was logged in.
    pub user: Option<UserId>,
    /// The name shown to people.
    pub user_name: Option<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_seen_at: Timestamp,
    /// When it ended; for expired ones, the deadline.
    pub ended_at: Timestamp,
    /// Why.
    pub reason: EndReason,
    /// Who ordered it.
    pub ended_by: Option<String>,
    /// The client's address at login.
    pub client_address: Option<String>,
    /// The client's user agent at login.
    pub user_agent: Option<String>,
}
