use cloakroom_core::StoreError;

/// A cookie could not be sealed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// A claim has a value that no cookie can carry.
    #[error("the claim {0:?} has a value that no cookie can carry")]
    Claim(&'static str),
    /// Name and value would be longer than browsers keep, or than the budget.
    #[error(
        "the cookie would have {bytes} bytes of {budget} allowed, {data_bytes} of them for data"
    )]
    OverBudget {
        /// What name and value would have together.
        bytes: usize,
        /// What they may have.
        budget: usize,
        /// What the application's data has of it.
        data_bytes: usize,
    },
    /// The system's random source failed.
    #[error("the cookie could not be encrypted")]
    Random(#[source] StoreError),
}

/// Why a cookie is not believed: for logs, never for whoever presented it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealedRefusal {
    /// It has more bytes than any cookie.
    #[error("the cookie is larger than allowed")]
    TooLarge,
    /// It is not canonical base64url of a header and a tag.
    #[error("not a sealed cookie")]
    Malformed,
    /// There is no key of that id.
    #[error("there is no key with the id in the cookie")]
    UnknownKey,
    /// The key protects in another way than the cookie says.
    #[error("the key protects in another way")]
    OtherProtection,
    /// The tag is not one of the key over this cookie, under this name and purpose.
    #[error("the tag is not one of the key for this cookie name and purpose")]
    BadTag,
    /// The key sealed it, but not as claims of this version in their only spelling.
    #[error("the claims are not of this version")]
    Claims,
    /// The session was not used for its idle timeout.
    #[error("the session was not used for too long")]
    Idle,
    /// The session has reached its absolute timeout.
    #[error("the session has reached its absolute timeout")]
    Expired,
    /// It was issued by a clock too far ahead.
    #[error("the cookie was issued in the future")]
    NotYet,
}
