use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::family::Spread;

/// Upper bounds of the buckets, in nanoseconds: a read from memory takes less than the first, a
/// store that hangs more than the last.
const BOUNDS: [u64; 16] = [
    5_000,
    25_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    5_000_000_000,
];

const NANOS: f64 = 1e9;

/// A number that only grows.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Of so many things that cost next to nothing, one is timed: two looks at the clock would cost
/// more than some of them.
const ONE_IN: u64 = 16;

/// Chooses what is timed: the first, and then one in sixteen.
#[derive(Debug, Default)]
pub(super) struct Sampler(AtomicU64);

impl Sampler {
    /// The moment from which this one is timed, if it is.
    pub(super) fn start(&self) -> Option<Instant> {
        self.0.fetch_add(1, Ordering::Relaxed).is_multiple_of(ONE_IN).then(Instant::now)
    }
}

/// How long things took. Taking one into account costs two atomic additions.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    /// One for each bound, and one for what took longer.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    nanos: AtomicU64,
}

impl Histogram {
    pub(super) fn note(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.iter().position(|bound| nanos <= *bound).unwrap_or(BOUNDS.len());
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// The count is that of the buckets, so that the two agree while others go on counting.
    #[expect(clippy::cast_precision_loss, reason = "a sum of seconds needs no more than 53 bits")]
    pub(super) fn spread(&self) -> Spread {
        let mut count = 0;
        let mut buckets = Vec::with_capacity(BOUNDS.len());
        for (index, bucket) in self.buckets.iter().enumerate() {
            count += bucket.load(Ordering::Relaxed);
            if let Some(bound) = BOUNDS.get(index) {
                buckets.push((*bound as f64 / NANOS, count));
            }
        }
        Spread { buckets, count, sum: self.nanos.load(Ordering::Relaxed) as f64 / NANOS }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_timed_and_then_one_in_sixteen() {
        let sampler = Sampler::default();
        let timed: Vec<_> = (0..40).filter(|_| sampler.start().is_some()).collect();
        assert_eq!(timed, [0, 16, 32]);
    }

    #[test]
    fn what_took_exactly_as_long_as_a_bound_is_within_it() {
        let histogram = Histogram::default();
        for nanos in [5_000, 5_001, 6_000_000_000] {
            histogram.note(Duration::from_nanos(nanos));
        }
        let spread = histogram.spread();
        assert_eq!(&spread.buckets[..2], [(5e-6, 1), (2.5e-5, 2)]);
        assert_eq!((spread.buckets[15], spread.count), ((5.0, 2), 3));
        assert!((spread.sum - 6.000_010_001).abs() < 1e-9, "{}", spread.sum);
    }
}
