use crate::json::{JsonFault, MemberFault};
use crate::jws::{Refusal, SignError};

/// A token could not be issued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// The session's deadline has passed, or it is less than a second away.
    #[error("the session is at its end")]
    Ended,
    /// A further claim has the name of one that tokens have anyway.
    #[error("an extra claim cannot be called {0:?}")]
    Reserved(String),
    /// A claim has a value that no token can carry.
    #[error("the claim {0:?} has a value that no token can carry")]
    Claim(&'static str),
    /// The token would be larger than the budget.
    #[error("the token would have {bytes} bytes of {budget} allowed; too large are {claims:?}")]
    OverBudget {
        /// What it would have, about.
        bytes: usize,
        /// What is allowed.
        budget: usize,
        /// The fewest claims, the largest first, without which it would fit.
        claims: Vec<String>,
    },
    /// The system's random source failed.
    #[error("the system's random source failed")]
    Random,
    /// The key could not sign.
    #[error(transparent)]
    Sign(SignError),
}

/// Why an access token is not believed: for logs, never for whoever presented it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccessRefusal {
    /// It is no token of a known key and of this type.
    #[error(transparent)]
    Token(Refusal),
    /// Its payload is not strict JSON.
    #[error("the claims are {0}")]
    Json(JsonFault),
    /// A claim that every token has is not there.
    #[error("the claim {0:?} is missing")]
    Missing(&'static str),
    /// A claim has a wrong type or a value that is not allowed.
    #[error("the claim {0:?} has a wrong type or value")]
    Wrong(&'static str),
    /// It was issued by somebody else.
    #[error("the token is of another issuer")]
    OtherIssuer,
    /// It was issued for somebody else.
    #[error("the token is for another audience")]
    OtherAudience,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYet,
}

impl AccessRefusal {
    pub(super) fn of(name: &'static str) -> impl Fn(MemberFault) -> Self {
        move |fault| match fault {
            MemberFault::Missing => Self::Missing(name),
            MemberFault::Wrong => Self::Wrong(name),
        }
    }
}
