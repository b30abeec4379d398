use cloakroom_core::{EndReason, Live, SessionId, Summary, UserId};

use super::Session;
use crate::Error;

impl Session {
    /// The live sessions of the logged-in user, newest first, at most 1 000.
    ///
    /// # Errors
    /// [`Error::NotLoggedIn`], or a fault of the store.
    pub async fn own_sessions(&self) -> Result<Vec<Summary>, Error> {
        let (_, user) = self.logged_in().await?;
        let sessions = &self.0.sessions;
        Ok(sessions.store().sessions_of(user, sessions.now()).await?)
    }

    /// Ends one session of the logged-in user. False when the user has no such live session.
    /// Ending this very session is [`Session::log_out`].
    ///
    /// # Errors
    /// [`Error::NotLoggedIn`], [`Error::SafeMethod`], or a fault of the store after retries: the
    /// end is then not acknowledged.
    pub async fn end_own(&self, id: SessionId) -> Result<bool, Error> {
        self.check_unsafe()?;
        let (live, user) = self.logged_in().await?;
        let sessions = &self.0.sessions;
        // The user of a session never changes, so nothing can come between look and end.
        match sessions.store().load(id, sessions.now()).await? {
            Some(record) if record.user.as_ref() == Some(&user) => {
                Ok(sessions.end(id, EndReason::Logout, live.user_name()).await?)
            }
            _ => Ok(false),
        }
    }

    /// Ends all other sessions of the logged-in user. Returns how many there were.
    ///
    /// # Errors
    /// As [`Session::end_own`].
    pub async fn end_others(&self) -> Result<u64, Error> {
        self.check_unsafe()?;
        let (live, user) = self.logged_in().await?;
        let (sessions, by) = (&self.0.sessions, live.user_name());
        let ended = sessions.end_others(&user, live.id(), EndReason::Logout, by).await?;
        Ok(ended.count)
    }

    /// Ends all sessions of the logged-in user, this one included, and takes the cookie away.
    ///
    /// # Errors
    /// As [`Session::end_own`].
    pub async fn end_all_own(&self) -> Result<u64, Error> {
        self.check_unsafe()?;
        let (live, user) = self.logged_in().await?;
        let ended = self.0.sessions.end_user(&user, EndReason::Logout, live.user_name()).await?;
        self.log_out().await?;
        Ok(ended.count)
    }

    async fn logged_in(&self) -> Result<(Live, UserId), Error> {
        let live = self.live().await?.ok_or(Error::NotLoggedIn)?;
        let user = live.user().cloned().ok_or(Error::NotLoggedIn)?;
        Ok((live, user))
    }

    fn check_unsafe(&self) -> Result<(), Error> {
        if self.0.safe_method { Err(Error::SafeMethod) } else { Ok(()) }
    }
}
