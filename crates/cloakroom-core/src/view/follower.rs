use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::RevocationView;
use crate::sweeper::jittered;
use crate::{
    Answer, Bucket, Chain, Clock, LogPage, Position, RevocationLog, StoreAnswer, StoreError,
    Timestamp,
};

/// The pause after the first poll that failed; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The longest pause after polls that failed, short enough that a store that is back is followed
/// again within a second.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// How a log is followed. Every field has the default it states.
#[derive(Clone, Copy, Debug)]
pub struct FollowerOptions {
    /// The pause between two polls if nobody rings: 500 ms, with a tenth of jitter.
    pub interval: Duration,
    /// How long the log may take for a page: 2 s. After it, the poll has failed.
    pub page_timeout: Duration,
}

impl Default for FollowerOptions {
    fn default() -> Self {
        Self { interval: Duration::from_millis(500), page_timeout: Duration::from_secs(2) }
    }
}

/// Keeps a view up to date, by polls at an interval and whenever the bell rings. It stops when
/// dropped.
///
/// What it says of its age does not deny anything: past the lease, whoever verifies has to ask the
/// record.
pub struct Follower {
    shared: Arc<Shared>,
    /// The last poll that was good.
    good: watch::Receiver<u64>,
    task: AbortHandle,
}

struct Shared {
    view: Arc<RevocationView>,
    log: Arc<dyn RevocationLog>,
    clock: Arc<dyn Clock>,
    bell: Arc<Notify>,
    options: FollowerOptions,
    /// How many polls were begun.
    begun: AtomicU64,
    read_at: Mutex<Option<Timestamp>>,
}

impl Follower {
    /// Begins to follow `log`, which the first poll loads. Whoever adds to the log rings `bell`,
    /// by [`Notify::notify_one`], after the commit. The clock is that which the lease is measured
    /// by; it has to count suspension.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn start(
        view: Arc<RevocationView>,
        log: Arc<dyn RevocationLog>,
        clock: Arc<dyn Clock>,
        bell: Arc<Notify>,
        options: FollowerOptions,
    ) -> Self {
        let (begun, read_at) = (AtomicU64::new(0), Mutex::new(None));
        let shared = Arc::new(Shared { view, log, clock, bell, options, begun, read_at });
        let (tell, good) = watch::channel(0);
        let task = tokio::spawn(follow(Arc::clone(&shared), tell)).abort_handle();
        Self { shared, good, task }
    }

    /// When the last good poll was sent: everything that was in the log then has been applied.
    /// `None` before the first one.
    pub fn read_at(&self) -> Option<Timestamp> {
        *self.shared.read_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long ago that was.
    pub fn age(&self) -> Option<Duration> {
        // The moment first: what is read later cannot make it look younger.
        let read_at = self.read_at()?;
        Some(self.shared.clock.now().since(read_at))
    }

    /// Polls now, and waits until a poll that was sent after this call was applied. So what was
    /// committed before the call is denied after it. A first call waits for the load.
    ///
    /// It waits for as long as the log cannot be read; false if the follower was stopped with its
    /// runtime.
    pub async fn catch_up(&self) -> bool {
        let next = self.shared.begun.load(Ordering::SeqCst) + 1;
        self.shared.bell.notify_one();
        self.good.clone().wait_for(|good| *good >= next).await.is_ok()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Follower {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Follower").field("read_at", &self.read_at()).finish_non_exhaustive()
    }
}

async fn follow(shared: Arc<Shared>, good: watch::Sender<u64>) {
    let mut failures = 0_u32;
    loop {
        let number = shared.begun.fetch_add(1, Ordering::SeqCst) + 1;
        match shared.poll().await {
            Ok(()) => {
                if failures > 0 {
                    tracing::info!(failures, "the revocation log is followed again");
                }
                failures = 0;
                good.send_replace(number);
                shared.prune().await;
            }
            Err(error) => {
                if failures == 0 {
                    tracing::warn!(error = %Chain(&error), "the revocation log cannot be read");
                }
                failures = failures.saturating_add(1);
            }
        }
        shared.pause(failures).await;
    }
}

impl Shared {
    async fn poll(&self) -> Result<(), StoreError> {
        let log = Timed {
            log: &*self.log,
            clock: &*self.clock,
            within: self.options.page_timeout,
            sent_at: Mutex::new(Timestamp::default()),
        };
        self.view.follow(&log).await?;
        // The last page of a poll says that there is no more, so what was there when it was sent
        // has been applied.
        let sent_at = *log.sent_at.lock().unwrap_or_else(PoisonError::into_inner);
        *self.read_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(sent_at);
        Ok(())
    }

    /// Once around the shards.
    async fn prune(&self) {
        let now = self.clock.now();
        for _ in Bucket::all() {
            if self.view.prune(now) > 0 {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Until the next poll. After a failure the bell is not heard: a log that cannot be read is
    /// not asked more often because more happens.
    async fn pause(&self, failures: u32) {
        if failures > 0 {
            let doubled = FIRST_PAUSE.saturating_mul(1 << (failures - 1).min(16));
            return sleep(jittered(doubled.min(LONGEST_PAUSE))).await;
        }
        // Also where the bell rings all the time and the log answers at once.
        tokio::task::yield_now().await;
        let _ = timeout(jittered(self.options.interval), self.bell.notified()).await;
    }
}

/// A log that fails when it takes too long, and knows when it was last asked.
struct Timed<'a> {
    log: &'a dyn RevocationLog,
    clock: &'a dyn Clock,
    within: Duration,
    sent_at: Mutex<Timestamp>,
}

impl RevocationLog for Timed<'_> {
    fn log_after(&self, after: Option<Position>, limit: u32) -> StoreAnswer<'_, LogPage> {
        *self.sent_at.lock().unwrap_or_else(PoisonError::into_inner) = self.clock.now();
        match self.log.log_after(after, limit) {
            Answer::Pending(page) => Answer::pending(async move {
                let late = |late| Err(StoreError::failed("read the revocation log in time", late));
                timeout(self.within, page).await.unwrap_or_else(late)
            }),
            ready @ Answer::Ready(_) => ready,
        }
    }
}
