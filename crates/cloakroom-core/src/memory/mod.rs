//! The store in memory: 64 shards, compact rows, a hard cap, snapshots and a journal of ends.

mod account;
mod browse;
mod bytes;
mod data;
mod ended;
mod ends;
mod files;
mod history;
mod insert;
mod journal;
mod log;
mod merge;
mod options;
mod room;
mod row;
mod shard;
mod snapshot;
mod strings;
mod sweep;
mod writes;

use std::fmt;
use std::hash::RandomState;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::{
    Answer, Browse, Bucket, Counts, DataChange, DataLimits, Durability, End, Ended, EndedPage,
    EndedSession, Entry, Guard, History, HistoryQuery, Inserted, Keys, LogPage, NewSession, Page,
    Position, Query, Record, RenewalStep, RevocationLog, Rotation, SessionId, Store, StoreAnswer,
    StoreError, Summary, Sweep, Swept, Timestamp, Touch, Updated, UserId,
};
use account::Account;
use journal::Journal;
use log::Log;
use shard::Shard;

pub use files::{MemoryFiles, Restored, SetAside, SnapshotError};
pub use options::{MemoryOptions, MemoryUsage, WhenFull};

/// Sessions in the memory of one process.
///
/// They are in 64 shards, each under a lock of its own that is held for a few sessions at a time;
/// all of a user are in one. Memory is bounded by [`MemoryOptions`]. What outlives the process is
/// up to [`MemoryStore::open`]; without it, nothing does.
#[derive(Clone)]
pub struct MemoryStore(Arc<Inner>);

struct Inner {
    shards: Box<[Mutex<Shard>]>,
    log: Mutex<Log>,
    account: Arc<Account>,
    options: MemoryOptions,
    /// Held by whoever ends everyone, and while the sessions are closed.
    everyone: Mutex<()>,
    journal: OnceLock<Journal>,
    files: OnceLock<files::Keeper>,
}

impl MemoryStore {
    /// An empty store within the default caps.
    pub fn new() -> Self {
        Self::within(MemoryOptions::default())
    }

    /// An empty store within `options`.
    pub fn within(options: MemoryOptions) -> Self {
        Self(Arc::new(Inner::new(options)))
    }

    /// What it may hold.
    pub fn options(&self) -> &MemoryOptions {
        &self.0.options
    }

    /// What it holds now.
    pub fn usage(&self) -> MemoryUsage {
        let account = &self.0.account;
        MemoryUsage {
            sessions: account.sessions(),
            anonymous: account.anonymous(),
            bytes: account.bytes(),
        }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MemoryStore")
    }
}

impl Inner {
    fn new(options: MemoryOptions) -> Self {
        let account = Arc::new(Account::new(&options));
        let hasher = RandomState::new();
        let shard = |_| Mutex::new(Shard::new(&options, Arc::clone(&account), hasher.clone()));
        Self {
            shards: Bucket::all().map(shard).collect(),
            log: Mutex::new(Log::new(Arc::clone(&account))),
            account,
            options,
            everyone: Mutex::new(()),
            journal: OnceLock::new(),
            files: OnceLock::new(),
        }
    }

    /// Locks are taken in this order: everyone, shards by number, the log, the journal's queue.
    fn shard(&self, bucket: Bucket) -> MutexGuard<'_, Shard> {
        unpoisoned(&self.shards[bucket.index()])
    }

    /// For a write: an error once the sessions were saved.
    fn open(
        &self,
        bucket: Bucket,
        operation: &'static str,
    ) -> Result<MutexGuard<'_, Shard>, StoreError> {
        let shard = self.shard(bucket);
        shard.check_open(operation)?;
        Ok(shard)
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        unpoisoned(&self.log)
    }
}

fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic under the lock leaves no half-done step that later steps would trust: they check
    // before they change anything, and rows are replaced whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store for MemoryStore {
    fn durability(&self) -> Durability {
        let Some(files) = self.0.files.get() else { return Durability::LostOnRestart };
        files.interval().map_or(Durability::LostOnCrash, Durability::UpTo)
    }

    fn insert(&self, new: NewSession) -> StoreAnswer<'_, Inserted> {
        self.0.insert(new)
    }

    fn load(&self, id: SessionId, now: Timestamp) -> StoreAnswer<'_, Option<Arc<Record>>> {
        Answer::ready(Ok(self.0.shard(id.bucket()).record(id, now).map(Arc::new)))
    }

    fn read(
        &self,
        id: SessionId,
        now: Timestamp,
        keys: Keys,
    ) -> StoreAnswer<'_, Option<Vec<Entry>>> {
        let shard = self.0.shard(id.bucket());
        let data = shard.live(id, now).map(|(row, _)| data::answer(row.data(), keys));
        Answer::ready(Ok(data))
    }

    fn update(
        &self,
        guard: Guard,
        changes: Vec<DataChange>,
        limits: DataLimits,
    ) -> StoreAnswer<'_, Updated> {
        Answer::ready(self.0.update(guard, &changes, limits))
    }

    fn rotate(&self, guard: Guard, rotation: Rotation) -> StoreAnswer<'_, Updated> {
        self.0.rotate(guard, rotation)
    }

    fn renew(&self, guard: Guard, step: RenewalStep) -> StoreAnswer<'_, Updated> {
        self.0.renew(guard, step)
    }

    fn touch(&self, now: Timestamp, touches: Vec<Touch>) -> StoreAnswer<'_, u64> {
        Answer::ready(self.0.touch(now, &touches))
    }

    fn regroup(&self, user: UserId, groups: Vec<String>, now: Timestamp) -> StoreAnswer<'_, u64> {
        self.0.regroup(user, groups, now)
    }

    fn end(&self, end: End) -> StoreAnswer<'_, Ended> {
        self.0.end(end)
    }

    fn epoch(&self, user: UserId) -> StoreAnswer<'_, u64> {
        Answer::ready(Ok(self.0.shard(Bucket::of(&user)).epoch(&user)))
    }

    fn sweep(&self, sweep: Sweep) -> StoreAnswer<'_, Swept> {
        Answer::pending(self.0.sweep(sweep))
    }
}

impl Browse for MemoryStore {
    fn sessions(&self, query: Query) -> StoreAnswer<'_, Page> {
        Answer::ready(Ok(self.0.page(&query)))
    }

    fn sessions_of(&self, user: UserId, now: Timestamp) -> StoreAnswer<'_, Vec<Summary>> {
        Answer::ready(Ok(self.0.sessions_of(&user, now)))
    }

    fn counts(&self, now: Timestamp) -> StoreAnswer<'_, Counts> {
        let MemoryUsage { sessions, anonymous, .. } = self.usage();
        let sessions = sessions.saturating_sub(anonymous);
        Answer::ready(Ok(Counts { sessions, anonymous, as_of: now }))
    }
}

impl RevocationLog for MemoryStore {
    fn log_after(&self, after: Option<Position>, limit: u32) -> StoreAnswer<'_, LogPage> {
        Answer::ready(Ok(self.0.log().after(after.as_ref(), limit)))
    }
}

impl History for MemoryStore {
    fn ended(&self, id: SessionId) -> StoreAnswer<'_, Option<EndedSession>> {
        let shard = self.0.shard(id.bucket());
        Answer::ready(Ok(shard.history.ended(id, &shard.strings)))
    }

    fn history(&self, query: HistoryQuery) -> StoreAnswer<'_, EndedPage> {
        Answer::ready(Ok(self.0.history(&query)))
    }
}
