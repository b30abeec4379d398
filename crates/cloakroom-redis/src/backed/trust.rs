use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cloakroom_core::{Clock, SessionId, SystemClock, Timestamp};

/// How long the cache is used after the log was last asked for and applied.
pub(super) const LEASE: Duration = Duration::from_secs(2);

/// More than so many sessions that Redis was not told of count as all.
const MOST_UNTOLD: usize = 10_000;

/// Whether the cache can be relied upon.
#[derive(Debug, Default)]
pub(super) struct Trust {
    // Counts suspension too: a machine that slept has missed what happened meanwhile.
    clock: SystemClock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The life of the server whose cache is in use, and when the last round that applied the log
    /// to it began.
    followed: Option<(String, Timestamp)>,
    untold: Untold,
}

/// What has changed in the backing store without Redis having been told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Untold {
    pub(super) sessions: BTreeSet<SessionId>,
    pub(super) all: bool,
    /// How often something was noted, since one session may change twice.
    noted: u64,
}

impl Untold {
    fn is_empty(&self) -> bool {
        self.sessions.is_empty() && !self.all
    }
}

impl Trust {
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whether what was just read from this life of the server counts.
    pub(super) fn covers(&self, life: &str) -> bool {
        let state = self.state();
        let followed = state.followed.as_ref().filter(|(followed, _)| followed == life);
        state.untold.is_empty() && followed.is_some_and(|(_, at)| self.now().since(*at) < LEASE)
    }

    /// The log was applied to this life of the server; asking for it began at `began`.
    pub(super) fn followed(&self, life: &str, began: Timestamp) {
        self.state().followed = Some((life.to_owned(), began));
    }

    /// Redis was not told of a change to these sessions; of `None`, to any.
    pub(super) fn note_untold(&self, sessions: Option<&[SessionId]>) {
        let untold = &mut self.state().untold;
        untold.noted += 1;
        match sessions {
            Some(ids) => untold.sessions.extend(ids),
            None => untold.all = true,
        }
        if untold.sessions.len() > MOST_UNTOLD {
            untold.sessions.clear();
            untold.all = true;
        }
    }

    pub(super) fn untold(&self) -> Option<Untold> {
        let state = self.state();
        (!state.untold.is_empty()).then(|| state.untold.clone())
    }

    /// Redis was told of this much.
    pub(super) fn told(&self, told: &Untold) {
        let untold = &mut self.state().untold;
        // What came in meanwhile may be newer than what was told.
        if untold == told {
            *untold = Untold::default();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No step under the lock leaves it half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_life_that_is_followed_is_trusted_and_not_for_long() {
        let trust = Trust::default();
        assert!(!trust.covers("a"));
        trust.followed("a", trust.now());
        assert!(trust.covers("a") && !trust.covers("b"));
        trust.followed("a", trust.now().before(LEASE));
        assert!(!trust.covers("a"));
    }

    #[test]
    fn nothing_is_trusted_while_redis_is_not_told_of_a_change() {
        let trust = Trust::default();
        trust.followed("a", trust.now());
        let ids = [1, 2].map(|byte| SessionId::from_bytes([byte; 16]));
        trust.note_untold(Some(&ids[..1]));
        assert!(!trust.covers("a"));
        let first = trust.untold().unwrap();
        trust.note_untold(Some(&ids));
        trust.told(&first);
        assert!(!trust.covers("a"), "one more came in meanwhile");
        let second = trust.untold().unwrap();
        trust.note_untold(Some(&ids));
        trust.told(&second);
        assert!(!trust.covers("a"), "they changed again meanwhile");
        trust.told(&trust.untold().unwrap());
        assert!(trust.covers("a"));
        trust.note_untold(None);
        assert!(!trust.covers("a"));
    }
}
