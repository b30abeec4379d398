use std::sync::Arc;
use std::time::Duration;

use cloakroom_core::{
    Counts, DataChange, DataLimits, End, Ended, EndedPage, EndedSession, Entry, Guard,
    HistoryQuery, Inserted, Keys, LogPage, NameMatch, NewSession, Page, Position, Query, Record,
    RenewalStep, Rotation, Selector, SessionId, SessionStore, StoreError, Summary, Sweep, Swept,
    Timestamp, Touch, Updated, UserId,
};

use crate::fixtures::{Draft, logout, write};
use crate::wrap::SharedStore;

/// A store under test. Every method is the store's own of that name, except that a fault of the
/// store is a panic: no check expects one.
#[derive(Clone, Debug)]
pub struct Subject(SharedStore);

fn sound<T>(answer: Result<T, StoreError>) -> T {
    answer.unwrap_or_else(|error| {
        let source = std::error::Error::source(&error).map(ToString::to_string);
        panic!("{error} ({})", source.unwrap_or_default())
    })
}

#[expect(missing_docs, reason = "each passes on to the store method of the same name")]
impl Subject {
    pub async fn insert(&self, new: NewSession) -> Inserted {
        sound(self.0.insert(new).await)
    }

    pub async fn load(&self, id: SessionId, now: Timestamp) -> Option<Arc<Record>> {
        sound(self.0.load(id, now).await)
    }

    pub async fn read(&self, id: SessionId, now: Timestamp, keys: Keys) -> Option<Vec<Entry>> {
        sound(self.0.read(id, now, keys).await)
    }

    pub async fn update(&self, guard: Guard, changes: Vec<DataChange>) -> Updated {
        self.update_within(guard, changes, DataLimits::default()).await
    }

    pub async fn update_within(
        &self,
        guard: Guard,
        changes: Vec<DataChange>,
        limits: DataLimits,
    ) -> Updated {
        sound(self.0.update(guard, changes, limits).await)
    }

    pub async fn rotate(&self, guard: Guard, rotation: Rotation) -> Updated {
        sound(self.0.rotate(guard, rotation).await)
    }

    pub async fn renew(&self, guard: Guard, step: RenewalStep) -> Updated {
        sound(self.0.renew(guard, step).await)
    }

    pub async fn touch(&self, now: Timestamp, touches: Vec<Touch>) -> u64 {
        sound(self.0.touch(now, touches).await)
    }

    pub async fn regroup(&self, user: UserId, groups: Vec<String>, now: Timestamp) -> u64 {
        sound(self.0.regroup(user, groups, now).await)
    }

    pub async fn end(&self, end: End) -> Ended {
        sound(self.0.end(end).await)
    }

    pub async fn epoch(&self, user: UserId) -> u64 {
        sound(self.0.epoch(user).await)
    }

    pub async fn sweep(&self, sweep: Sweep) -> Swept {
        sound(self.0.sweep(sweep).await)
    }

    pub async fn sessions(&self, query: Query) -> Page {
        sound(self.0.sessions(query).await)
    }

    pub async fn sessions_of(&self, user: UserId, now: Timestamp) -> Vec<Summary> {
        sound(self.0.sessions_of(user, now).await)
    }

    pub async fn counts(&self, now: Timestamp) -> Counts {
        sound(self.0.counts(now).await)
    }

    pub async fn ended(&self, id: SessionId) -> Option<EndedSession> {
        sound(self.0.ended(id).await)
    }

    pub async fn history(&self, query: HistoryQuery) -> EndedPage {
        sound(self.0.history(query).await)
    }

    pub async fn log_after(&self, after: Option<Position>, limit: u32) -> LogPage {
        sound(self.0.log_after(after, limit).await)
    }
}

impl Subject {
    /// A store under test.
    pub fn new(store: impl SessionStore) -> Self {
        Self(Arc::new(store))
    }

    /// The store itself.
    pub fn store(&self) -> &SharedStore {
        &self.0
    }

