use std::time::{Duration, Instant};

const PAUSE_BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// Waits until `condition` holds, looking every few milliseconds; panics after `deadline`, naming
/// `what` was waited for. This is the only pause in the tests: they wait on conditions.
#[track_caller]
pub fn wait_until(what: &str, deadline: Duration, condition: impl FnMut() -> bool) {
    assert!(holds_within(deadline, condition), "not within {deadline:?}: {what}");
}

/// Whether `condition` comes to hold within `deadline`; it is looked at least once.
pub(super) fn holds_within(deadline: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if condition() {
            return true;
        }
        if start.elapsed() > deadline {
            return false;
        }
        std::thread::sleep(PAUSE_BETWEEN_LOOKS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_that_comes_true_is_waited_for() {
        let mut looks = 0;
        wait_until("the third look", Duration::from_secs(10), || {
            looks += 1;
            looks == 3
        });
        assert_eq!(looks, 3);
    }

    #[test]
    #[should_panic(expected = "not within 20ms: a miracle")]
    fn a_condition_that_stays_false_is_named() {
        wait_until("a miracle", Duration::from_millis(20), || false);
    }
}
