use std::fmt;

/// What a password came to. `Debug` shows no hash.
#[derive(Clone, PartialEq, Eq)]
#[must_use]
pub enum Verified {
    /// It is not the one.
    Wrong,
    /// It is right.
    Right,
    /// It is right, and the stored hash is to be replaced by this one, made of the same password.
    Outdated(String),
}

impl Verified {
    /// Whether the password is right.
    pub fn is_right(&self) -> bool {
        !matches!(self, Self::Wrong)
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Wrong => "Wrong",
            Self::Right => "Right",
            Self::Outdated(_) => "Outdated",
        })
    }
}
