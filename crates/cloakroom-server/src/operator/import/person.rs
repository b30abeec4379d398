use std::fmt;

use serde::{Deserialize, Serialize};

/// A user to import, as a file has them. Nothing in it is checked yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportedPerson {
    /// The line of the file on which the user begins.
    pub line: u64,
    /// The login name.
    pub name: String,
    /// The application's own id of the user; a fresh one when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The name as people see it; the login name when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// The application's password hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<ForeignHash>,
    /// Whether the user is an administrator.
    #[serde(default)]
    pub admin: bool,
    /// Whether sign-in is refused.
    #[serde(default)]
    pub disabled: bool,
}

/// A password hash that an application made. `Debug` shows only the name of the type.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ForeignHash(String);

impl ForeignHash {
    /// Takes over the text.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text without the blanks that columns of fixed width have behind it.
    pub(super) fn text(&self) -> &str {
        self.0.trim()
    }
}

impl fmt::Debug for ForeignHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ForeignHash")
    }
}
