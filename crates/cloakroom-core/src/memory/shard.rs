use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::ops::Bound;
use std::sync::Arc;

use super::account::{Account, Credit, allocation, in_tree};
use super::bytes::{Malformed, Read};
use super::history::History;
use super::row::{Head, Packed, Row};
use super::strings::Strings;
use super::{MemoryOptions, WhenFull};
use crate::{Guard, Record, SessionId, StoreError, Timestamp, UserId};

/// Stale places in the order of deadlines that are mended under one lock.
const MOST_MENDED: usize = 32;

/// The sessions of one bucket, with all that is kept of them. The indexes follow the rows.
pub(super) struct Shard {
    /// Set once the sessions were saved: what is written after that would be lost.
    pub(super) closed: bool,
    /// Of the last insert. What an end concerns is told from what came after it by this.
    pub(super) serial: u64,
    /// How often everyone's sessions were ended.
    pub(super) everyone: u64,
    /// How often those of single users were.
    pub(super) epochs: HashMap<UserId, u64>,
    pub(super) named: BTreeMap<SessionId, Row>,
    pub(super) anonymous: BTreeMap<SessionId, Row>,
    by_user: BTreeSet<(u32, SessionId)>,
    pub(super) by_name: BTreeSet<(Box<str>, Reverse<SessionId>)>,
    by_deadline: BTreeSet<(Timestamp, SessionId)>,
    /// By last use; kept only where the least recently used may have to go.
    by_use: Option<[BTreeSet<(Timestamp, SessionId)>; 2]>,
    pub(super) history: History,
    pub(super) strings: Strings,
    pub(super) account: Arc<Account>,
    hasher: RandomState,
}

/// A session ready to be added.
pub(super) struct Ready {
    pub(super) row: Row,
    /// Memory of its row, its places in the indexes and the texts that came with it.
    pub(super) cost: usize,
}

impl Shard {
    pub(super) fn new(options: &MemoryOptions, account: Arc<Account>, hasher: RandomState) -> Self {
        let by_use = options.when_full == WhenFull::EndLeastRecentlyUsed;
        Self {
            closed: false,
            serial: 0,
            everyone: 0,
            epochs: HashMap::new(),
            named: BTreeMap::new(),
            anonymous: BTreeMap::new(),
            by_user: BTreeSet::new(),
            by_name: BTreeSet::new(),
            by_deadline: BTreeSet::new(),
            by_use: by_use.then(Default::default),
            history: History::new(Arc::clone(&account), hasher.clone()),
            strings: Strings::default(),
            account,
            hasher,
        }
    }

    /// An error once the sessions were saved.
    pub(super) fn check_open(&self, operation: &'static str) -> Result<(), StoreError> {
        if self.closed {
            return Err(StoreError::failed(
                operation,
                "the sessions in memory were saved for good",
            ));
        }
        Ok(())
    }

    pub(super) fn row(&self, id: SessionId) -> Option<&Row> {
        self.named.get(&id).or_else(|| self.anonymous.get(&id))
    }

    fn row_mut(&mut self, id: SessionId) -> Option<&mut Row> {
        self.named.get_mut(&id).or_else(|| self.anonymous.get_mut(&id))
    }

    pub(super) fn live(&self, id: SessionId, now: Timestamp) -> Option<(&Row, Head)> {
        let row = self.row(id)?;
        let head = row.head(id);
        (!head.is_expired(now)).then_some((row, head))
    }

    pub(super) fn record(&self, id: SessionId, now: Timestamp) -> Option<Record> {
        let (row, _) = self.live(id, now)?;
        Some(row.record(id, &self.strings))
    }

    /// The session that a write may change, or `None` if the write comes too late (law 1).
    pub(super) fn guarded(&self, guard: Guard) -> Option<&Row> {
        let (row, head) = self.live(guard.id, guard.now)?;
        (head.generation == guard.generation).then_some(row)
    }

    /// Whether the id is in use or was.
    pub(super) fn knows(&self, id: SessionId) -> bool {
        self.row(id).is_some() || self.history.holds(id)
    }

    /// Packs a session that may come to be added.
    pub(super) fn ready(&mut self, record: &Record, data: &[u8]) -> Ready {
        self.serial += 1;
        let Packed { row, strings } = Row::pack(record, self.serial, data, &mut self.strings);
        let name = record.user_name.as_ref().map_or(0, String::len);
        let cost = self.cost(row.bytes().len(), record.user.is_some(), name) + strings;
        Ready { row, cost }
    }

    /// A session that does not come to be added.
    pub(super) fn discard(&mut self, id: SessionId, ready: &Ready) {
        self.release(&ready.row, &ready.row.head(id));
    }

