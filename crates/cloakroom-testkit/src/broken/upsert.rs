use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use cloakroom_core::{
    Answer, DataChange, DataLimits, Guard, Inserted, MemoryStore, NewSession, Record, SessionId,
    SessionStore, Store, StoreAnswer, Timestamp, Updated,
};

use super::again;
use crate::wrap::{SharedStore, Wrap};

/// A late save brings the session back, as `INSERT … ON CONFLICT UPDATE` and `SET` do.
#[derive(Debug)]
pub struct UpsertOnUpdate {
    store: SharedStore,
    /// What a careless application still holds of each session.
    held: Mutex<HashMap<SessionId, Record>>,
    revived: MemoryStore,
}

impl UpsertOnUpdate {
    /// Breaks `store`.
    pub fn around(store: SharedStore) -> Self {
        Self { store, held: Mutex::default(), revived: MemoryStore::new() }
    }

    fn held(&self, id: SessionId) -> Option<Record> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }
}

impl Wrap for UpsertOnUpdate {
    fn inner(&self) -> &dyn SessionStore {
        &*self.store
    }

    fn insert(&self, new: NewSession) -> StoreAnswer<'_, Inserted> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.insert(new.record.id, new.record.clone());
        self.store.insert(new)
    }

    fn load(&self, id: SessionId, now: Timestamp) -> StoreAnswer<'_, Option<Arc<Record>>> {
        Answer::pending(async move {
            match self.store.load(id, now).await? {
                Some(record) => Ok(Some(record)),
                None => self.revived.load(id, now).await,
            }
        })
    }

    fn update(
        &self,
        guard: Guard,
        changes: Vec<DataChange>,
        limits: DataLimits,
    ) -> StoreAnswer<'_, Updated> {
        Answer::pending(async move {
            let updated = self.store.update(guard, changes.clone(), limits).await?;
            let (Updated::Gone, Some(record)) = (&updated, self.held(guard.id)) else {
                return Ok(updated);
            };
            self.revived.insert(again(record)).await?;
            self.revived.update(guard, changes, limits).await
        })
    }
}
