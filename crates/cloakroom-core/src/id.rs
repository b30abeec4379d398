use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::{NoContext, Uuid};

use sha2::{Digest, Sha256};

use crate::{Timestamp, UserId};

/// The public name of a session: a UUIDv7, so it orders by creation. Its last six bits are its
/// [`Bucket`].
///
/// Not a credential: safe in URLs, logs and pages (ASVS 5.0 7.2.3 is met by the secret in the
/// [`SessionToken`](crate::SessionToken), which this is not).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(Uuid);

impl SessionId {
    /// A fresh id of a session of `user`, or of an anonymous visitor, whose first 48 bits are
    /// `now`. Of a user's sessions all have the same bucket; an anonymous one has any.
    pub fn new(user: Option<&UserId>, now: Timestamp) -> Self {
        let millis = u64::try_from(now.unix_millis()).unwrap_or(0);
        let (seconds, rest) = (millis / 1000, millis % 1000);
        let nanos = u32::try_from(rest * 1_000_000).unwrap_or(0);
        let id = Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, seconds, nanos));
        let id = Self(id);
        user.map_or(id, |user| id.within(Bucket::of(user)))
    }

    /// The id that differs from this one at most in its bucket.
    #[must_use]
    pub const fn within(self, bucket: Bucket) -> Self {
        let mut bytes = *self.as_bytes();
        bytes[15] = (bytes[15] & !LAST_BITS) | bucket.0;
        Self::from_bytes(bytes)
    }

    /// Where it is kept.
    pub const fn bucket(&self) -> Bucket {
        Bucket(self.as_bytes()[15] & LAST_BITS)
    }

    /// When it was made, to a millisecond, by the clock of whoever made it.
    pub fn made_at(&self) -> Timestamp {
        let mut millis = [0; 8];
        millis[2..].copy_from_slice(&self.as_bytes()[..6]);
        // Six bytes are always less than an i64 holds.
        Timestamp::from_unix_millis(i64::from_be_bytes(millis))
    }

    /// From its 16 bytes, as a store or a token holds them.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// Its 16 bytes, in the order in which ids sort.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

const LAST_BITS: u8 = Bucket::COUNT as u8 - 1;

/// One of 64 parts that sessions fall into. All sessions of a user are in one, and every session
/// id tells which it is, so a store can keep what belongs together in one place: a shard of
/// memory with its lock, a slot of a Redis cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket(u8);

impl Bucket {
    /// How many there are.
    pub const COUNT: usize = 64;

    /// That of a user's sessions.
    pub fn of(user: &UserId) -> Self {
        Self(Sha256::digest(user.as_str().as_bytes())[0] & LAST_BITS)
    }

    /// All of them, in order.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> + ExactSizeIterator {
        (0..=LAST_BITS).map(Self)
    }

    /// Its number, below [`Bucket::COUNT`].
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The text is not a session id.
#[derive(Debug, thiserror::Error)]
#[error("not a session id: expected 36 characters like 01890a5d-ac96-774b-bcce-b302099a8057")]
pub struct IdError;

impl FromStr for SessionId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.len() != 36 {
            return Err(IdError);
        }
        Uuid::try_parse(text).map(Self).map_err(|_| IdError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_order_by_creation_and_survive_text() {
        let early = SessionId::new(None, Timestamp::from_unix_millis(1_000));
        let late = SessionId::new(None, Timestamp::from_unix_millis(2_000));
        assert!(early < late);
        assert_eq!(late.made_at(), Timestamp::from_unix_millis(2_000));
        assert_eq!(early.to_string().parse::<SessionId>().unwrap(), early);
        assert!("01890a5dac96774bbcceb302099a8057".parse::<SessionId>().is_err());
    }

    #[test]
    fn an_id_tells_the_bucket_of_its_user() {
        let now = Timestamp::from_unix_millis(1_000);
        let users = (0..500).map(|number| UserId::new(format!("user-{number}")).unwrap());
        let mut seen = std::collections::HashSet::new();
        for user in users {
            let ids = [(); 2].map(|()| SessionId::new(Some(&user), now));
            assert_eq!(ids.map(|id| id.bucket()), [Bucket::of(&user); 2]);
            assert_ne!(ids[0], ids[1]);
            assert!(Bucket::of(&user).index() < Bucket::COUNT);
            seen.insert(Bucket::of(&user));
        }
        assert_eq!(seen.len(), Bucket::COUNT, "every bucket is used");
        assert!(Bucket::all().all(|bucket| seen.contains(&bucket)));
    }
}