    /// What a row takes besides shared texts.
    fn cost(&self, row: usize, named: bool, name: usize) -> usize {
        let by_use = if self.by_use.is_some() { in_tree(24) } else { 0 };
        let all = allocation(row) + in_tree(32) + in_tree(24) + by_use;
        if named { all + in_tree(20) + in_tree(32) + allocation(name) } else { all }
    }

    fn cost_of(&self, row: &Row, head: &Head) -> usize {
        let name = row.parts(head).name.map_or(0, str::len);
        self.cost(row.bytes().len(), !head.is_anonymous(), name)
    }

    /// What goes when a session does, at least.
    pub(super) fn credit(&self, id: SessionId) -> Credit {
        let Some(row) = self.row(id) else { return Credit::default() };
        let head = row.head(id);
        Credit {
            sessions: 1,
            anonymous: u64::from(head.is_anonymous()),
            bytes: self.cost_of(row, &head),
        }
    }

    /// Adds a session for which a place was claimed.
    pub(super) fn add(&mut self, id: SessionId, row: Row) {
        let head = row.head(id);
        self.by_deadline.insert((row.due(), id));
        if let Some(by_use) = &mut self.by_use {
            by_use[usize::from(head.is_anonymous())].insert((head.last_seen_at, id));
        }
        match row.parts(&head).user {
            None => self.anonymous.insert(id, row),
            Some(user) => {
                self.by_user.insert((hash(&self.hasher, user), id));
                self.by_name.insert((name_of(&row, &head), Reverse(id)));
                self.named.insert(id, row)
            }
        };
    }

    /// Adds all sessions of a shard that has none, whatever the caps say.
    pub(super) fn fill(&mut self, rows: Vec<(SessionId, Row)>) -> Read<()> {
        let (mut named, mut anonymous) = (Vec::new(), Vec::new());
        let (mut by_user, mut by_name, mut by_deadline) = (Vec::new(), Vec::new(), Vec::new());
        let count = rows.len();
        for (id, mut row) in rows {
            let head = row.head(id);
            self.account.admit(head.is_anonymous());
            self.account.charge(self.cost_of(&row, &head));
            row.set_due(head.deadline());
            by_deadline.push((head.deadline(), id));
            if let Some(by_use) = &mut self.by_use {
                by_use[usize::from(head.is_anonymous())].insert((head.last_seen_at, id));
            }
            match row.user(&head) {
                None => anonymous.push((id, row)),
                Some(user) => {
                    by_user.push((hash(&self.hasher, user), id));
                    by_name.push((name_of(&row, &head), Reverse(id)));
                    named.push((id, row));
                }
            }
        }
        // Made from sorted lists, trees are full.
        self.named = named.into_iter().collect();
        self.anonymous = anonymous.into_iter().collect();
        self.by_user = by_user.into_iter().collect();
        self.by_name = by_name.into_iter().collect();
        self.by_deadline = by_deadline.into_iter().collect();
        if self.by_deadline.len() == count && self.named.len() + self.anonymous.len() == count {
            Ok(())
        } else {
            Err(Malformed)
        }
    }

    /// Takes a session out, with its place. Its shared texts are still counted as used.
    pub(super) fn take(&mut self, id: SessionId) -> Option<(Row, Head)> {
        let row = self.named.remove(&id).or_else(|| self.anonymous.remove(&id))?;
        let head = row.head(id);
        self.by_deadline.remove(&(row.due(), id));
        if let Some(by_use) = &mut self.by_use {
            by_use[usize::from(head.is_anonymous())].remove(&(head.last_seen_at, id));
        }
        if let Some(user) = row.user(&head) {
            self.by_user.remove(&(hash(&self.hasher, user), id));
            self.by_name.remove(&(name_of(&row, &head), Reverse(id)));
        }
        self.account.leave(head.is_anonymous());
        self.account.refund(self.cost_of(&row, &head));
        Some((row, head))
    }

    /// The shared texts of a row that is gone.
    pub(super) fn release(&mut self, row: &Row, head: &Head) -> usize {
        row.shared(head).map(|index| self.strings.release(index)).sum()
    }

    /// Changes a record in place. Nothing that an index knows may change but the groups.
    pub(super) fn rewrite(&mut self, id: SessionId, change: impl FnOnce(&mut Record)) {
        let row = self.named.get(&id).or_else(|| self.anonymous.get(&id));
        let Some(row) = row else { return };
        let (head, due) = (row.head(id), row.due());
        let mut record = row.record(id, &self.strings);
        change(&mut record);
        let Packed { row: mut after, strings } =
            Row::pack(&record, head.serial, row.data(), &mut self.strings);
        after.set_due(due);
        self.account.charge(allocation(after.bytes().len()) + strings);
        let Some(before) = self.row_mut(id).map(|row| std::mem::replace(row, after)) else {
            return;
        };
        let freed = self.release(&before, &head);
        self.account.refund(allocation(before.bytes().len()) + freed);
    }

