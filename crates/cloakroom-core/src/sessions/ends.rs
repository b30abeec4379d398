use std::time::Duration;

use tokio::time::Instant;

use crate::{Chain, End, EndReason, Ended, Selector, SessionId, Sessions, StoreError, UserId};

/// Pauses before an end is tried again after a fault.
const RETRY_PAUSES: [Duration; 2] = [Duration::from_millis(25), Duration::from_millis(150)];

impl Sessions {
    /// Ends one session. True if it was live. Once this has answered, the session is refused
    /// within [`Sessions::revocation_bound`] and stays so (law 2).
    ///
    /// # Errors
    /// A fault of the store after retries: the end is then not acknowledged, and may or may not
    /// have happened.
    pub async fn end(
        &self,
        id: SessionId,
        reason: EndReason,
        by: Option<&str>,
    ) -> Result<bool, StoreError> {
        let ended = self.end_all(Selector::Session(id), reason, by, None).await?;
        Ok(ended.count > 0)
    }

    /// Ends all sessions of a user, those of logins under way included.
    ///
    /// # Errors
    /// As [`Sessions::end`].
    pub async fn end_user(
        &self,
        user: &UserId,
        reason: EndReason,
        by: Option<&str>,
    ) -> Result<Ended, StoreError> {
        self.end_all(Selector::User(user.clone()), reason, by, None).await
    }

    /// Ends all sessions of a user but `kept`.
    ///
    /// # Errors
    /// As [`Sessions::end`].
    pub async fn end_others(
        &self,
        user: &UserId,
        kept: SessionId,
        reason: EndReason,
        by: Option<&str>,
    ) -> Result<Ended, StoreError> {
        self.end_all(Selector::UserExcept(user.clone(), kept), reason, by, None).await
    }

    /// Ends every session, anonymous ones and the caller's own included.
    ///
    /// # Errors
    /// As [`Sessions::end`].
    pub async fn end_everyone(
        &self,
        reason: EndReason,
        by: Option<&str>,
    ) -> Result<Ended, StoreError> {
        self.end_all(Selector::Everyone, reason, by, None).await
    }

    /// Ends what `selector` names. `epoch` is the least epoch the user has afterwards, for
    /// applications that keep epochs of their own beside their users.
    ///
    /// # Errors
    /// As [`Sessions::end`].
    pub async fn end_all(
        &self,
        selector: Selector,
        reason: EndReason,
        by: Option<&str>,
        epoch: Option<u64>,
    ) -> Result<Ended, StoreError> {
        let by = by.map(str::to_owned);
        let end = End { selector, reason, by, now: self.now(), epoch };
        self.end_definitely(end, None).await
    }

    /// Ends are idempotent, so one whose outcome is unknown is simply tried again. `user` is whose
    /// the session of a single end is, if that is known.
    pub(super) async fn end_definitely(
        &self,
        end: End,
        user: Option<UserId>,
    ) -> Result<Ended, StoreError> {
        let sessions = self.clone();
        Self::to_its_end(async move {
            let ended = sessions.try_to_end(&end).await?;
            sessions.tell_end(&end, user, ended).await;
            Ok(ended)
        })
        .await
    }

    async fn try_to_end(&self, end: &End) -> Result<Ended, StoreError> {
        let (store, begun) = (&self.0.store, Instant::now());
        let mut unknown = None;
        let mut pauses = RETRY_PAUSES.into_iter();
        loop {
            let error = match store.end(end.clone()).await {
                Ok(ended) => return Ok(ended),
                Err(error) => error,
            };
            // One more try may take as long as an answer may, and somebody waits.
            let is_early = begun.elapsed() < self.0.policy.store_timeout / 4;
            let Some(pause) = pauses.next().filter(|_| is_early) else {
                // What an earlier try may have done is not undone by the failure of a later one.
                return Err(unknown.unwrap_or(error));
            };
            tracing::warn!(error = %Chain(&error), "ending sessions failed; retrying");
            if matches!(error, StoreError::Unknown { .. }) {
                unknown = Some(error);
            }
            tokio::time::sleep(pause).await;
        }
    }
}
