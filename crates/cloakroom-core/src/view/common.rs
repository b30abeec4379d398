use std::collections::HashMap;

use super::claimed::number_of;
use super::deadline::Deadline;
use crate::{Bucket, Timestamp};

/// What the log says of all sessions alike. Every shard points to the same one.
#[derive(Clone, Debug, Default)]
pub(super) struct Common {
    /// Which life of the log this is from; `None` before one was read.
    pub(super) incarnation: Option<u64>,
    everyone: Option<Everyone>,
    keys: HashMap<Box<str>, Deadline>,
}

/// The ends of everyone.
#[derive(Clone, Debug)]
struct Everyone {
    /// The part of epochs that counts them.
    epoch: u64,
    /// How far the log was at the last one.
    parts: Vec<u64>,
    until: Deadline,
}

impl Common {
    pub(super) fn of(incarnation: u64) -> Self {
        Self { incarnation: Some(incarnation), ..Self::default() }
    }

    pub(super) fn retire(&mut self, key: &str, until: Deadline) {
        let kept = self.keys.entry(key.into()).or_insert(until);
        *kept = until.max(*kept);
    }

    pub(super) fn end_everyone(&mut self, epoch: u64, parts: &[u64], until: Deadline) {
        let before = self.everyone.take();
        let mut now = Everyone { epoch, parts: parts.to_vec(), until };
        if let Some(before) = before {
            now.epoch = now.epoch.max(before.epoch);
            now.until = now.until.max(before.until);
            for (now, before) in now.parts.iter_mut().zip(before.parts) {
                *now = before.max(*now);
            }
        }
        self.everyone = Some(now);
    }

    pub(super) fn is_retired(&self, key: &str) -> bool {
        !self.keys.is_empty() && self.keys.contains_key(key)
    }

    /// Whether a user's session with this epoch in its claims ended with everyone for certain.
    pub(super) fn has_ended(&self, epoch: u64) -> bool {
        self.everyone.as_ref().is_some_and(|everyone| epoch < everyone.epoch)
    }

    /// Whether everyone may have ended after the log was that far.
    pub(super) fn may_have_ended(&self, bucket: Bucket, number: u64) -> bool {
        let last = |it: &Everyone| number_of(&it.parts, bucket).unwrap_or(u64::MAX);
        self.everyone.as_ref().is_some_and(|everyone| last(everyone) > number)
    }

    /// What is left at `now`; `None` if that is all.
    pub(super) fn pruned(&self, now: Timestamp) -> Option<Self> {
        let everyone_passed = self.everyone.as_ref().is_some_and(|it| it.until.has_passed(now));
        if !everyone_passed && !self.keys.values().any(|until| until.has_passed(now)) {
            return None;
        }
        let mut left = self.clone();
        left.everyone = left.everyone.filter(|_| !everyone_passed);
        left.keys.retain(|_, until| !until.has_passed(now));
        Some(left)
    }

    pub(super) fn keys(&self) -> usize {
        self.keys.len()
    }
}
