use std::sync::{Arc, Weak};
use std::time::Duration;

use super::Inner;
use crate::sweeper::jittered;
use crate::{Sessions, StoreError};

impl Sessions {
    /// Starts the background tasks: the sweeper, and the writer of "last seen". They stop when
    /// the last clone of this handle is dropped.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn start(&self) {
        let inner = Arc::downgrade(&self.0);
        tokio::spawn(write_touches(
            Weak::clone(&inner),
            self.0.policy.touch_interval(),
        ));
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
        self.0
            .sweeper
            .run(&*self.0.store, &self.0.policy, self.now())
            .await
    }
}

impl Inner {
    async fn flush(&self) -> Result<u64, StoreError> {
        let batch = self.touches.take();
        if batch.is_empty() {
            return Ok(0);
        }
        let written = self.store.touch(self.clock.now(), batch.clone()).await;
        if written.is_err() {
            self.touches.put_back(&batch);
        }
        written
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
        let now = inner.clock.now();
        if let Err(error) = inner.sweeper.run(&*inner.store, &inner.policy, now).await {
            tracing::warn!(error = ?error, "sweeping failed; the next sweep tries again");
        }
    }
}
