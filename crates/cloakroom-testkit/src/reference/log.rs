use std::collections::BTreeMap;

use cloakroom_core::{Change, LogEntry, LogPage, Position, SessionId, Timestamp};

/// The log of a store in memory.
pub(super) struct Log {
    incarnation: u64,
    head: u64,
    entries: BTreeMap<u64, LogEntry>,
}

impl Default for Log {
    fn default() -> Self {
        // Another one in every process, which is all it has to be.
        let incarnation = u64::from_be_bytes(random());
        Self { incarnation, head: 0, entries: BTreeMap::new() }
    }
}

fn random() -> [u8; 8] {
    let id = SessionId::new(None, Timestamp::default());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&id.as_bytes()[8..]);
    bytes
}

impl Log {
    pub(super) fn append(&mut self, change: Change, until: Timestamp) {
        self.head += 1;
        self.entries.insert(self.head, LogEntry { change, until });
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

    /// How far a position is; `None` if it is none of this log.
    fn number(&self, position: &Position) -> Option<u64> {
        match position.parts[..] {
            [number] if position.incarnation == self.incarnation => Some(number),
            _ => None,
        }
        .filter(|number| *number <= self.head)
    }

    /// Drops entries that no credential can need any more, at most `limit`.
    pub(super) fn prune(&mut self, now: Timestamp, limit: usize) {
        let stale = self.entries.iter().filter(|(_, entry)| entry.until <= now);
        let stale: Vec<u64> = stale.map(|(number, _)| *number).take(limit).collect();
        for number in stale {
            self.entries.remove(&number);
        }
    }
}