    /// Inserts a session that nothing speaks against.
    pub async fn add(&self, draft: Draft) -> SessionId {
        let new = draft.build();
        let id = new.record.id;
        let inserted = self.insert(new).await;
        assert!(matches!(inserted, Inserted::Done { .. }), "an insert came to {inserted:?}");
        id
    }

    /// Whether a session is live.
    pub async fn is_live(&self, id: SessionId, now: Timestamp) -> bool {
        self.load(id, now).await.is_some()
    }

    /// The record of a session that must be live.
    pub async fn record(&self, id: SessionId, now: Timestamp) -> Arc<Record> {
        self.load(id, now).await.unwrap_or_else(|| panic!("session {id} is not live"))
    }

    /// What a writer expects who has just loaded a session that must be live.
    pub async fn guard(&self, id: SessionId, now: Timestamp) -> Guard {
        Guard { id, generation: self.record(id, now).await.generation, now }
    }

    /// One key of a session that must be live.
    pub async fn entry(&self, id: SessionId, now: Timestamp, key: &str) -> Entry {
        let keys = Keys::These(vec![key.to_owned()]);
        let entries = self.read(id, now, keys).await;
        let entries = entries.unwrap_or_else(|| panic!("session {id} is not live"));
        let found = entries.into_iter().find(|entry| entry.key == key);
        found.unwrap_or_else(|| panic!("the key {key:?} was asked for and is not in the answer"))
    }

    /// The JSON under one key of a session that must be live.
    pub async fn value(&self, id: SessionId, now: Timestamp, key: &str) -> Option<String> {
        self.entry(id, now, key).await.json
    }

    /// All data of a session that must be live.
    pub async fn data(&self, id: SessionId, now: Timestamp) -> Vec<Entry> {
        let entries = self.read(id, now, Keys::All).await;
        entries.unwrap_or_else(|| panic!("session {id} is not live"))
    }

    /// Overwrites one key of a session that must be live, and returns its new version.
    pub async fn set(&self, id: SessionId, now: Timestamp, key: &str, json: &str) -> u64 {
        let guard = self.guard(id, now).await;
        match self.update(guard, vec![write(key, json)]).await {
            Updated::Done { versions } if versions.len() == 1 => versions[0],
            other => panic!("an overwrite of one key came to {other:?}"),
        }
    }

    /// Logs one session out.
    pub async fn end_session(&self, id: SessionId, now: Timestamp) -> Ended {
        self.end(logout(Selector::Session(id), now)).await
    }

    /// All live sessions that match, page by page, with the pages' sizes checked.
    pub async fn listed(
        &self,
        name: Option<NameMatch>,
        limit: u32,
        now: Timestamp,
    ) -> Vec<Summary> {
        let mut query = Query { name, after: None, limit, now };
        let mut found = Vec::new();
        loop {
            let page = self.sessions(query.clone()).await;
            assert!(page.items.len() <= limit as usize, "a page of more than {limit} rows");
            found.extend(page.items);
            match page.next {
                Some(next) => query.after = Some(next),
                None => return found,
            }
            assert!(found.len() < 100_000, "the pages of a list never end");
        }
    }

    /// The ids of all live sessions of logged-in users, sorted.
    pub async fn live_ids(&self, now: Timestamp) -> Vec<SessionId> {
        let sessions = self.listed(None, 500, now).await;
        let mut ids: Vec<SessionId> = sessions.into_iter().map(|session| session.id).collect();
        ids.sort_unstable();
        ids
    }
}

impl From<SharedStore> for Subject {
    fn from(store: SharedStore) -> Self {
        Self(store)
    }
}

/// Waits until `condition` holds.
///
/// # Panics
/// It does not within ten seconds.
pub async fn eventually<F>(what: &str, condition: impl Fn() -> F)
where
    F: Future<Output = bool>,
{
    let poll = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(10), poll).await;
    assert!(waited.is_ok(), "{what}: not within ten seconds");
}
