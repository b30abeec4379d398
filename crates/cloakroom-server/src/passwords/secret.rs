use std::fmt;

use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// A password as it was typed. Wiped when dropped; has no `Display`, and `Debug` shows no part of
/// it. Copies that the reading of a form makes on the way here are not wiped.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes over the text.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Whether nothing was typed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `repeat` is the same; both come from one form, so the time it takes tells nothing.
    pub fn matches(&self, repeat: &Self) -> bool {
        self.0 == repeat.0
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password")
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_part_of_it() {
        let password = Password::new("hunter-2-and-more".to_owned());
        assert_eq!(format!("{password:?} {password:#?}"), "Password Password");
    }

    #[test]
    fn a_repeated_password_must_match() {
        let password = |text: &str| Password::new(text.to_owned());
        assert!(password("a").matches(&password("a")));
        assert!(!password("a").matches(&password("a ")));
        assert!(password("").is_empty());
    }
}
