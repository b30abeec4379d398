use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::{Meters, Operation};
use crate::{
    Answer, Browse, Counts, DataChange, DataLimits, Durability, End, Ended, EndedPage,
    EndedSession, Entry, Guard, History, HistoryQuery, Inserted, Keys, LogPage, NewSession, Page,
    Position, Query, Record, RenewalStep, RevocationBound, RevocationLog, Rotation, Selector,
    SessionId, SessionStore, Store, StoreAnswer, StoreError, Summary, Sweep, Swept, Timestamp,
    Touch, Updated, UserId,
};

/// How often the patience an end of everyone has: it is one act on all sessions.
const OF_EVERYONE: u32 = 15;

/// A store whose answers are waited for no longer than its patience, timed, and whose faults are
/// counted. An answer that is there at once costs no allocation; of the reads that requests wait
/// for, few are timed.
pub(crate) struct Measured {
    store: Arc<dyn SessionStore>,
    meters: Arc<Meters>,
    patience: Duration,
}

/// The answer did not come in time. It may still be under way.
#[derive(Debug, thiserror::Error)]
#[error("the store did not answer within {0:?}")]
struct Late(Duration);

impl Measured {
    pub(crate) fn new(
        store: Arc<dyn SessionStore>,
        meters: Arc<Meters>,
        patience: Duration,
    ) -> Self {
        Self { store, meters, patience }
    }

    fn time<'a, T: Send + Unpin + 'a>(
        &'a self,
        operation: Operation,
        ask: impl FnOnce(&'a dyn SessionStore) -> StoreAnswer<'a, T>,
    ) -> StoreAnswer<'a, T> {
        self.time_within(self.patience, operation, ask)
    }

    fn time_within<'a, T: Send + Unpin + 'a>(
        &'a self,
        patience: Duration,
        operation: Operation,
        ask: impl FnOnce(&'a dyn SessionStore) -> StoreAnswer<'a, T>,
    ) -> StoreAnswer<'a, T> {
        let start = self.meters.store_asked(operation);
        match ask(&*self.store) {
            Answer::Ready(answer) => {
                if let Some(answer) = &answer {
                    self.note(operation, start, answer);
                }
                Answer::Ready(answer)
            }
            // What has to be waited for is worth a look at the clock.
            Answer::Pending(answer) => {
                let start = start.unwrap_or_else(Instant::now);
                Answer::pending(async move {
                    let answer = timeout(patience, answer).await;
                    let answer = answer.unwrap_or_else(|_| Err(operation.late(Late(patience))));
                    self.note(operation, Some(start), &answer);
                    answer
                })
            }
        }
    }

    fn note<T>(
        &self,
        operation: Operation,
        start: Option<Instant>,
        answer: &Result<T, StoreError>,
    ) {
        let took = start.map(|start| start.elapsed());
        self.meters.store_answered(operation, took, answer.as_ref().err());
    }
}

impl fmt::Debug for Measured {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(formatter)
    }
}

impl Store for Measured {
    fn durability(&self) -> Durability {
        self.store.durability()
    }

    fn revocation_bound(&self) -> RevocationBound {
        self.store.revocation_bound()
    }

    fn reload(&self, id: SessionId, now: Timestamp) -> StoreAnswer<'_, Option<Arc<Record>>> {
        self.time(Operation::Load, |store| store.reload(id, now))
    }

    fn insert(&self, new: NewSession) -> StoreAnswer<'_, Inserted> {
        self.time(Operation::Insert, |store| store.insert(new))
    }

    fn load(&self, id: SessionId, now: Timestamp) -> StoreAnswer<'_, Option<Arc<Record>>> {
        self.time(Operation::Load, |store| store.load(id, now))
    }

    fn read(
        &self,
        id: SessionId,
        now: Timestamp,
        keys: Keys,
    ) -> StoreAnswer<'_, Option<Vec<Entry>>> {
        self.time(Operation::Read, |store| store.read(id, now, keys))
    }

    fn update(
        &self,
        guard: Guard,
        changes: Vec<DataChange>,
        limits: DataLimits,
    ) -> StoreAnswer<'_, Updated> {
        self.time(Operation::Update, |store| store.update(guard, changes, limits))
    }

    fn rotate(&self, guard: Guard, rotation: Rotation) -> StoreAnswer<'_, Updated> {
        self.time(Operation::Rotate, |store| store.rotate(guard, rotation))
    }

    fn renew(&self, guard: Guard, step: RenewalStep) -> StoreAnswer<'_, Updated> {
        self.time(Operation::Renew, |store| store.renew(guard, step))
    }

    fn touch(&self, now: Timestamp, touches: Vec<Touch>) -> StoreAnswer<'_, u64> {
        self.time(Operation::Touch, |store| store.touch(now, touches))
    }

    fn regroup(&self, user: UserId, groups: Vec<String>, now: Timestamp) -> StoreAnswer<'_, u64> {
        self.time(Operation::Regroup, |store| store.regroup(user, groups, now))
    }

    fn end(&self, end: End) -> StoreAnswer<'_, Ended> {
        let patience = match end.selector {
            Selector::Everyone => self.patience * OF_EVERYONE,
            _ => self.patience,
        };
        self.time_within(patience, Operation::End, |store| store.end(end))
    }

    fn epoch(&self, user: UserId) -> StoreAnswer<'_, u64> {
        self.time(Operation::Epoch, |store| store.epoch(user))
    }

    fn sweep(&self, sweep: Sweep) -> StoreAnswer<'_, Swept> {
        self.time(Operation::Sweep, |store| store.sweep(sweep))
    }
}

impl Browse for Measured {
    fn sessions(&self, query: Query) -> StoreAnswer<'_, Page> {
        self.time(Operation::Sessions, |store| store.sessions(query))
    }

    fn sessions_of(&self, user: UserId, now: Timestamp) -> StoreAnswer<'_, Vec<Summary>> {
        self.time(Operation::SessionsOf, |store| store.sessions_of(user, now))
    }

    fn counts(&self, now: Timestamp) -> StoreAnswer<'_, Counts> {
        self.time(Operation::Counts, |store| store.counts(now))
    }
}

impl History for Measured {
    fn ended(&self, id: SessionId) -> StoreAnswer<'_, Option<EndedSession>> {
        self.time(Operation::Ended, |store| store.ended(id))
    }

    fn history(&self, query: HistoryQuery) -> StoreAnswer<'_, EndedPage> {
        self.time(Operation::History, |store| store.history(query))
    }
}

impl RevocationLog for Measured {
    fn log_after(&self, after: Option<Position>, limit: u32) -> StoreAnswer<'_, LogPage> {
        self.time(Operation::Log, |store| store.log_after(after, limit))
    }
}
