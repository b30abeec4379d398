use std::time::Duration;

use cloakroom::Timestamp;

/// So many wrong passwords in a row close an account to strangers (NIST SP 800-63B allows 100).
pub(super) const STOP: u32 = 100;

const FIRST_DELAY: Duration = Duration::from_secs(1);

/// How long an attempt has to wait. The longer one is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// So long from now.
    For(Duration),
    /// Until a one-time link, an operator, or a sign-in from a known network releases it.
    UntilReleased,
}

impl Wait {
    /// Whole seconds, at least one: for the `Retry-After` header.
    pub fn seconds(self) -> u64 {
        const DAY: u64 = 86_400;
        match self {
            Self::For(left) => left.as_millis().div_ceil(1_000).try_into().unwrap_or(DAY).max(1),
            Self::UntilReleased => DAY,
        }
    }
}

/// Failures that are remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counter {
    /// How many.
    pub(super) failures: u32,
    /// From when on the passing of time has not been taken into account yet.
    pub(super) forgiven_at: Timestamp,
    /// No attempt before this moment.
    pub(super) waits_until: Timestamp,
}

/// What failures of one kind lead to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// After so many the waiting begins.
    pub(super) free: u32,
    /// Longest wait.
    pub(super) longest: Duration,
    /// One failure is forgotten each time this has passed.
    pub(super) forgives_every: Duration,
    /// Whether [`STOP`] failures stop everything until it is released; then that time runs from
    /// the last failure.
    pub(super) stops: bool,
}

impl Rule {
    /// The counter as time has left it.
    pub(super) fn aged(&self, counter: Counter, now: Timestamp) -> Counter {
        if self.is_stopped(&counter) {
            return counter;
        }
        let every = self.forgives_every.as_millis().max(1);
        let times = now.since(counter.forgiven_at).as_millis() / every;
        let times = u32::try_from(times).unwrap_or(u32::MAX);
        let failures = counter.failures.saturating_sub(times);
        let forgiven_at = match failures {
            0 => now,
            _ => counter.forgiven_at.after(self.forgives_every.saturating_mul(times)),
        };
        Counter { failures, forgiven_at, ..counter }
    }

    /// How long an attempt has to wait now, if it has to.
    pub(super) fn wait(&self, counter: &Counter, now: Timestamp) -> Option<Wait> {
        if self.is_stopped(counter) {
            return Some(Wait::UntilReleased);
        }
        let left = counter.waits_until.since(now);
        (!left.is_zero()).then_some(Wait::For(left))
    }

    /// One failure more, of a counter as of now.
    pub(super) fn count(&self, counter: Counter, now: Timestamp) -> Counter {
        let failures = counter.failures.saturating_add(1);
        let waits_until = match self.delay(failures) {
            Duration::ZERO => counter.waits_until,
            delay => now.after(delay),
        };
        // What stops in the end must not be outpaced by forgiving: there it takes a quiet time.
        let forgiven_at = if self.stops { now } else { counter.forgiven_at };
        Counter { failures, forgiven_at, waits_until }
    }

    /// When nothing of the counter matters any more.
    pub(super) fn forgotten_at(&self, counter: &Counter) -> Timestamp {
        if self.is_stopped(counter) {
            return Timestamp::from_unix_millis(i64::MAX);
        }
        let forgiven = self.forgives_every.saturating_mul(counter.failures);
        counter.forgiven_at.after(forgiven).max(counter.waits_until)
    }

    /// After `failures` of them: nothing at first, then 1 s, 2 s, 4 s and so on.
    fn delay(&self, failures: u32) -> Duration {
        let Some(doublings) = failures.checked_sub(self.free) else { return Duration::ZERO };
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        FIRST_DELAY.saturating_mul(factor).min(self.longest)
    }

    fn is_stopped(&self, counter: &Counter) -> bool {
        self.stops && counter.failures >= STOP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);
    const LONGEST: Duration = Duration::from_secs(900);
    const RULE: Rule = Rule { free: 5, longest: LONGEST, forgives_every: HOUR, stops: true };

    fn start() -> Timestamp {
        Timestamp::from_unix_millis(1_767_225_600_000)
    }

    fn counter(failures: u32) -> Counter {
        Counter { failures, forgiven_at: start(), waits_until: start() }
    }

    #[test]
    fn the_first_failures_are_free_and_then_the_wait_doubles_up_to_the_longest() {
        let waits: Vec<u64> = (1..=17).map(|failures| RULE.delay(failures).as_secs()).collect();
        assert_eq!(
            waits,
            [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900],
            "after each failure"
        );
        assert_eq!(RULE.delay(u32::MAX), LONGEST);
    }

    #[test]
    fn time_forgives_one_failure_after_the_other() {
        let aged = |after: Duration| RULE.aged(counter(3), start().after(after)).failures;
        assert_eq!([aged(HOUR / 2), aged(HOUR), aged(HOUR * 5 / 2), aged(HOUR * 9)], [3, 2, 1, 0]);
        // What is left of an hour is not lost when it is looked at in between.
        let between = RULE.aged(counter(3), start().after(HOUR * 3 / 2));
        assert_eq!(RULE.aged(between, start().after(HOUR * 2)).failures, 1);
    }

    #[test]
    fn a_counter_that_can_stop_forgives_nothing_while_failures_go_on() {
        let almost = Duration::from_secs(3_599);
        let three_more = |rule: Rule| {
            let (mut counted, mut now) = (counter(3), start());
            for _ in 0..3 {
                now = now.after(almost);
                counted = rule.count(rule.aged(counted, now), now);
            }
            counted.failures
        };
        assert_eq!(three_more(RULE), 6);
        assert_eq!(three_more(Rule { stops: false, ..RULE }), 4);
    }

    #[test]
    fn a_counter_is_forgotten_when_all_of_it_is_forgiven_and_no_wait_is_left() {
        assert_eq!(RULE.forgotten_at(&counter(3)), start().after(HOUR * 3));
        let waiting = Counter { waits_until: start().after(HOUR * 9), ..counter(3) };
        assert_eq!(RULE.forgotten_at(&waiting), start().after(HOUR * 9));
    }

    #[test]
    fn a_hundred_failures_stop_until_it_is_released_where_the_rule_says_so() {
        let later = start().after(HOUR * 10_000);
        assert_eq!(RULE.wait(&RULE.aged(counter(STOP), later), later), Some(Wait::UntilReleased));
        let goes_on = Rule { stops: false, ..RULE };
        assert_eq!(goes_on.wait(&goes_on.aged(counter(STOP), later), later), None);
    }

    #[test]
    fn seconds_are_rounded_up() {
        assert_eq!(Wait::For(Duration::from_millis(1)).seconds(), 1);
        assert_eq!(Wait::For(Duration::from_millis(1_001)).seconds(), 2);
        assert!(Wait::For(Duration::from_secs(1 << 40)) < Wait::UntilReleased);
    }
}
