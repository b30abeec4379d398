use std::sync::Mutex;
use std::time::Duration;

use crate::{
    Answer, Bucket, Change, LogEntry, LogPage, Position, RevocationLog, StoreAnswer, StoreError,
    Timestamp,
};

/// A log in memory with one part, as in SQL, or one for each bucket, as in Redis.
#[derive(Debug)]
pub(super) struct TestLog(pub(super) Mutex<State>);

#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) incarnation: u64,
    parts: Vec<Vec<(u64, LogEntry)>>,
    heads: Vec<u64>,
    /// Up to here entries are missing.
    pub(super) floor: u64,
    /// Most entries of a page, whatever is asked.
    pub(super) most: usize,
    /// What an answer takes; for ever if it is more than an hour.
    pub(super) delay: Duration,
    pub(super) is_down: bool,
    /// How often it was asked.
    pub(super) asked: usize,
}

impl TestLog {
    pub(super) fn new(incarnation: u64, parts: usize) -> Self {
        Self(Mutex::new(State {
            incarnation,
            parts: vec![Vec::new(); parts],
            heads: vec![0; parts],
            floor: 0,
            most: usize::MAX,
            delay: Duration::ZERO,
            is_down: false,
            asked: 0,
        }))
    }

    pub(super) fn add(&self, entries: impl IntoIterator<Item = LogEntry>) {
        let mut state = self.0.lock().unwrap();
        entries.into_iter().for_each(|entry| state.add(&entry));
    }

    pub(super) fn set<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }

    /// A page, now.
    pub(super) fn page(&self, after: Option<&Position>, limit: usize) -> LogPage {
        self.0.lock().unwrap().page(after, limit)
    }
}

impl State {
    fn add(&mut self, entry: &LogEntry) {
        let bucket = match &entry.change {
            Change::Ended(id) | Change::Rotated(id, _) => Some(id.bucket()),
            Change::UserEnded { user, .. } | Change::UserChanged(user) => Some(Bucket::of(user)),
            Change::EveryoneEnded(_) | Change::KeyRetired(_) => None,
        };
        let several = self.parts.len() > 1;
        let parts = match bucket {
            Some(bucket) if several => bucket.index()..bucket.index() + 1,
            _ => 0..self.parts.len(),
        };
        for part in parts {
            self.heads[part] += 1;
            self.parts[part].push((self.heads[part], entry.clone()));
        }
    }

    pub(super) fn prune(&mut self, now: Timestamp) {
        self.parts.iter_mut().for_each(|part| part.retain(|(_, entry)| entry.until > now));
    }

    fn page(&self, after: Option<&Position>, limit: usize) -> LogPage {
        let start = vec![0; self.parts.len()];
        let is_known = |at: &&Position| {
            let mut numbers = at.parts.iter().zip(&self.heads);
            at.incarnation == self.incarnation
                && numbers.all(|(number, head)| (self.floor..=*head).contains(number))
        };
        let known = after.filter(is_known);
        let from = known.map_or(&start, |at| &at.parts);
        let (mut entries, mut parts, mut more) = (Vec::new(), Vec::new(), false);
        for ((part, from), head) in self.parts.iter().zip(from).zip(&self.heads) {
            let mut rest = part.iter().filter(|(number, _)| number > from).peekable();
            let mut last = *from;
            while entries.len() < limit.min(self.most) {
                let Some((number, entry)) = rest.next() else { break };
                last = *number;
                entries.push(entry.clone());
            }
            more |= rest.peek().is_some();
            parts.push(if rest.peek().is_some() { last } else { *head });
        }
        let next = Position { incarnation: self.incarnation, parts };
        LogPage { entries, next, more, gap: after.is_some() && known.is_none() }
    }
}

impl RevocationLog for TestLog {
    fn log_after(&self, after: Option<Position>, limit: u32) -> StoreAnswer<'_, LogPage> {
        let delay = self.set(|state| {
            state.asked += 1;
            state.delay
        });
        let answer = move || {
            let state = self.0.lock().unwrap();
            if state.is_down {
                return Err(StoreError::failed("read the log", "down"));
            }
            Ok(state.page(after.as_ref(), limit as usize))
        };
        if delay.is_zero() {
            return Answer::ready(answer());
        }
        Answer::pending(async move {
            let _ = tokio::time::timeout(delay, std::future::pending::<()>()).await;
            answer()
        })
    }
}
