use cloakroom_core::{
    EndReason, Issued, Live, Login, Rejection, SessionError, SessionId, Timestamp,
};
use std::time::Duration;

use super::{Outgoing, Seen, Session, Shared};
use crate::Error;

impl Session {
    /// Logs a user in and gives the client a fresh credential, whoever was logged in before. The
    /// session that this one takes the place of ends in the same commit. The application has
    /// already checked who it is.
    ///
    /// Anonymous data is dropped unless [`Login::carry`] says otherwise.
    ///
    /// # Errors
    /// [`SessionError::LimitReached`], [`SessionError::Superseded`], [`Error::SafeMethod`],
    /// [`Error::HeadersSent`], or a fault of the store.
    pub async fn log_in(&self, login: impl Into<Login>) -> Result<SessionId, Error> {
        self.0.check_act()?;
        let _turn = self.0.acts.lock().await;
        let over = match self.verdict().await? {
            Seen::Valid(live) => Some(live),
            Seen::Absent | Seen::Rejected(_) => None,
        };
        let client = self.0.client.info();
        let issued = self.0.sessions.log_in(login, client, over.as_ref()).await?;
        self.adopt(issued).await
    }

    /// Logs out: ends the session for good, and takes the cookie away in the answer. Without a
    /// session it only takes the cookie away.
    ///
    /// # Errors
    /// [`Error::SafeMethod`], or a fault of the store after retries: the session may then still
    /// be live, and the cookie stays.
    pub async fn log_out(&self) -> Result<(), Error> {
        self.0.check_act()?;
        let _turn = self.0.acts.lock().await;
        if let Seen::Valid(live) = self.verdict().await? {
            self.0
                .sessions
                .end(live.id(), EndReason::Logout, live.user_name())
                .await?;
        }
        let mut state = self.0.state();
        state.seen = Some(Seen::Absent);
        state.versions.clear();
        state.outgoing = Outgoing::Clear;
        Ok(())
    }

    /// Gives the session a fresh credential after a change of privilege; the old one is dead at
    /// once (OWASP session management cheat sheet, "renew the session ID").
    ///
    /// # Errors
    /// [`Error::NotLoggedIn`] without a session, [`SessionError::Gone`] when it ended meanwhile,
    /// [`Error::SafeMethod`], [`Error::HeadersSent`], or a fault of the store.
    pub async fn rotate(&self) -> Result<(), Error> {
        self.rotate_credential(false).await
    }

    /// As [`Session::rotate`], after the user has just proved again who they are: the session
    /// counts as authenticated now.
    ///
    /// # Errors
    /// As [`Session::rotate`].
    pub async fn reauthenticated(&self) -> Result<(), Error> {
        self.rotate_credential(true).await
    }

    async fn rotate_credential(&self, authenticated: bool) -> Result<(), Error> {
        self.0.check_act()?;
        let _turn = self.0.acts.lock().await;
        let live = self.live().await?.ok_or(Error::NotLoggedIn)?;
        let issued = self.0.sessions.rotate(&live, authenticated).await?;
        let versions = self.0.state().versions.clone();
        self.adopt(issued).await?;
        self.0.state().versions = versions;
        Ok(())
    }

    /// The live session, beginning an anonymous one with `data` if there is none. The second
    /// value says whether it was begun.
    pub(super) async fn live_or_begin(
        &self,
        data: impl FnOnce() -> Result<Vec<(String, String)>, Error>,
    ) -> Result<(Live, bool), Error> {
        if let Some(live) = self.live().await? {
            return Ok((live, false));
        }
        let _turn = self.0.acts.lock().await;
        match self.verdict().await? {
            Seen::Valid(live) => return Ok((live, false)),
            Seen::Rejected(Rejection::Ambiguous) => return Err(Error::Ambiguous),
            Seen::Rejected(_) => self.refuse_if_ended_meanwhile().await?,
            Seen::Absent => {}
        }
        self.0.check_open()?;
        let client = self.0.client.info();
        let issued = self.0.sessions.begin_anonymous(client, data()?).await?;
        let live = issued.live.clone();
        self.adopt(issued).await?;
        Ok((live, true))
    }

    /// A request that began before its session ended must not be given a new one: it would undo
    /// a logout in the user's eyes (law 1).
    async fn refuse_if_ended_meanwhile(&self) -> Result<(), Error> {
        for credential in &self.0.credentials.values {
            let Some(id) = self.0.sessions.named_by(credential) else {
                continue;
            };
            let ended = self.0.sessions.store().ended(id).await?;
            if ended.is_some_and(|ended| ended.ended_at >= self.0.started_at) {
                return Err(SessionError::Gone.into());
            }
        }
        Ok(())
    }

    /// Makes an issued session that of this request, or ends it if the client cannot get it.
    async fn adopt(&self, issued: Issued) -> Result<SessionId, Error> {
        let id = issued.id;
        let max_age = self.0.max_age(&issued.live);
        let late = {
            let mut state = self.0.state();
            if !state.closed {
                state.seen = Some(Seen::Valid(issued.live));
                state.versions.clear();
                state.outgoing = Outgoing::Set(issued.token, max_age);
            }
            state.closed
        };
        if late {
            self.0.sessions.end(id, EndReason::Replaced, None).await?;
            return Err(Error::HeadersSent);
        }
        Ok(id)
    }
}

impl Shared {
    /// How long the client should keep the cookie: until it closes, unless remembered.
    pub(crate) fn max_age(&self, live: &Live) -> Option<Duration> {
        let left = |deadline: Timestamp| deadline.since(self.sessions.now());
        live.record
            .remembered
            .then(|| left(live.record.absolute_deadline))
    }

    fn check_act(&self) -> Result<(), Error> {
        if self.safe_method && !self.config.credential_changes_on_get {
            return Err(Error::SafeMethod);
        }
        self.check_open()
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.state().closed {
            Err(Error::HeadersSent)
        } else {
            Ok(())
        }
    }
}
