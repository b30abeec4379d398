use std::time::Duration;

/// How busy the pool is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Threads that hash.
    pub threads: usize,
    /// Permits that are out, waiting and running.
    pub admitted: usize,
    /// Most permits that may be out.
    pub capacity: usize,
    /// What one hash takes at present.
    pub average: Duration,
    /// Hashes made since the start, those for unknown users included.
    pub hashed: u64,
    /// Admissions refused since the start.
    pub refused: u64,
}

/// How long one hash takes, as a moving average, and how many may therefore wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gauge {
    threads: usize,
    wait: Duration,
    average: Duration,
}

impl Gauge {
    pub(super) const fn new(threads: usize, wait: Duration, first: Duration) -> Self {
        Self { threads, wait, average: first }
    }

    /// Takes one more measurement into account.
    pub(super) fn note(&mut self, took: Duration) {
        self.average = (self.average * 7 + took) / 8;
    }

    /// One running job for each thread, and as many behind it as are done within the longest wait.
    pub(super) fn capacity(&self) -> usize {
        /// However fast hashing is, each place also costs memory.
        const MOST_WAITING: u128 = 1_000;
        let each = self.average.as_nanos().max(1);
        let rounds = (self.wait.as_nanos() / each).min(MOST_WAITING);
        self.threads * (1 + usize::try_from(rounds).unwrap_or(0))
    }

    pub(super) const fn average(&self) -> Duration {
        self.average
    }

    pub(super) const fn threads(&self) -> usize {
        self.threads
    }

    pub(super) const fn wait(&self) -> Duration {
        self.wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_secs(2);

    fn gauge(threads: usize, millis: u64) -> Gauge {
        Gauge::new(threads, WAIT, Duration::from_millis(millis))
    }

    #[test]
    fn as_many_wait_as_are_done_in_two_seconds() {
        assert_eq!(gauge(1, 30).capacity(), 1 + 66);
        assert_eq!(gauge(4, 500).capacity(), 4 * (1 + 4));
        assert_eq!(gauge(2, 5_000).capacity(), 2);
        assert_eq!(gauge(1, 0).capacity(), 1_001);
    }

    #[test]
    fn slower_hashes_admit_fewer() {
        let mut gauge = gauge(1, 100);
        let before = gauge.capacity();
        for _ in 0..50 {
            gauge.note(Duration::from_millis(400));
        }
        assert!(gauge.capacity() < before / 2, "{}", gauge.capacity());
    }
}
