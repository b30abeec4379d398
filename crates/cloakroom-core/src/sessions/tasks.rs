use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Inner;
use crate::sweeper::{is_full, jittered, rest};
use crate::{Chain, Happening, SessionId, Sessions, StoreError, Swept};

/// Uses written in one call: few enough for any store within its time.
const WRITTEN_TOGETHER: usize = 1_000;

impl Sessions {
    /// Starts the background tasks: the sweeper, and the writer of "last seen". They stop when
    /// the last clone of this handle is dropped.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn start(&self) {
        let inner = Arc::downgrade(&self.0);
        tokio::spawn(write_touches(Weak::clone(&inner), self.0.policy.touch_interval()));
        tokio::spawn(sweep(inner, self.0.policy.sweep_interval));
    }

    /// Writes what is pending of "last seen" now; part of a graceful shutdown.
    ///
    /// # Errors
    /// A fault of the store; what was pending is kept and tried again.
    pub async fn flush(&self) -> Result<u64, StoreError> {
        self.0.flush().await
    }

    /// Sweeps now, in batches, until nothing expired is left. It does not pause between batches,
    /// as the sweeper in the background does.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        let (most, mut total) = (self.0.most_swept(), Swept::default());
        let swept = loop {
            match self.0.sweep_batch(most).await {
                Ok(swept) => {
                    add(&mut total, swept);
                    if !is_full(swept, most) {
                        break Ok(());
                    }
                }
                Err(error) => break Err(error),
            }
            tokio::task::yield_now().await;
        };
        self.0.tell_expired(total);
        swept
    }
}

impl Inner {
    /// A session that was live when it was used is judged at that moment, so that a use shortly
    /// before the deadline counts although it is written after it.
    async fn flush(&self) -> Result<u64, StoreError> {
        self.flush_those(|_| true).await
    }

    /// The same for the sessions that somebody waits for.
    pub(super) async fn flush_those(
        &self,
        chosen: impl Fn(SessionId) -> bool,
    ) -> Result<u64, StoreError> {
        let mut moved = 0;
        for together in self.touches.batch(chosen).chunks(WRITTEN_TOGETHER) {
            let first_use = together.iter().map(|touch| touch.seen_at).min();
            let first_use = first_use.unwrap_or_else(|| self.clock.now());
            moved += self.store.touch(first_use, together.to_vec()).await?;
            self.touches.written(together);
        }
        Ok(moved)
    }

    /// The most sessions that a batch may end.
    fn most_swept(&self) -> u32 {
        self.policy.sweep_batch.max(1)
    }

    async fn sweep_batch(&self, limit: u32) -> Result<Swept, StoreError> {
        // A use that is not written yet must not pass for idleness.
        if let Err(error) = self.flush().await {
            self.sweeper.failed();
            return Err(error);
        }
        self.sweeper.batch(&*self.store, &self.policy, &self.meters, self.clock.now(), limit).await
    }

    /// One word for a whole sweep, however many batches it took.
    fn tell_expired(&self, total: Swept) {
        if total.sessions > 0 {
            let (idle, absolute) = (total.idle, total.sessions - total.idle);
            self.tell(Happening::Expired { idle, absolute });
        }
    }
}

/// What a sweep came to, also when its last batch failed.
fn add(total: &mut Swept, swept: Swept) {
    total.sessions += swept.sessions;
    total.idle += swept.idle;
}

async fn write_touches(inner: Weak<Inner>, interval: Duration) {
    loop {
        sleep(interval).await;
        let Some(inner) = inner.upgrade() else { return };
        if let Err(error) = inner.flush().await {
            tracing::warn!(error = %Chain(&error), "writing when sessions were last seen failed");
        }
    }
}

async fn sweep(inner: Weak<Inner>, interval: Duration) {
    loop {
        sleep(jittered(interval)).await;
        let mut total = Swept::default();
        while let Some(pause) = batch(&inner, &mut total).await {
            sleep(pause).await;
        }
        let Some(inner) = inner.upgrade() else { return };
        inner.tell_expired(total);
    }
}

/// One batch, and the pause before the next one; `None` when this sweep is over. The handle may
/// be dropped in the pause.
async fn batch(inner: &Weak<Inner>, total: &mut Swept) -> Option<Duration> {
    let inner = inner.upgrade()?;
    let most = inner.most_swept();
    let (size, begun) = (inner.sweeper.size(most), Instant::now());
    let swept = inner.sweep_batch(size).await;
    let took = begun.elapsed();
    inner.sweeper.note(size, took, most);
    match swept {
        Ok(swept) => {
            add(total, swept);
            is_full(swept, size).then(|| rest(took))
        }
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "sweeping failed; the next sweep tries again");
            None
        }
    }
}
