use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::log::Log;
use cloakroom_core::{EndedSession, Entry, Guard, Keys, Record, SessionId, Timestamp, UserId};

/// All that a [`ReferenceStore`](super::ReferenceStore) holds. The indexes follow `rows`.
#[derive(Default)]
pub(super) struct State {
    pub(super) rows: HashMap<SessionId, Row>,
    pub(super) by_user: BTreeMap<UserId, BTreeSet<SessionId>>,
    pub(super) by_name: BTreeSet<(String, Reverse<SessionId>)>,
    pub(super) named: BTreeSet<SessionId>,
    pub(super) by_deadline: BTreeSet<(Timestamp, SessionId)>,
    pub(super) ended: BTreeMap<SessionId, EndedSession>,
    pub(super) ended_order: BTreeSet<(Timestamp, SessionId)>,
    pub(super) ended_anonymous: BTreeSet<(Timestamp, SessionId)>,
    pub(super) user_epochs: HashMap<UserId, u64>,
    pub(super) everyone_epoch: u64,
    pub(super) log: Log,
}

/// One session.
pub(super) struct Row {
    pub(super) record: Arc<Record>,
    pub(super) data: BTreeMap<String, Value>,
    /// The version given to the last write of any key.
    pub(super) last_version: u64,
}

/// One key's value.
#[derive(Clone)]
pub(super) struct Value {
    pub(super) json: String,
    pub(super) version: u64,
}

impl Row {
    pub(super) fn entries(&self, keys: Keys) -> Vec<Entry> {
        let keys = match keys {
            Keys::All => self.data.keys().cloned().collect(),
            Keys::These(keys) => keys,
        };
        keys.into_iter().map(|key| self.entry(key)).collect()
    }

    fn entry(&self, key: String) -> Entry {
        match self.data.get(&key) {
            Some(value) => Entry { key, json: Some(value.json.clone()), version: value.version },
            None => Entry { key, json: None, version: 0 },
        }
    }
}

impl State {
    pub(super) fn live(&self, id: SessionId, now: Timestamp) -> Option<&Row> {
        self.rows.get(&id).filter(|row| !row.record.is_expired(now))
    }

    /// The session that a write may change, or `None` if the write comes too late (law 1).
    pub(super) fn guarded(&mut self, guard: Guard) -> Option<&mut Row> {
        let row = self.rows.get_mut(&guard.id)?;
        let current = row.record.generation == guard.generation;
        (current && !row.record.is_expired(guard.now)).then_some(row)
    }

    pub(super) fn add(&mut self, row: Row) {
        let record = &row.record;
        self.by_deadline.insert((record.deadline(), record.id));
        if let Some(user) = &record.user {
            self.by_user.entry(user.clone()).or_default().insert(record.id);
            self.named.insert(record.id);
            self.by_name.insert((name_of(record), Reverse(record.id)));
        }
        self.rows.insert(record.id, row);
    }

    pub(super) fn take(&mut self, id: SessionId) -> Option<Row> {
        let row = self.rows.remove(&id)?;
        let record = &row.record;
        self.by_deadline.remove(&(record.deadline(), id));
        if let Some(user) = &record.user {
            self.named.remove(&id);
            self.by_name.remove(&(name_of(record), Reverse(id)));
            if let Some(ids) = self.by_user.get_mut(user) {
                ids.remove(&id);
                if ids.is_empty() {
                    self.by_user.remove(user);
                }
            }
        }
        Some(row)
    }

    pub(super) fn epoch(&self, user: &UserId) -> u64 {
        self.everyone_epoch + self.user_epochs.get(user).copied().unwrap_or(0)
    }

    pub(super) fn ids_of(&self, user: &UserId) -> Vec<SessionId> {
        self.by_user.get(user).map_or_else(Vec::new, |ids| ids.iter().copied().collect())
    }
}

fn name_of(record: &Record) -> String {
    record.user_name.clone().unwrap_or_default()
}
