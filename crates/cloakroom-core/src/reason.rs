use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a session ended. Kept in the history under its snake_case name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EndReason {
    /// The absolute timeout was reached.
    Absolute,
    /// An administrator ended it.
    Admin,
    /// The store had no room for all sessions, and it was not used for longest.
    Capacity,
    /// It was not used for the idle timeout.
    Idle,
    /// The key that its credential was made with was retired.
    KeyRetired,
    /// A newer login took its place under the limit of concurrent sessions.
    Limit,
    /// The user logged out, or ended it from another device.
    Logout,
    /// The user's password changed.
    PasswordChange,
    /// A login on the same client took its place.
    Replaced,
    /// An old credential was presented after its successor: it had been copied.
    Theft,
    /// The user was disabled.
    UserDisabled,
}

impl EndReason {
    pub(crate) const ALL: [(Self, &'static str); 11] = [
        (Self::Absolute, "absolute"),
        (Self::Admin, "admin"),
        (Self::Capacity, "capacity"),
        (Self::Idle, "idle"),
        (Self::KeyRetired, "key_retired"),
        (Self::Limit, "limit"),
        (Self::Logout, "logout"),
        (Self::PasswordChange, "password_change"),
        (Self::Replaced, "replaced"),
        (Self::Theft, "theft"),
        (Self::UserDisabled, "user_disabled"),
    ];

    /// The stable name, as stores, logs and APIs write it.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(reason, _)| *reason == self).map_or("unknown", |(_, name)| name)
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The text names no end reason.
#[derive(Debug, thiserror::Error)]
#[error("unknown end reason {0:?}")]
pub struct ReasonError(String);

impl FromStr for EndReason {
    type Err = ReasonError;

    fn from_str(text: &str) -> Result<Self, ReasonError> {
        let found = Self::ALL.iter().find(|(_, name)| *name == text);
        found.map(|(reason, _)| *reason).ok_or_else(|| ReasonError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_survives_its_name() {
        for (reason, name) in EndReason::ALL {
            assert_eq!(name.parse::<EndReason>().unwrap(), reason);
            assert_eq!(serde_json::to_value(reason).unwrap(), name);
        }
    }
}
