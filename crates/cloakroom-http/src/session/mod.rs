//! What a handler holds of its session.

mod credentials;
mod data;
mod own;
mod state;

use std::fmt;
use std::sync::Arc;

use cloakroom_core::{
    Live, Rejection, SessionId, Sessions, StoreError, Timestamp, UserId, Verdict,
};
use http::HeaderMap;

pub(crate) use state::{Outgoing, Shared};

use crate::Error;

/// The session of one request. Lazy: the store is not asked until a method is called, and then
/// once per request. Cheap to clone; all clones are one.
///
/// Anonymous sessions begin with the first write; reading never makes one. Every write commits
/// before its call returns. A call on a session that ended meanwhile is refused with
/// [`SessionError::Gone`](cloakroom_core::SessionError::Gone) and changes nothing.
#[derive(Clone)]
pub struct Session(Arc<Shared>);

/// Who is logged in, as of the moment this request asked.
///
/// A body that arrives slowly is read after that, so its sender may have been logged out since.
/// Calls on the [`Session`] are guarded against it by themselves; before any other act that must
/// not happen after a logout, read the whole body first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentUser {
    /// The application's id of the user.
    pub id: UserId,
    /// The name given at login; the id unless the application gave one.
    pub name: String,
    /// The groups held now.
    pub groups: Vec<String>,
    /// When the user last proved who they are.
    pub authenticated_at: Timestamp,
    /// The public id of the session.
    pub session: SessionId,
}

impl CurrentUser {
    pub(crate) fn of(live: &Live) -> Option<Self> {
        let record = &live.record;
        Some(Self {
            id: record.user.clone()?,
            name: record.user_name.clone().unwrap_or_default(),
            groups: record.groups.clone(),
            authenticated_at: record.authenticated_at.unwrap_or(record.created_at),
            session: record.id,
        })
    }

    /// Whether the user is in a group.
    pub fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|held| held == group)
    }
}

impl Session {
    pub(crate) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.0
    }

    /// Who is logged in; `None` for visitors.
    ///
    /// # Errors
    /// A fault of the store, or [`Error::Ambiguous`].
    pub async fn user(&self) -> Result<Option<CurrentUser>, Error> {
        self.verdict().await?;
        match &self.0.state().seen {
            Some(Seen::Valid(live)) => Ok(CurrentUser::of(live)),
            Some(Seen::Rejected(Rejection::Ambiguous)) => Err(Error::Ambiguous),
            _ => Ok(None),
        }
    }

    /// The public id of the session; `None` while there is none.
    ///
    /// # Errors
    /// As [`Session::user`].
    pub async fn id(&self) -> Result<Option<SessionId>, Error> {
        Ok(self.live().await?.map(|live| live.id()))
    }

    /// The session as this request's verification saw it, for code that works with
    /// [`Sessions`] itself.
    ///
    /// # Errors
    /// As [`Session::user`].
    pub async fn live(&self) -> Result<Option<Live>, Error> {
        match self.verdict().await? {
            Seen::Valid(live) => Ok(Some(live)),
            Seen::Rejected(Rejection::Ambiguous) => Err(Error::Ambiguous),
            Seen::Absent | Seen::Rejected(_) => Ok(None),
        }
    }

    /// All sessions of the application.
    pub fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    /// What the request's credentials are worth; asked of the store once.
    pub(crate) async fn verdict(&self) -> Result<Seen, StoreError> {
        if let Some(seen) = self.0.state().seen.clone() {
            return Ok(seen);
        }
        self.0.state().read = true;
        let (sessions, credentials) = (&self.0.sessions, &self.0.credentials.values);
        let seen = Seen::from(sessions.verify_any(credentials, self.0.started_at).await?);
        Ok(self.0.state().seen.get_or_insert(seen).clone())
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Session")
    }
}

/// A verdict that can be kept for the request.
#[derive(Clone, Debug)]
pub(crate) enum Seen {
    Absent,
    Valid(Live),
    Rejected(Rejection),
}

impl From<Verdict> for Seen {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Absent => Self::Absent,
            Verdict::Valid(live) => Self::Valid(live),
            Verdict::Rejected(reason) => {
                tracing::debug!(?reason, "a credential was rejected");
                Self::Rejected(reason)
            }
        }
    }
}

/// Whether the request came from a browser that can follow a redirect to a login page.
pub(crate) fn wants_page(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let navigates = text("sec-fetch-mode").is_none_or(|mode| mode == "navigate");
    navigates && text("accept").is_some_and(|accept| accept.contains("text/html"))
}