    /// Replaces a session's data by others that were accounted for.
    pub(super) fn set_data(&mut self, id: SessionId, data: &[u8]) {
        if let Some(row) = self.row_mut(id) {
            *row = row.with_data(data);
        }
    }

    /// True if it moved "last seen". The order of deadlines learns of it when the old deadline
    /// comes.
    pub(super) fn touch(&mut self, id: SessionId, now: Timestamp, seen_at: Timestamp) -> bool {
        let Some((_, head)) = self.live(id, now) else { return false };
        if head.last_seen_at >= seen_at {
            return false;
        }
        if let Some(by_use) = &mut self.by_use {
            let by_use = &mut by_use[usize::from(head.is_anonymous())];
            by_use.remove(&(head.last_seen_at, id));
            by_use.insert((seen_at, id));
        }
        if let Some(row) = self.row_mut(id) {
            row.seen(seen_at);
        }
        true
    }

    /// The next expired sessions behind `after` in the order of their deadlines, at most `most`,
    /// and whether there can be more.
    pub(super) fn expired(
        &mut self,
        after: Option<(Timestamp, SessionId)>,
        now: Timestamp,
        most: usize,
    ) -> (Vec<(Timestamp, SessionId)>, bool) {
        let (mut found, mut mended) = (Vec::new(), 0);
        let mut from = after.map_or(Bound::Unbounded, Bound::Excluded);
        while found.len() < most && mended < MOST_MENDED {
            let mut behind = self.by_deadline.range((from, Bound::Unbounded));
            let Some(&(due, id)) = behind.next().filter(|(due, _)| *due <= now) else {
                return (found, false);
            };
            if self.mend(due, id) {
                mended += 1;
            } else {
                found.push((due, id));
                from = Bound::Excluded((due, id));
            }
        }
        (found, true)
    }

    /// Moves a session that was used to its deadline; false if it is there already.
    fn mend(&mut self, due: Timestamp, id: SessionId) -> bool {
        let deadline = self.row(id).map(|row| row.head(id).deadline());
        if deadline == Some(due) {
            return false;
        }
        self.by_deadline.remove(&(due, id));
        if let (Some(deadline), Some(row)) = (deadline, self.row_mut(id)) {
            row.set_due(deadline);
            self.by_deadline.insert((deadline, id));
        }
        true
    }

    /// The session not used for longest.
    pub(super) fn least_recent(
        &self,
        anonymous: bool,
    ) -> impl Iterator<Item = (Timestamp, SessionId)> {
        let by_use = self.by_use.iter().map(move |by_use| &by_use[usize::from(anonymous)]);
        by_use.flatten().copied()
    }

    pub(super) fn epoch(&self, user: &UserId) -> u64 {
        self.everyone + self.epochs.get(user).copied().unwrap_or(0)
    }

    /// Sets the part of a user's epoch that is the user's own, unless it is higher already.
    pub(super) fn set_epoch(&mut self, user: &UserId, own: u64) {
        match self.epochs.get_mut(user) {
            Some(epoch) => *epoch = own.max(*epoch),
            None => {
                self.account.charge(allocation(user.as_str().len()) + in_tree(32));
                self.epochs.insert(user.clone(), own);
            }
        }
    }

    /// Makes a user's epoch at least this.
    pub(super) fn raise_epoch(&mut self, user: &UserId, least: u64) {
        if self.epoch(user) < least {
            self.set_epoch(user, least - self.everyone);
        }
    }

    /// All of a user's sessions, the oldest first.
    pub(super) fn ids_of(&self, user: &UserId) -> impl DoubleEndedIterator<Item = SessionId> {
        let hash = hash(&self.hasher, user.as_str());
        let all = self.by_user.range((hash, FIRST)..=(hash, LAST)).map(|(_, id)| *id);
        all.filter(move |id| {
            let row = self.named.get(id);
            row.is_some_and(|row| row.user(&row.head(*id)) == Some(user.as_str()))
        })
    }
}

/// Sorts before every id that can be issued.
pub(super) const FIRST: SessionId = SessionId::from_bytes([0; 16]);
/// Sorts behind every id that can be issued.
pub(super) const LAST: SessionId = SessionId::from_bytes([0xff; 16]);

/// Short, to find by; equal ones are told apart by their rows.
pub(super) fn hash(hasher: &RandomState, text: &str) -> u32 {
    hasher.hash_one(text) as u32
}

fn name_of(row: &Row, head: &Head) -> Box<str> {
    row.parts(head).name.unwrap_or_default().into()
}
