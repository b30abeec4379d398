use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Whether there is a bound on the lines of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limited {
    /// Every one is written.
    No,
    /// At most [`BURST`] at once and ten a second: strangers can cause it (law 13).
    Yes,
}

/// Lines that may come at once.
pub const BURST: u32 = 50;
/// A line more is allowed after each such pause.
const PAUSE: Duration = Duration::from_millis(100);

/// Bounds the lines of one kind, and counts those that are not written.
#[derive(Debug)]
pub(super) struct Limiter(Mutex<State>);

#[derive(Debug)]
struct State {
    /// Lines that may come now.
    left: u32,
    /// Since when `left` is what it is; none before the first line.
    since: Option<Instant>,
    /// Lines not written since the last summary.
    unwritten: u64,
    /// Lines not written since the start.
    total: u64,
}

impl Limiter {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(State { left: BURST, since: None, unwritten: 0, total: 0 }))
    }

    /// Whether a line may be written now.
    pub(super) fn admits(&self, now: Instant) -> bool {
        let mut state = self.lock();
        state.refill(now);
        match state.left.checked_sub(1) {
            Some(left) => {
                state.left = left;
                true
            }
            None => {
                state.unwritten += 1;
                state.total += 1;
                false
            }
        }
    }

    /// How many were not written since this was last asked.
    pub(super) fn unwritten(&self) -> u64 {
        std::mem::take(&mut self.lock().unwritten)
    }

    /// How many were not written since the start.
    pub(super) fn total(&self) -> u64 {
        self.lock().total
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No step under this lock can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn refill(&mut self, now: Instant) {
        let since = *self.since.get_or_insert(now);
        let pauses = now.saturating_duration_since(since).as_millis() / PAUSE.as_millis();
        let pauses = u32::try_from(pauses).unwrap_or(u32::MAX);
        if self.left.saturating_add(pauses) >= BURST {
            (self.left, self.since) = (BURST, Some(now));
        } else {
            self.left += pauses;
            self.since = Some(since + PAUSE * pauses);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_to_a_burst_and_ten_a_second_and_counted() {
        let (limiter, start) = (Limiter::new(), Instant::now());
        let written = |from: u64, to: u64| {
            let moments = (from..to).map(|millis| start + Duration::from_millis(millis));
            moments.filter(|moment| limiter.admits(*moment)).count()
        };
        assert_eq!(written(0, 50), 50);
        assert_eq!(written(50, 3_050), 30);
        assert_eq!((limiter.unwritten(), limiter.total()), (2_970, 2_970));
        assert_eq!((limiter.unwritten(), limiter.total()), (0, 2_970));
        assert_eq!(written(60_000, 60_100), 50, "after a minute of quiet");
    }
}
