use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::account::{Account, allocation, in_tree};
use crate::{Change, LogEntry, LogPage, Position, SessionId, Timestamp};

/// Entries that are never dropped for want of memory, so that whoever follows keeps up.
const LEAST_KEPT: usize = 4_096;

/// The log of a store in memory: one for all shards, in one order.
pub(super) struct Log {
    pub(super) incarnation: u64,
    pub(super) head: u64,
    /// Up to here entries were dropped that may still be needed.
    pub(super) floor: u64,
    entries: BTreeMap<u64, LogEntry>,
    by_until: BTreeSet<(Timestamp, u64)>,
    account: Arc<Account>,
}

/// Another number in every process, which is all it has to be.
pub(super) fn fresh_incarnation() -> u64 {
    let mut bytes = [0; 8];
    let id = SessionId::new(None, Timestamp::default());
    bytes.copy_from_slice(&id.as_bytes()[8..]);
    u64::from_be_bytes(bytes)
}

impl Log {
    pub(super) fn new(account: Arc<Account>) -> Self {
        Self {
            incarnation: fresh_incarnation(),
            head: 0,
            floor: 0,
            entries: BTreeMap::new(),
            by_until: BTreeSet::new(),
            account,
        }
    }

    pub(super) fn append(&mut self, change: Change, until: Timestamp) {
        self.head += 1;
        self.put(self.head, LogEntry { change, until });
    }

    pub(super) fn put(&mut self, number: u64, entry: LogEntry) {
        self.account.charge(cost(&entry));
        self.by_until.insert((entry.until, number));
        self.entries.insert(number, entry);
    }

    pub(super) fn after(&self, after: Option<&Position>, limit: u32) -> LogPage {
        let at = after.map_or(Some(0), |position| self.number(position));
        let (from, gap) = (at.unwrap_or(0), at.is_none());
        let limit = limit.max(1) as usize;
        let mut rows = self.entries.range(from + 1..);
        let page: Vec<_> = rows.by_ref().take(limit).collect();
        let more = rows.next().is_some();
        let last = page.last().filter(|_| more).map_or(self.head, |(number, _)| **number);
        let next = Position { incarnation: self.incarnation, parts: vec![last] };
        let entries = page.into_iter().map(|(_, entry)| entry.clone()).collect();
        LogPage { entries, next, more, gap }
    }

    /// How far a position is; `None` if the log cannot be followed from it.
    fn number(&self, position: &Position) -> Option<u64> {
        match position.parts[..] {
            [number] if position.incarnation == self.incarnation => Some(number),
            _ => None,
        }
        .filter(|number| (self.floor..=self.head).contains(number))
    }

    /// Drops entries that no credential can need any more, at most `limit`.
    pub(super) fn prune(&mut self, now: Timestamp, limit: usize) {
        for _ in 0..limit {
            match self.by_until.first() {
                Some((until, number)) if *until <= now => self.drop_entry(*number),
                _ => return,
            }
        }
    }

    /// Drops the oldest entry for want of memory; false if none is old enough.
    pub(super) fn give_way(&mut self) -> bool {
        let oldest = self.entries.keys().next().copied();
        let Some(number) = oldest.filter(|_| self.entries.len() > LEAST_KEPT) else { return false };
        self.floor = number;
        self.drop_entry(number);
        true
    }

    fn drop_entry(&mut self, number: u64) {
        if let Some(entry) = self.entries.remove(&number) {
            self.by_until.remove(&(entry.until, number));
            self.account.refund(cost(&entry));
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (u64, &LogEntry)> {
        self.entries.iter().map(|(number, entry)| (*number, entry))
    }
}

fn cost(entry: &LogEntry) -> usize {
    let name = match &entry.change {
        Change::UserEnded { user, .. } | Change::UserChanged(user) => user.as_str().len(),
        Change::KeyRetired(key) => key.len(),
        _ => 0,
    };
    in_tree(80) + in_tree(16) + allocation(name)
}

#[cfg(test)]
mod tests {
    use super::super::MemoryOptions;
    use super::*;

    #[test]
    fn entries_dropped_for_want_of_memory_are_a_gap() {
        let mut log = Log::new(Arc::new(Account::new(&MemoryOptions::default())));
        let entries = LEAST_KEPT as u64 + 10;
        (0..entries).for_each(|number| log.append(Change::EveryoneEnded(number), FAR));
        let at = |number| Position { incarnation: log.incarnation, parts: vec![number] };
        let (before, within, head) = (at(5), at(10), at(entries));
        while log.give_way() {}
        assert!(log.after(Some(&before), 10).gap);
        for position in [within, head] {
            assert!(!log.after(Some(&position), 10).gap, "{position}");
        }
        assert_eq!(log.all().count(), LEAST_KEPT);
        log.prune(FAR, 10_000);
        assert_eq!(log.account.bytes(), 0);
    }

    const FAR: Timestamp = Timestamp::from_unix_millis(1 << 50);
}
