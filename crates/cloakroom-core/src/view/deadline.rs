use crate::Timestamp;

/// How much longer than its `until` an entry is kept: a verifier may accept a credential some
/// seconds after its expiry, for clocks that differ.
const LEEWAY_SECONDS: i64 = 120;

/// The `until` of an entry in whole seconds, rounded up; four bytes, as there are many. Later than
/// the year 2105 is never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Deadline(u32);

impl Deadline {
    pub(super) const NEVER: Self = Self(u32::MAX);

    pub(super) fn of(until: Timestamp) -> Self {
        let seconds = until.unix_millis().max(0).unsigned_abs().div_ceil(1000);
        u32::try_from(seconds).map_or(Self::NEVER, Self)
    }

    pub(super) fn has_passed(self, now: Timestamp) -> bool {
        self != Self::NEVER && i64::from(self.0) + LEEWAY_SECONDS <= now.unix_seconds()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_never_passes_before_its_moment() {
        for until in [1, 999, 1_000, 1_001, 1_767_225_600_001] {
            let (deadline, at) = (Deadline::of(at(until)), |late| at(until + late));
            let leeway = LEEWAY_SECONDS * 1_000;
            assert!(!deadline.has_passed(at(leeway - 1)), "{until}");
            assert!(deadline.has_passed(at(leeway + 1_000)), "{until}");
        }
        assert!(!Deadline::of(at(i64::MAX)).has_passed(at(i64::MAX)));
        assert!(Deadline::of(at(i64::MIN)).has_passed(at(LEEWAY_SECONDS * 1_000)));
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_unix_millis(millis)
    }
}
