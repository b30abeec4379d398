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
    /// Expired sessions still there after the last sweep, counted up to ten batches.
    pub backlog: u64,
    /// The deadline of the one that expired first, of those still there.
    pub oldest: Option<Timestamp>,
    /// When the last sweep ended without an error.
    pub last_success: Option<Timestamp>,
}

/// Runs bounded batches and keeps the count.
#[derive(Debug, Default)]
pub(crate) struct Sweeper(Mutex<SweepReport>);

impl Sweeper {
    pub(crate) fn report(&self) -> SweepReport {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Batches until nothing expired is left. `total` is what they came to, also when the last
    /// one failed.
    pub(crate) async fn run(
        &self,
        store: &dyn SessionStore,
        policy: &Policy,
        meters: &Meters,
        now: Timestamp,
        total: &mut Swept,
    ) -> Result<(), StoreError> {
        let order = Sweep {
            now,
            history_before: now.before(policy.history),
            limit: policy.sweep_batch.max(1),
        };
        loop {
            match store.sweep(order).await {
                Ok(swept) => {
                    self.add(swept, now);
                    meters.swept(&swept);
                    total.sessions += swept.sessions;
                    total.idle += swept.idle;
                    let full = u64::from(order.limit);
                    if swept.sessions < full && swept.history < full {
                        return Ok(());
                    }
                }
                Err(error) => {
                    self.failed();
                    return Err(error);
                }
            }
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn failed(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).errors += 1;
    }

    fn add(&self, swept: Swept, now: Timestamp) {
        let mut report = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        report.sessions += swept.sessions;
        report.history += swept.history;
        report.backlog = swept.backlog;
        report.oldest = swept.oldest;
        report.last_success = Some(now);
    }
}

/// The pause before the next sweep: `interval` give or take a tenth, so that nodes drift apart.
pub(crate) fn jittered(interval: Duration) -> Duration {
    let mut byte = [128_u8];
    // Without a random byte the pause is exact, which is harmless.
    let _ = getrandom::fill(&mut byte);
    interval.mul_f64(0.9 + 0.2 * f64::from(byte[0]) / 255.0)
}
