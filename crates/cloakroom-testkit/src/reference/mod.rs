//! The store that every other one is compared with: the contract in as few words as it takes.

mod browse;
mod ends;
mod log;
mod state;
mod writes;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cloakroom_core::{
    Answer, Browse, Counts, DataChange, DataLimits, Durability, End, Ended, EndedPage,
    EndedSession, Entry, Guard, History, HistoryQuery, Inserted, Keys, LogPage, NewSession, Page,
    Position, Query, Record, RenewalStep, RevocationLog, Rotation, SessionId, Store, StoreAnswer,
    Summary, Sweep, Swept, Timestamp, Touch, Updated, UserId,
};
use state::State;

/// Sessions under one lock, each a record and a map, in plain collections. Made to be compared
/// with, not to be fast or small.
#[derive(Clone, Default)]
pub struct ReferenceStore(Arc<Mutex<State>>);

impl ReferenceStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic under the lock cannot leave a half-done step that later steps would trust:
        // every step checks before it changes anything.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer<T>(&self, step: impl FnOnce(&mut State) -> T) -> StoreAnswer<'_, T> {
        Answer::ready(Ok(step(&mut self.state())))
    }
}

impl fmt::Debug for ReferenceStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ReferenceStore")
    }
}

impl Store for ReferenceStore {
    fn durability(&self) -> Durability {
        Durability::LostOnRestart
    }

    fn insert(&self, new: NewSession) -> StoreAnswer<'_, Inserted> {
        self.answer(|state| state.insert(new))
    }

    fn load(&self, id: SessionId, now: Timestamp) -> StoreAnswer<'_, Option<Arc<Record>>> {
        self.answer(|state| state.live(id, now).map(|row| Arc::clone(&row.record)))
    }

    fn read(
        &self,
        id: SessionId,
        now: Timestamp,
        keys: Keys,
    ) -> StoreAnswer<'_, Option<Vec<Entry>>> {
        self.answer(|state| state.live(id, now).map(|row| row.entries(keys)))
    }

    fn update(
        &self,
        guard: Guard,
        changes: Vec<DataChange>,
        limits: DataLimits,
    ) -> StoreAnswer<'_, Updated> {
        self.answer(|state| state.update(guard, changes, limits))
    }

    fn rotate(&self, guard: Guard, rotation: Rotation) -> StoreAnswer<'_, Updated> {
        self.answer(|state| state.rotate(guard, rotation))
    }

    fn renew(&self, guard: Guard, step: RenewalStep) -> StoreAnswer<'_, Updated> {
        self.answer(|state| state.renew(guard, step))
    }

    fn touch(&self, now: Timestamp, touches: Vec<Touch>) -> StoreAnswer<'_, u64> {
        self.answer(|state| touches.iter().map(|touch| state.touch(now, *touch)).sum())
    }

    fn regroup(&self, user: UserId, groups: Vec<String>, now: Timestamp) -> StoreAnswer<'_, u64> {
        self.answer(|state| state.regroup(&user, &groups, now))
    }

    fn end(&self, end: End) -> StoreAnswer<'_, Ended> {
        self.answer(|state| state.end(&end))
    }

    fn epoch(&self, user: UserId) -> StoreAnswer<'_, u64> {
        self.answer(|state| state.epoch(&user))
    }

    fn sweep(&self, sweep: Sweep) -> StoreAnswer<'_, Swept> {
        self.answer(|state| state.sweep(sweep))
    }
}

impl Browse for ReferenceStore {
    fn sessions(&self, query: Query) -> StoreAnswer<'_, Page> {
        self.answer(|state| state.page(&query))
    }

    fn sessions_of(&self, user: UserId, now: Timestamp) -> StoreAnswer<'_, Vec<Summary>> {
        self.answer(|state| state.sessions_of(&user, now))
    }

    fn counts(&self, now: Timestamp) -> StoreAnswer<'_, Counts> {
        self.answer(|state| state.counts(now))
    }
}

impl RevocationLog for ReferenceStore {
    fn log_after(&self, after: Option<Position>, limit: u32) -> StoreAnswer<'_, LogPage> {
        self.answer(|state| state.log.after(after.as_ref(), limit))
    }
}

impl History for ReferenceStore {
    fn ended(&self, id: SessionId) -> StoreAnswer<'_, Option<EndedSession>> {
        self.answer(|state| state.ended.get(&id).cloned())
    }

    fn history(&self, query: HistoryQuery) -> StoreAnswer<'_, EndedPage> {
        self.answer(|state| state.history(&query))
    }
}
