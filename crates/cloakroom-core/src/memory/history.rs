use std::collections::{BTreeMap, BTreeSet};
use std::hash::RandomState;
use std::ops::Bound;
use std::sync::Arc;

use super::account::{Account, allocation, in_tree};
use super::ended::Entry;
use super::shard::{FIRST, LAST, hash};
use super::strings::Strings;
use crate::{EndedSession, SessionId, Timestamp};

/// The sessions of one shard that ended; those of visitors apart, which no list shows.
pub(super) struct History {
    named: BTreeMap<SessionId, Entry>,
    anonymous: BTreeMap<SessionId, Entry>,
    by_name: BTreeSet<(u32, SessionId)>,
    /// By the moment of the end: of logins, of visitors.
    order: [BTreeSet<(Timestamp, SessionId)>; 2],
    account: Arc<Account>,
    hasher: RandomState,
}

impl History {
    pub(super) fn new(account: Arc<Account>, hasher: RandomState) -> Self {
        Self {
            named: BTreeMap::new(),
            anonymous: BTreeMap::new(),
            by_name: BTreeSet::new(),
            order: Default::default(),
            account,
            hasher,
        }
    }

    pub(super) fn holds(&self, id: SessionId) -> bool {
        self.entry(id).is_some()
    }

    fn entry(&self, id: SessionId) -> Option<&Entry> {
        self.named.get(&id).or_else(|| self.anonymous.get(&id))
    }

    pub(super) fn add(&mut self, ended: &EndedSession, strings: &mut Strings) {
        let (entry, taken) = Entry::pack(ended, strings);
        self.account.charge(taken);
        self.put(ended, entry);
    }

    /// Adds an entry whose user agent is counted already.
    pub(super) fn put(&mut self, ended: &EndedSession, entry: Entry) {
        self.account.charge(cost(&entry, ended.user.is_some()));
        let id = ended.id;
        self.order[usize::from(ended.user.is_none())].insert((ended.ended_at, id));
        match ended.user {
            None => self.anonymous.insert(id, entry),
            Some(_) => {
                let name = ended.user_name.as_deref().unwrap_or_default();
                self.by_name.insert((hash(&self.hasher, name), id));
                self.named.insert(id, entry)
            }
        };
    }

    pub(super) fn ended(&self, id: SessionId, strings: &Strings) -> Option<EndedSession> {
        Some(self.entry(id)?.unpack(id, strings))
    }

    /// The ids before `before` of logins whose name may be `name`, the newest first.
    pub(super) fn newest(
        &self,
        name: Option<&str>,
        before: SessionId,
        most: usize,
    ) -> Vec<SessionId> {
        match name {
            None => self.named.range(..before).rev().take(most).map(|(id, _)| *id).collect(),
            Some(name) => {
                let hash = hash(&self.hasher, name);
                let of_name = self.by_name.range((hash, FIRST)..(hash, before));
                of_name.rev().take(most).map(|(_, id)| *id).collect()
            }
        }
    }

    /// The ends behind `after` in their order, at most `most`.
    pub(super) fn oldest(
        &self,
        anonymous: bool,
        after: Option<(Timestamp, SessionId)>,
        most: usize,
    ) -> Vec<(Timestamp, SessionId)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let order = self.order[usize::from(anonymous)].range((from, Bound::Unbounded));
        order.take(most).copied().collect()
    }

    /// The same of logins and visitors together.
    pub(super) fn oldest_of_all(
        &self,
        after: Option<(Timestamp, SessionId)>,
        most: usize,
    ) -> Vec<(Timestamp, SessionId)> {
        let mut oldest = self.oldest(false, after, most);
        oldest.extend(self.oldest(true, after, most));
        oldest.sort_unstable();
        oldest.truncate(most);
        oldest
    }

    /// Drops an entry; true if it was there.
    pub(super) fn forget(&mut self, id: SessionId, strings: &mut Strings) -> bool {
        let Some(ended) = self.ended(id, strings) else { return false };
        let named = ended.user.is_some();
        self.order[usize::from(!named)].remove(&(ended.ended_at, id));
        let entry = if named {
            let name = ended.user_name.as_deref().unwrap_or_default();
            self.by_name.remove(&(hash(&self.hasher, name), id));
            self.named.remove(&id)
        } else {
            self.anonymous.remove(&id)
        };
        if let Some(entry) = entry {
            let freed = entry.agent(id, strings).map_or(0, |agent| strings.release(agent));
            self.account.refund(cost(&entry, named) + freed);
        }
        true
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (SessionId, &Entry)> {
        self.named.iter().chain(&self.anonymous).map(|(id, entry)| (*id, entry))
    }
}

fn cost(entry: &Entry, named: bool) -> usize {
    let by_name = if named { in_tree(20) } else { 0 };
    allocation(entry.bytes().len()) + in_tree(32) + in_tree(24) + by_name
}

/// Behind every id, so that nothing is left out.
pub(super) const NEWEST: SessionId = LAST;
