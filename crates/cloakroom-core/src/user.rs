use std::fmt;

use serde::{Deserialize, Serialize};

/// The application's own id of a user: 1 to 128 visible ASCII characters.
///
/// One spelling is used for index, epoch, counters and headers alike, so fold case before making
/// one if the application's ids ignore case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserId(String);

/// The text cannot be a user id, name or group.
#[derive(Debug, thiserror::Error)]
#[error("{what} must be 1 to 128 visible ASCII characters without spaces or commas")]
pub struct UserError {
    what: &'static str,
}

impl UserId {
    /// Checks and wraps an id.
    ///
    /// # Errors
    /// [`UserError`] when the text is empty, longer than 128 bytes, or holds anything but visible
    /// ASCII without a comma; so an id can always stand in a header. `.` and `..` are none, so
    /// that an id can always stand in a path.
    pub fn new(id: impl Into<String>) -> Result<Self, UserError> {
        let id = header_safe(id.into(), "a user id")?;
        if id == "." || id == ".." {
            return Err(UserError { what: "a user id (which \".\" and \"..\" are not)" });
        }
        Ok(Self(id))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn header_safe(text: String, what: &'static str) -> Result<String, UserError> {
    let visible = |byte: u8| byte.is_ascii_graphic() && byte != b',';
    if (1..=128).contains(&text.len()) && text.bytes().all(visible) {
        Ok(text)
    } else {
        Err(UserError { what })
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

impl TryFrom<String> for UserId {
    type Error = UserError;

    fn try_from(text: String) -> Result<Self, UserError> {
        Self::new(text)
    }
}

impl From<UserId> for String {
    fn from(id: UserId) -> Self {
        id.0
    }
}

/// Who logs in: the application's id, the name shown to people, and the groups held now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub(crate) id: UserId,
    pub(crate) name: String,
    pub(crate) groups: Vec<String>,
}

impl User {
    /// A user without groups whose name is the id.
    ///
    /// # Errors
    /// As [`UserId::new`].
    pub fn new(id: impl Into<String>) -> Result<Self, UserError> {
        let id = UserId::new(id)?;
        Ok(Self { name: id.0.clone(), id, groups: Vec::new() })
    }

    /// Sets the name that lists and searches show.
    ///
    /// # Errors
    /// As [`UserId::new`].
    pub fn name(mut self, name: impl Into<String>) -> Result<Self, UserError> {
        self.name = header_safe(name.into(), "a user name")?;
        Ok(self)
    }

    /// Sets the groups.
    ///
    /// # Errors
    /// As [`UserId::new`], for any of the groups.
    pub fn groups<G: Into<String>>(
        mut self,
        groups: impl IntoIterator<Item = G>,
    ) -> Result<Self, UserError> {
        let checked = groups.into_iter().map(|group| header_safe(group.into(), "a group"));
        self.groups = checked.collect::<Result<_, _>>()?;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_could_break_a_header_are_refused() {
        for bad in ["", ".", "..", "a b", "a,b", "a\r\nb", "ä", &"x".repeat(129)] {
            assert!(UserId::new(bad).is_err(), "{bad:?}");
        }
        assert!(UserId::new("auth0|42@example.org").is_ok());
        assert!(User::new("a").unwrap().groups(["ok", "not ok"]).is_err());
    }
}
