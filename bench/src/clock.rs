use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use cloakroom::{Clock, SystemClock, Timestamp};

/// Costs what the system's clock costs, and goes a thousand times slower. So all sessions stay
/// "seen within the last minute" however long the run takes, until a case skips ahead.
#[derive(Debug)]
pub struct SlowClock {
    system: SystemClock,
    start: i64,
    skipped: AtomicI64,
}

impl SlowClock {
    pub fn new() -> Self {
        let system = SystemClock::new();
        let start = system.now().unix_millis();
        Self { system, start, skipped: AtomicI64::new(0) }
    }

    pub fn skip(&self, duration: Duration) {
        self.skipped.fetch_add(duration.as_millis() as i64, Ordering::Relaxed);
    }
}

impl Clock for SlowClock {
    fn now(&self) -> Timestamp {
        let passed = (self.system.now().unix_millis() - self.start) / 1_000;
        let skipped = self.skipped.load(Ordering::Relaxed);
        Timestamp::from_unix_millis(self.start + skipped + passed)
    }
}
