use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

const PAUSE: Duration = Duration::from_secs(60);

/// Keeps what strangers cause from filling the log: one line a minute, with the count.
#[derive(Debug, Default)]
pub(super) struct Seldom(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    said: Option<Instant>,
    since: u64,
}

impl Seldom {
    /// Counts one more; gives how many there were since the last line when it is time for one.
    pub(super) fn count(&self) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.since += 1;
        if state.said.is_some_and(|said| said.elapsed() < PAUSE) {
            return None;
        }
        state.said = Some(Instant::now());
        Some(std::mem::take(&mut state.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_one_line_a_minute_with_its_count() {
        let seldom = Seldom::default();
        assert_eq!(seldom.count(), Some(1));
        assert!((0..1_000).all(|_| seldom.count().is_none()));
        tokio::time::advance(PAUSE).await;
        assert_eq!(seldom.count(), Some(1_001));
    }
}
