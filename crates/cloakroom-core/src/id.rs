use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::{NoContext, Uuid};

use crate::Timestamp;

/// The public name of a session: a UUIDv7, so it orders by creation.
///
/// Not a credential: safe in URLs, logs and pages (ASVS 5.0 7.2.3 is met by the secret in the
/// [`SessionToken`](crate::SessionToken), which this is not).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(Uuid);

impl SessionId {
    /// A fresh id whose first 48 bits are `now`.
    pub fn new(now: Timestamp) -> Self {
        let millis = u64::try_from(now.unix_millis()).unwrap_or(0);
        let (seconds, rest) = (millis / 1000, millis % 1000);
        let nanos = u32::try_from(rest * 1_000_000).unwrap_or(0);
        Self(Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, seconds, nanos)))
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
        let early = SessionId::new(Timestamp::from_unix_millis(1_000));
        let late = SessionId::new(Timestamp::from_unix_millis(2_000));
        assert!(early < late);
        assert_eq!(late.made_at(), Timestamp::from_unix_millis(2_000));
        assert_eq!(early.to_string().parse::<SessionId>().unwrap(), early);
        assert!("01890a5dac96774bbcceb302099a8057".parse::<SessionId>().is_err());
    }
}
