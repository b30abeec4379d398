use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What an API key may do.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
pub enum Scope {
    /// End sessions.
    #[serde(rename = "sessions:end")]
    SessionsEnd,
    /// Verify, look up, list and count sessions, read their data and the history.
    #[serde(rename = "sessions:read")]
    SessionsRead,
    /// Create and rotate sessions and write their data.
    #[serde(rename = "sessions:write")]
    SessionsWrite,
    /// List and look up users.
    #[serde(rename = "users:read")]
    UsersRead,
    /// Add, change, disable and enable users.
    #[serde(rename = "users:write")]
    UsersWrite,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::SessionsEnd,
        Self::SessionsRead,
        Self::SessionsWrite,
        Self::UsersRead,
        Self::UsersWrite,
    ];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SessionsEnd => "sessions:end",
            Self::SessionsRead => "sessions:read",
            Self::SessionsWrite => "sessions:write",
            Self::UsersRead => "users:read",
            Self::UsersWrite => "users:write",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The text names no scope.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no scope {0:?}; the scopes are sessions:read, sessions:write, sessions:end, \
     users:read and users:write"
)]
pub struct ScopeError(String);

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let found = Self::ALL.into_iter().find(|scope| scope.as_str() == text);
        found.ok_or_else(|| ScopeError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_survives_its_name_and_the_error_lists_them_all() {
        let error = "all".parse::<Scope>().unwrap_err().to_string();
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.as_str());
            assert!(error.contains(scope.as_str()), "{scope}");
        }
    }
}
