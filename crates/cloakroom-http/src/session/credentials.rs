use cloakroom_core::{
    Carry, EndReason, Issued, Live, Login, Rejection, SessionError, SessionId, Timestamp, Verdict,
};
use std::collections::HashMap;
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
        let (login, client) = (login.into(), self.0.client.info());
        let carried = over.as_ref().map(|live| login.carried_from(live));
        let versions = self.kept_versions(&carried.unwrap_or_default());
        let issued = self.0.sessions.log_in(login, client, over.as_ref()).await?;
        let id = self.adopt(issued).await?;
        self.0.state().versions = versions;
        Ok(id)
    }

    /// What this request has read of the data that goes over is still expected to be so (law 3).
    fn kept_versions(&self, carried: &Carry) -> HashMap<String, u64> {
        let mut versions = self.0.state().versions.clone();
        match carried {
            Carry::Nothing => versions.clear(),
            Carry::Everything => {}
            Carry::Keys(keys) => versions.retain(|key, _| keys.contains(key)),
        }
        versions
    }

    /// Logs out: ends the session for good, and takes the cookie away in the answer. Without a
    /// session it only takes the cookie away; with credentials of several, all of them end. Once
    /// the response has begun the session still ends, and its cookie is worth nothing.
    ///
    /// # Errors
    /// [`Error::SafeMethod`], or a fault of the store after retries: the session may then still
    /// be live, and the cookie stays.
    pub async fn log_out(&self) -> Result<(), Error> {
        self.0.check_method()?;
        let _turn = self.0.acts.lock().await;
        match self.verdict().await? {
            Seen::Valid(live) => self.end_presented(&live).await?,
            Seen::Rejected(Rejection::Ambiguous) => self.end_all_presented().await?,
            Seen::Absent | Seen::Rejected(_) => {}
        }
        let mut state = self.0.state();
        state.seen = Some(Seen::Absent);
        state.versions.clear();
        state.outgoing = Outgoing::Clear;
        Ok(())
    }

    async fn end_presented(&self, live: &Live) -> Result<(), Error> {
        let ended = self.0.sessions.end(live.id(), EndReason::Logout, live.user_name()).await;
        ended.map(drop).map_err(Error::from)
    }

    /// None of them is more the client's than the others, and who logs out wants none to stay.
    async fn end_all_presented(&self) -> Result<(), Error> {
        for credential in &self.0.credentials.values {
            let credential = std::slice::from_ref(credential);
            let verdict = self.0.sessions.verify_any(credential, self.0.started_at).await?;
            if let Verdict::Valid(live) = verdict {
                self.end_presented(&live).await?;
            }
        }
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

    /// The live session. If there is none, an anonymous one begins with `data`, unless there is
    /// no data to store, and `None` comes back.
    pub(super) async fn live_or_begin(
        &self,
        data: impl FnOnce() -> Result<Vec<(String, String)>, Error>,
    ) -> Result<Option<Live>, Error> {
        if let Some(live) = self.live().await? {
            return Ok(Some(live));
        }
        // Boxed, as it is rare: the future of every write has room for it.
        Box::pin(self.begin(data)).await
    }

    async fn begin(
        &self,
        data: impl FnOnce() -> Result<Vec<(String, String)>, Error>,
    ) -> Result<Option<Live>, Error> {
        let _turn = self.0.acts.lock().await;
        match self.verdict().await? {
            Seen::Valid(live) => return Ok(Some(live)),
            Seen::Rejected(Rejection::Ambiguous) => return Err(Error::Ambiguous),
            Seen::Rejected(_) => self.refuse_if_ended_meanwhile().await?,
            Seen::Absent => {}
        }
        let data = data()?;
        if !data.is_empty() {
            self.0.check_open()?;
            let issued = self.0.sessions.begin_anonymous(self.0.client.info(), data).await?;
            self.adopt(issued).await?;
        }
        Ok(None)
    }

    /// A request that began before its session ended must not be given a new one: it would undo
    /// a logout in the user's eyes (law 1).
    async fn refuse_if_ended_meanwhile(&self) -> Result<(), Error> {
        for credential in &self.0.credentials.values {
            let Some(id) = self.0.sessions.named_by(credential) else {
                continue;
            };
            let ended = self.0.sessions.store().ended(id).await?;
            if ended.is_some_and(|ended| ended.ended_at >= self.changed_since(ended.reason)) {
                return Err(SessionError::Gone.into());
            }
        }
        Ok(())
    }

    /// A login or logout answered the same browser with another cookie, or none, a moment ago; a
    /// request that was under way with the old one must not overwrite that (law 5).
    fn changed_since(&self, reason: EndReason) -> Timestamp {
        let grace = self.0.sessions.policy().renew_grace;
        match reason {
            EndReason::Replaced | EndReason::Logout => self.0.started_at.before(grace),
            _ => self.0.started_at,
        }
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
        live.record.remembered.then(|| left(live.record.absolute_deadline))
    }

    fn check_act(&self) -> Result<(), Error> {
        self.check_method()?;
        self.check_open()
    }

    fn check_method(&self) -> Result<(), Error> {
        if self.safe_method && !self.config.credential_changes_on_get {
            return Err(Error::SafeMethod);
        }
        Ok(())
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.state().closed { Err(Error::HeadersSent) } else { Ok(()) }
    }
}
