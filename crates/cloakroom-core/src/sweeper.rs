use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::meters::Meters;
use crate::{Policy, SessionStore, StoreError, Sweep, Swept, Timestamp};

/// What the sweeper has done since the start, and what is left. For metrics and pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Expired sessions removed.
    pub sessions: u64,
    /// Entries of the history dropped.
    pub history: u64,
    /// Sweeps that failed; the next one tries again.
    pub errors: u64,
    /// Expired sessions still there after the last sweep, counted up to ten times the sessions of
    /// that sweep.
    pub backlog: u64,
    /// The deadline of the one that expired first, of those still there.
    pub oldest: Option<Timestamp>,
    /// When the last sweep ended without an error.
    pub last_success: Option<Timestamp>,
}

/// The longest pause between two batches.
const LONGEST_REST: Duration = Duration::from_secs(1);

/// What a batch may take before the next one is smaller: other writers wait for it.
const LONGEST_BATCH: Duration = Duration::from_millis(50);

/// Smaller batches are not made: each costs a commit.
const LEAST: u32 = 50;

/// Half as many after a slow batch, twice as many after a quick one.
fn next_size(size: u32, took: Duration, most: u32) -> u32 {
    let next = match took {
        slow if slow > LONGEST_BATCH => size / 2,
        quick if quick < LONGEST_BATCH / 2 => size.saturating_mul(2),
        _ => size,
    };
    next.clamp(LEAST.min(most), most)
}

/// Runs bounded batches and keeps the count.
#[derive(Debug, Default)]
pub(crate) struct Sweeper {
    report: Mutex<SweepReport>,
    /// Sessions of the next batch in the background; 0 before the first.
    size: AtomicU32,
}

impl Sweeper {
    pub(crate) fn report(&self) -> SweepReport {
        *self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many sessions a batch may end now that others should not wait for it long.
    pub(crate) fn size(&self, most: u32) -> u32 {
        self.size.load(Ordering::Relaxed).clamp(LEAST.min(most), most)
    }

    /// A batch of that size took so long.
    pub(crate) fn note(&self, size: u32, took: Duration, most: u32) {
        self.size.store(next_size(size, took, most), Ordering::Relaxed);
    }

    /// One batch of at most `limit`.
    pub(crate) async fn batch(
        &self,
        store: &dyn SessionStore,
        policy: &Policy,
        meters: &Meters,
        now: Timestamp,
        limit: u32,
    ) -> Result<Swept, StoreError> {
        let order = Sweep { now, history_before: now.before(policy.tombstones()), limit };
        let swept = store.sweep(order).await.inspect_err(|_| self.failed())?;
        self.add(swept, now);
        meters.swept(&swept);
        Ok(swept)
    }

    pub(crate) fn failed(&self) {
        self.report.lock().unwrap_or_else(PoisonError::into_inner).errors += 1;
    }

    fn add(&self, swept: Swept, now: Timestamp) {
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        report.sessions += swept.sessions;
        report.history += swept.history;
        report.backlog = swept.backlog;
        report.oldest = swept.oldest;
        report.last_success = Some(now);
    }
}

/// The pause after a batch that took so long, its wait for the store included: other writers and
/// the processor have their turn, the longer the busier the store is.
pub(crate) fn rest(took: Duration) -> Duration {
    took.min(LONGEST_REST)
}

/// Whether there may be more than a batch of at most `limit` found.
pub(crate) fn is_full(swept: Swept, limit: u32) -> bool {
    swept.sessions >= u64::from(limit) || swept.history >= u64::from(limit)
}

/// The pause before the next sweep: `interval` give or take a tenth, so that nodes drift apart.
pub(crate) fn jittered(interval: Duration) -> Duration {
    let mut byte = [128_u8];
    // Without a random byte the pause is exact, which is harmless.
    let _ = getrandom::fill(&mut byte);
    interval.mul_f64(0.9 + 0.2 * f64::from(byte[0]) / 255.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_become_as_large_as_others_can_wait_for() {
        let sweeper = Sweeper::default();
        assert_eq!(sweeper.size(500), LEAST);
        // So many milliseconds for a hundred sessions: a quick disk, a slow one, one that stalls.
        for (per_hundred, expected) in [(1, 500..=500), (40, 63..=125), (900, LEAST..=LEAST)] {
            for _ in 0..20 {
                let size = sweeper.size(500);
                sweeper.note(size, Duration::from_millis(per_hundred) * size / 100, 500);
            }
            assert!(expected.contains(&sweeper.size(500)), "{}", sweeper.size(500));
        }
    }

    #[test]
    fn no_batch_is_larger_than_the_policy_says() {
        let sweeper = Sweeper::default();
        for _ in 0..20 {
            assert_eq!(sweeper.size(3), 3);
            sweeper.note(3, Duration::ZERO, 3);
        }
    }
}
