use std::sync::{Arc, Weak};
use std::time::Duration;

use super::Inner;
use crate::sweeper::jittered;
use crate::{Happening, Sessions, StoreError, Swept};

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

    /// Sweeps now, in batches, until nothing expired is left.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        self.0.sweep().await
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

    async fn sweep(&self) -> Result<(), StoreError> {
        // A use that is not written yet must not pass for idleness.
        if let Err(error) = self.flush().await {
            self.sweeper.failed();
            return Err(error);
        }
        let (now, mut total) = (self.clock.now(), Swept::default());
        let sweep = self.sweeper.run(&*self.store, &self.policy, &self.meters, now, &mut total);
        let swept = sweep.await;
        if total.sessions > 0 {
            let (idle, absolute) = (total.idle, total.sessions - total.idle);
            self.tell(Happening::Expired { idle, absolute });
        }
        swept
    }
}

async fn write_touches(inner: Weak<Inner>, interval: Duration) {
    loop {
        tokio::time::sleep(interval).await;
        let Some(inner) = inner.upgrade() else { return };
        if let Err(error) = inner.flush().await {
            tracing::warn!(error = ?error, "writing when sessions were last seen failed");
        }
    }
}

async fn sweep(inner: Weak<Inner>, interval: Duration) {
    loop {
        tokio::time::sleep(jittered(interval)).await;
        let Some(inner) = inner.upgrade() else { return };
        if let Err(error) = inner.sweep().await {
            tracing::warn!(error = ?error, "sweeping failed; the next sweep tries again");
        }
    }
}
