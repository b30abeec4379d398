use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{SessionId, Timestamp, Touch};

/// Most sessions waiting for their "last seen" to be written; beyond it, uses are not noted.
const MOST_PENDING: usize = 100_000;

/// Uses of sessions not yet written: the latest of each. Only verified sessions get here, so a
/// stranger cannot fill it.
#[derive(Debug, Default)]
pub(crate) struct Touches(Mutex<HashMap<SessionId, Timestamp>>);

impl Touches {
    pub(crate) fn note(&self, id: SessionId, seen_at: Timestamp) {
        let mut pending = self.pending();
        if pending.len() < MOST_PENDING || pending.contains_key(&id) {
            let latest = pending.entry(id).or_insert(seen_at);
            *latest = seen_at.max(*latest);
        }
    }

    /// Whether a use of this session waits to be written.
    pub(crate) fn has(&self, id: SessionId) -> bool {
        self.pending().contains_key(&id)
    }

    /// Those of the chosen sessions that wait, sorted by id so that concurrent writers of batches
    /// cannot deadlock. They wait on until they are [`Touches::written`].
    pub(crate) fn batch(&self, chosen: impl Fn(SessionId) -> bool) -> Vec<Touch> {
        let pending = self.pending();
        let touches = pending.iter().filter(|(id, _)| chosen(**id));
        let touches = touches.map(|(id, seen_at)| Touch { id: *id, seen_at: *seen_at });
        let mut batch: Vec<_> = touches.collect();
        drop(pending);
        batch.sort_by_key(|touch| touch.id);
        batch
    }

    /// Forgets a batch that the store has; later uses of the same sessions stay.
    pub(crate) fn written(&self, batch: &[Touch]) {
        let mut pending = self.pending();
        for touch in batch {
            if pending.get(&touch.id) == Some(&touch.seen_at) {
                pending.remove(&touch.id);
            }
        }
    }

    fn pending(&self) -> MutexGuard<'_, HashMap<SessionId, Timestamp>> {
        // Every step under this lock leaves a map that is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_waits_until_it_is_written_and_a_later_one_waits_on() {
        let (touches, first) = (Touches::default(), Timestamp::from_unix_millis(1_000));
        let (id, later) = (SessionId::new(None, first), Timestamp::from_unix_millis(2_000));
        touches.note(id, first);
        let batch = touches.batch(|_| true);
        assert!(touches.has(id));
        touches.note(id, later);
        touches.written(&batch);
        assert_eq!(touches.batch(|it| it == id)[0].seen_at, later);
        assert!(touches.batch(|it| it != id).is_empty());
        touches.written(&touches.batch(|_| true));
        assert!(!touches.has(id));
    }
}
