use cloakroom_core::{
    Answer, End, EndReason, Inserted, LimitPolicy, NewSession, Selector, SessionId, SessionLimit,
    SessionStore, StoreAnswer, StoreError,
};

use crate::steps::yield_point;
use crate::wrap::{SharedStore, Wrap};

/// The sessions of a user are counted first, and the new one is inserted afterwards.
#[derive(Debug)]
pub struct RacedLimit(SharedStore);

impl RacedLimit {
    /// Breaks `store`.
    pub fn around(store: SharedStore) -> Self {
        Self(store)
    }

    async fn excess(
        &self,
        new: &NewSession,
        limit: SessionLimit,
    ) -> Result<Vec<SessionId>, StoreError> {
        let Some(user) = new.record.user.clone() else { return Ok(Vec::new()) };
        let mut live = self.0.sessions_of(user, new.record.created_at).await?;
        live.retain(|session| Some(session.id) != new.replaces.as_ref().map(|old| old.id));
        match limit.policy {
            LimitPolicy::EndLeastRecentlyUsed => live.sort_by_key(|session| session.last_seen_at),
            _ => live.reverse(),
        }
        let excess = (live.len() + 1).saturating_sub(limit.most as usize);
        Ok(live.iter().take(excess).map(|session| session.id).collect())
    }
}

impl Wrap for RacedLimit {
    fn inner(&self) -> &dyn SessionStore {
        &*self.0
    }

    fn insert(&self, mut new: NewSession) -> StoreAnswer<'_, Inserted> {
        Answer::pending(async move {
            let Some(limit) = new.limit.take() else { return self.0.insert(new).await };
            let excess = self.excess(&new, limit).await?;
            if limit.policy == LimitPolicy::Refuse && !excess.is_empty() {
                return Ok(Inserted::LimitReached);
            }
            yield_point().await;
            for id in &excess {
                let (selector, reason) = (Selector::Session(*id), EndReason::Limit);
                let now = new.record.created_at;
                self.0.end(End { selector, reason, by: None, now, epoch: None }).await?;
            }
            match self.0.insert(new).await? {
                Inserted::Done { .. } => Ok(Inserted::Done { ended: excess }),
                refused => Ok(refused),
            }
        })
    }
}
