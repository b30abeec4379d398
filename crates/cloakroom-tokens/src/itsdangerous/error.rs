use crate::jwk::WeakSecret;

/// A serializer or a token could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SerializerError {
    /// The list of secrets is empty.
    #[error("there is no secret to sign with")]
    NoSecret,
    /// A secret of the list could be guessed.
    #[error("secret number {number} is weak: {why}")]
    Weak {
        /// Which one, from 1.
        number: usize,
        /// Why.
        why: WeakSecret,
    },
    /// The payload cannot be written as JSON.
    #[error("the payload cannot be written as JSON")]
    Json(#[source] serde_json::Error),
    /// The token would be larger than any that is read.
    #[error("the token would be larger than 16 KiB")]
    TooLarge,
}

/// Why a token is not believed: for logs, never for whoever presented it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignedRefusal {
    /// It has more bytes than any token that is read, or would have when inflated.
    #[error("the token is larger than allowed")]
    TooLarge,
    /// It is not three parts of canonical base64url, or its payload does not inflate.
    #[error("not three parts of canonical base64url")]
    Malformed,
    /// No secret of the list signed it under this salt.
    #[error("the signature is not one of any secret under this salt")]
    BadSignature,
    /// It is older than allowed.
    #[error("the token is older than allowed")]
    Expired,
    /// It was signed by a clock too far ahead.
    #[error("the token was signed in the future")]
    NotYet,
}
