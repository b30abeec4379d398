use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Inner;
use crate::sweeper::{jittered, rest};
use crate::{Sessions, StoreError};

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
        while self.0.sweep_batch(self.0.most_swept()).await? {
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

impl Inner {
    /// A session that was live when it was used is judged at that moment, so that a use shortly
    /// before the deadline counts although it is written after it.
    async fn flush(&self) -> Result<u64, StoreError> {
        let batch = self.touches.batch();
        let Some(first_use) = batch.iter().map(|touch| touch.seen_at).min() else {
            return Ok(0);
        };
        let moved = self.store.touch(first_use, batch.clone()).await?;
        self.touches.written(&batch);
        Ok(moved)
    }

    /// The most sessions that a batch may end.
    fn most_swept(&self) -> u32 {
        self.policy.sweep_batch.max(1)
    }

    /// Says whether there may be more.
    async fn sweep_batch(&self, limit: u32) -> Result<bool, StoreError> {
        // A use that is not written yet must not pass for idleness.
        if let Err(error) = self.flush().await {
            self.sweeper.failed();
            return Err(error);
        }
        self.sweeper.batch(&*self.store, &self.policy, self.clock.now(), limit).await
    }
}

async fn write_touches(inner: Weak<Inner>, interval: Duration) {
    loop {
        sleep(interval).await;
        let Some(inner) = inner.upgrade() else { return };
        if let Err(error) = inner.flush().await {
            tracing::warn!(error = ?error, "writing when sessions were last seen failed");
        }
    }
}

async fn sweep(inner: Weak<Inner>, interval: Duration) {
    loop {
        sleep(jittered(interval)).await;
        while let Some(pause) = batch(&inner).await {
            sleep(pause).await;
        }
        if inner.strong_count() == 0 {
            return;
        }
    }
}

/// One batch, and the pause before the next one; `None` when this sweep is over. The handle may
/// be dropped in the pause.
async fn batch(inner: &Weak<Inner>) -> Option<Duration> {
    let inner = inner.upgrade()?;
    let most = inner.most_swept();
    let (size, begun) = (inner.sweeper.size(most), Instant::now());
    let swept = inner.sweep_batch(size).await;
    let took = begun.elapsed();
    inner.sweeper.note(size, took, most);
    match swept {
        Ok(more) => more.then(|| rest(took)),
        Err(error) => {
            tracing::warn!(error = ?error, "sweeping failed; the next sweep tries again");
            None
        }
    }
}
