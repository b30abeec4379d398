use crate::json::JsonFault;

/// Why a token is not believed: for logs, never for whoever presented it. Holds no part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It has more bytes than any token that is taken.
    #[error("the token is larger than allowed")]
    TooLarge,
    /// It is not three parts of canonical base64url.
    #[error("not three parts of canonical base64url")]
    Malformed,
    /// Its header is not strict JSON.
    #[error("the header is {0}")]
    Header(JsonFault),
    /// A member of its header has a wrong type or value, or `alg` is missing.
    #[error("the header has no good {0:?}")]
    HeaderMember(&'static str),
    /// Its header has a member that is never taken: `crit`, `b64`, a key or its address.
    #[error("the header holds {0:?}, which is refused")]
    Forbidden(&'static str),
    /// There is no key of that id, or it names none.
    #[error("there is no key with the id in the header")]
    UnknownKey,
    /// The header names another algorithm than that of the key.
    #[error("the header names another algorithm than the key has")]
    OtherAlgorithm,
    /// It is a token of another type than asked for.
    #[error("the header names another type of token")]
    OtherType,
    /// The signature is not one of this key over this token.
    #[error("the signature is not one of the key")]
    BadSignature,
}
