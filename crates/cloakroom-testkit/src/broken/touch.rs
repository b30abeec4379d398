use std::sync::{Arc, Mutex, PoisonError};

use cloakroom_core::{
    Answer, DataChange, DataLimits, Entry, Expect, Guard, Keys, Record, SessionId, SessionStore,
    StoreAnswer, StoreError, Timestamp, Touch,
};

use crate::steps::yield_point;
use crate::wrap::{SharedStore, Wrap};

/// A touch loads the whole session and saves the whole session.
#[derive(Debug)]
pub struct TouchRewritesData(SharedStore);

impl TouchRewritesData {
    /// Breaks `store`.
    pub fn around(store: SharedStore) -> Self {
        Self(store)
    }

    async fn save(
        &self,
        record: &Record,
        now: Timestamp,
        data: Vec<Entry>,
    ) -> Result<(), StoreError> {
        let guard = Guard { id: record.id, generation: record.generation, now };
        let changes = data.into_iter().map(|entry| {
            let (key, json) = (entry.key, entry.json);
            DataChange { key, expect: Expect::Any, json }
        });
        self.0.update(guard, changes.collect(), DataLimits::default()).await.map(drop)
    }
}

impl Wrap for TouchRewritesData {
    fn inner(&self) -> &dyn SessionStore {
        &*self.0
    }

    fn touch(&self, now: Timestamp, touches: Vec<Touch>) -> StoreAnswer<'_, u64> {
        Answer::pending(async move {
            for touch in &touches {
                let Some(record) = self.0.load(touch.id, now).await? else { continue };
                let data = self.0.read(touch.id, now, Keys::All).await?.unwrap_or_default();
                yield_point().await;
                self.save(&record, now, data).await?;
            }
            self.0.touch(now, touches).await
        })
    }
}

/// A touch moves the deadline of what had expired.
#[derive(Debug)]
pub struct RevivingTouch {
    store: SharedStore,
    revived: Mutex<Vec<SessionId>>,
}

impl RevivingTouch {
    /// Breaks `store`.
    pub fn around(store: SharedStore) -> Self {
        Self { store, revived: Mutex::default() }
    }
}

impl Wrap for RevivingTouch {
    fn inner(&self) -> &dyn SessionStore {
        &*self.store
    }

    fn load(&self, id: SessionId, now: Timestamp) -> StoreAnswer<'_, Option<Arc<Record>>> {
        let revived = self.revived.lock().unwrap_or_else(PoisonError::into_inner).contains(&id);
        let beginning = Timestamp::from_unix_millis(0);
        self.store.load(id, if revived { beginning } else { now })
    }

    fn touch(&self, now: Timestamp, touches: Vec<Touch>) -> StoreAnswer<'_, u64> {
        let mut revived = self.revived.lock().unwrap_or_else(PoisonError::into_inner);
        revived.extend(touches.iter().map(|touch| touch.id));
        drop(revived);
        self.store.touch(now, touches)
    }
}
