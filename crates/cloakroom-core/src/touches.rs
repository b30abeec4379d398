use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::{SessionId, Timestamp, Touch};

/// Most sessions waiting for their "last seen" to be written; beyond it, uses are not noted.
const MOST_PENDING: usize = 100_000;

/// Uses of sessions not yet written: the latest of each. Only verified sessions get here, so a
/// stranger cannot fill it.
#[derive(Debug, Default)]
pub(crate) struct Touches(Mutex<HashMap<SessionId, Timestamp>>);

impl Touches {
    pub(crate) fn note(&self, id: SessionId, seen_at: Timestamp) {
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.len() < MOST_PENDING || pending.contains_key(&id) {
            let latest = pending.entry(id).or_insert(seen_at);
            *latest = seen_at.max(*latest);
        }
    }

    /// Takes all, sorted by id so that concurrent writers of batches cannot deadlock.
    pub(crate) fn take(&self) -> Vec<Touch> {
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut batch: Vec<_> = pending
            .drain()
            .map(|(id, seen_at)| Touch { id, seen_at })
            .collect();
        drop(pending);
        batch.sort_by_key(|touch| touch.id);
        batch
    }

    /// Takes a batch back that could not be written.
    pub(crate) fn put_back(&self, batch: &[Touch]) {
        for touch in batch {
            self.note(touch.id, touch.seen_at);
        }
    }
}
