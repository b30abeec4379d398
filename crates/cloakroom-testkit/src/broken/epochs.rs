use cloakroom_core::{Answer, Inserted, NewSession, SessionStore, StoreAnswer};

use crate::wrap::{SharedStore, Wrap};

/// A login takes the epoch of its insert, not of its beginning.
#[derive(Debug)]
pub struct IgnoredEpoch(SharedStore);

impl IgnoredEpoch {
    /// Breaks `store`.
    pub fn around(store: SharedStore) -> Self {
        Self(store)
    }
}

impl Wrap for IgnoredEpoch {
    fn inner(&self) -> &dyn SessionStore {
        &*self.0
    }

    fn insert(&self, mut new: NewSession) -> StoreAnswer<'_, Inserted> {
        Answer::pending(async move {
            if let Some(user) = new.record.user.clone() {
                new.record.epoch = self.0.epoch(user).await?;
            }
            self.0.insert(new).await
        })
    }
}
