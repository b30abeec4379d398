use super::deadline::Deadline;
use super::kept::Until;
use crate::SessionId;

/// What the log says of one user.
#[derive(Clone, Debug)]
pub(super) struct OfUser {
    /// The highest epoch that an end gave the user, and the session that it excepted.
    epoch: u64,
    except: Option<SessionId>,
    /// The highest that an end gave which did not except that session.
    epoch_of_excepted: u64,
    /// How far the log was when the user was last changed.
    changed: u64,
    until: Deadline,
}

impl OfUser {
    pub(super) const fn ended(epoch: u64, except: Option<SessionId>, until: Deadline) -> Self {
        Self { epoch, except, epoch_of_excepted: 0, changed: 0, until }
    }

    pub(super) const fn changed(number: u64, until: Deadline) -> Self {
        Self { epoch: 0, except: None, epoch_of_excepted: 0, changed: number, until }
    }

    /// Afterwards it says what both say, in whatever order they came.
    pub(super) fn join(&mut self, other: Self) {
        self.changed = self.changed.max(other.changed);
        self.until = self.until.max(other.until);
        let second = if other.epoch > self.epoch {
            let until = self.until;
            std::mem::replace(self, Self { until, changed: self.changed, ..other })
        } else {
            other
        };
        // The lower of two ends counts for the session that the higher one excepts too, unless it
        // excepts the same.
        let of_excepted =
            if second.except == self.except { second.epoch_of_excepted } else { second.epoch };
        self.epoch_of_excepted = self.epoch_of_excepted.max(of_excepted);
    }

    /// Whether a session that has this epoch in its claims has ended.
    pub(super) fn has_ended(&self, session: SessionId, epoch: u64) -> bool {
        let least = if self.except == Some(session) { self.epoch_of_excepted } else { self.epoch };
        epoch < least
    }

    /// Whether the user may have changed after the log was that far.
    pub(super) fn has_changed(&self, number: u64) -> bool {
        self.changed > number
    }
}

impl Until for OfUser {
    fn until(&self) -> Deadline {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    #[test]
    fn what_is_said_twice_is_kept_until_the_later_moment() {
        let until = |millis| Deadline::of(Timestamp::from_unix_millis(millis));
        let said = [
            OfUser::ended(1, None, until(9_000)),
            OfUser::ended(2, None, until(5_000)),
            OfUser::changed(7, until(7_000)),
        ];
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut joined = said[order[0]].clone();
            order[1..].iter().for_each(|which| joined.join(said[*which].clone()));
            assert_eq!((joined.until, joined.epoch, joined.changed), (until(9_000), 2, 7));
        }
    }
}
