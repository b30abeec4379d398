use std::fmt;
use std::str::FromStr;

use crate::{SessionId, StoreAnswer, Timestamp, UserId};

/// The revocation log of a store: what ended, and what changed in privilege, in the order in
/// which it became visible.
///
/// Each entry is written in the transaction of the act itself, so an act is acknowledged only
/// when its entry is there, and an entry is there only if the act is. Written by every end that
/// ended a session or raised an epoch (those inside an insert too), by every rotation and every
/// change of groups; not by expiry, touches, renewals and data. Applying an entry twice does the
/// same as once.
///
/// Entries leave the log, in a sweep, once no credential they concern can be alive.
pub trait RevocationLog: Send + Sync {
    /// The entries behind `after`, in order, at most `limit` (0 counts as 1) or a little more;
    /// those at the beginning for `None`. Entries that become visible later are behind
    /// [`LogPage::next`].
    ///
    /// A position of another incarnation, or one that entries were dropped behind of, is told by
    /// [`LogPage::gap`]: whoever follows the log then has to forget what it knows and begin with
    /// what the page holds, which is all there is.
    fn log_after(&self, after: Option<Position>, limit: u32) -> StoreAnswer<'_, LogPage>;
}

/// A place in a log: for each part of it that is ordered by itself, how far. A store in SQL has
/// one part; Redis has one for each bucket. Its text form is safe in a URL and carries no
/// authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Which life of the log this is in: another one after a store was emptied or set back.
    pub incarnation: u64,
    /// By part, the last entry's number; the first entry of a part has a number above 0.
    pub parts: Vec<u64>,
}

impl Position {
    /// Whether everything up to `other` is at or before this.
    pub fn covers(&self, other: &Self) -> bool {
        self.incarnation == other.incarnation
            && self.parts.len() == other.parts.len()
            && self.parts.iter().zip(&other.parts).all(|(own, other)| own >= other)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:x}", self.incarnation)?;
        self.parts.iter().try_for_each(|part| write!(formatter, "-{part:x}"))
    }
}

/// The text is no position of a log.
#[derive(Debug, thiserror::Error)]
#[error("not a position of the revocation log")]
pub struct PositionError;

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        let mut numbers = text.split('-').map(|number| {
            let digits = number.bytes().all(|byte| byte.is_ascii_hexdigit());
            let number = u64::from_str_radix(number, 16).ok().filter(|_| digits);
            number.ok_or(PositionError)
        });
        let incarnation = numbers.next().ok_or(PositionError)??;
        Ok(Self { incarnation, parts: numbers.collect::<Result<_, _>>()? })
    }
}

/// A part of a log.
#[derive(Clone, Debug)]
pub struct LogPage {
    /// The entries.
    pub entries: Vec<LogEntry>,
    /// Behind the last of them: what to ask with next time.
    pub next: Position,
    /// Whether there is more behind that already.
    pub more: bool,
    /// Whether the position asked with is not one that the log can be followed from.
    pub gap: bool,
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// What happened.
    pub change: Change,
    /// When no credential that it concerns can be alive any more.
    pub until: Timestamp,
}

/// What an entry of the log says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// A session ended.
    Ended(SessionId),
    /// A session's credential was replaced for a change of privilege; it has this generation now.
    Rotated(SessionId, u32),
    /// The sessions of a user with a lower epoch than this ended, but one.
    UserEnded {
        /// Whose.
        user: UserId,
        /// The user's epoch now.
        epoch: u64,
        /// The one that did not end.
        except: Option<SessionId>,
    },
    /// The groups of a user changed.
    UserChanged(UserId),
    /// All sessions ended that began before the entry: the part of every user's epoch that counts
    /// this has this value now.
    EveryoneEnded(u64),
    /// A key with this id signs and verifies nothing any more.
    KeyRetired(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_survive_text() {
        for parts in [vec![], vec![0], vec![7], vec![u64::MAX, 0, 3]] {
            let position = Position { incarnation: 0xfeed, parts };
            assert_eq!(position.to_string().parse::<Position>().unwrap(), position);
        }
        for wrong in ["", "-", "1-", "+1-2", "g", "1-2-x", "11111111111111111"] {
            assert!(wrong.parse::<Position>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_position_covers_what_is_before_it_in_every_part() {
        let at = |incarnation, parts: &[u64]| Position { incarnation, parts: parts.to_vec() };
        assert!(at(1, &[2, 3]).covers(&at(1, &[2, 2])));
        assert!(!at(1, &[2, 3]).covers(&at(1, &[3, 2])));
        assert!(!at(1, &[2, 3]).covers(&at(2, &[2, 2])));
        assert!(!at(1, &[2]).covers(&at(1, &[2, 2])));
    }
}
