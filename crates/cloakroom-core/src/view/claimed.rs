use std::fmt;
use std::str::FromStr;

use crate::{Bucket, Position, PositionError, SessionId, UserId};

/// What the claims of a self-contained credential say, as far as the log can contradict them.
#[derive(Clone, Copy, Debug)]
pub struct Claimed<'a> {
    /// The session. If there is a user, it has the user's bucket, as the contract of
    /// [`Store::insert`](crate::Store::insert) has it.
    pub session: SessionId,
    /// Who is logged in; `None` for an anonymous visitor.
    pub user: Option<&'a UserId>,
    /// The epoch of the record that the claims were made from.
    pub epoch: u64,
    /// The privilege generation of that record.
    pub generation: u32,
    /// The id of the key that they are signed with.
    pub key: &'a str,
    /// How far the log was when they were made. Without it they are taken for older than every
    /// entry, which is safe and sends their holder to the record more often.
    pub mark: Option<Mark>,
}

/// A place in the log that claims carry: the record that they were made from was read later than
/// everything up to here was visible.
///
/// Whoever makes claims takes it from [`RevocationView::mark`](crate::RevocationView::mark)
/// **before** reading, inserting or changing the record, and the record comes from where records
/// are kept for good ([`Store::reload`](crate::Store::reload)), not from a cache that may be older.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Which life of the log this is in.
    pub incarnation: u64,
    /// The number of the last entry, in the part of the log that has the session's bucket.
    pub number: u64,
}

impl Mark {
    /// The mark of a bucket's sessions at a position; `None` if it does not say how far the bucket
    /// is.
    pub fn of(position: &Position, bucket: Bucket) -> Option<Self> {
        let number = number_of(&position.parts, bucket)?;
        Some(Self { incarnation: position.incarnation, number })
    }
}

/// How far a bucket is: a log has one part, or one for each bucket.
pub(super) fn number_of(parts: &[u64], bucket: Bucket) -> Option<u64> {
    match parts {
        [all] => Some(*all),
        each if each.len() == Bucket::COUNT => each.get(bucket.index()).copied(),
        _ => None,
    }
}

/// The text form of a [`Position`] with one part.
impl fmt::Display for Mark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:x}-{:x}", self.incarnation, self.number)
    }
}

impl FromStr for Mark {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        let Position { incarnation, parts } = text.parse()?;
        match parts[..] {
            [number] => Ok(Self { incarnation, number }),
            _ => Err(PositionError),
        }
    }
}

/// Why the view denies a credential. For logs, metrics and the next step; clients are never told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Denial {
    /// The key that signed it was retired, so nothing else that it says can be believed.
    KeyRetired,
    /// Its session ended.
    SessionEnded,
    /// The sessions of its user ended, and its session is none that was excepted.
    UserEnded,
    /// All sessions ended, and its session was begun before.
    EveryoneEnded,
    /// It has an older privilege generation than its session.
    Rotated,
    /// Something happened to its user or to everyone that it may be older than, or the log was not
    /// read yet: only the record can tell whether it is true.
    Stale,
}

impl Denial {
    /// Whether the session is known to be over. Otherwise it may live: the record decides, and
    /// claims that are made anew from it are not denied for the same entry again.
    pub const fn is_end(self) -> bool {
        matches!(self, Self::SessionEnded | Self::UserEnded | Self::EveryoneEnded)
    }
}
