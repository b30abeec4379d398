use super::WeakSecret;
use crate::json::{JsonFault, MemberFault};

/// Why a JSON Web Key is not taken. Never holds a part of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwkError {
    /// The text is not one strict JSON object.
    #[error("the key is {0}")]
    Json(JsonFault),
    /// A member that must be there is not.
    #[error("the key has no member {0:?}")]
    Missing(&'static str),
    /// A member has a value that is not allowed.
    #[error("the member {0:?} of the key has a value that is not allowed")]
    Wrong(&'static str),
    /// The type (`kty`) or curve (`crv`) is none that signs here.
    #[error("the key's type is not one of EC on P-256, OKP on Ed25519, RSA and oct")]
    UnknownType,
    /// The `alg` is none that is known here.
    #[error("the key's algorithm is not known")]
    UnknownAlgorithm,
    /// An RSA or HMAC key does not say its `alg`, which no type implies.
    #[error("an RSA or oct key must name its algorithm in \"alg\"")]
    NoAlgorithm,
    /// The `alg` needs another type or curve of key.
    #[error("the key's algorithm does not fit its type")]
    WrongType,
    /// `use` or `key_ops` say that the key is for something else.
    #[error("the key is not meant for signatures")]
    OtherUse,
    /// A public key was asked for, and this one has private parts.
    #[error("the key holds the private part {0:?} and must not be published")]
    PrivatePart(&'static str),
    /// The RSA modulus or exponent is not allowed.
    #[error("an RSA key must have 2048 to 8192 bits and an exponent from 65537 to 4294967295")]
    RsaSize,
    /// The RSA key was made by a generator with the ROCA defect (CVE-2017-15361).
    #[error("the RSA key was made by a faulty generator (ROCA) and can be broken")]
    Roca,
    /// The point is not on the curve, or the parts do not belong together.
    #[error("the parts of the key do not belong together")]
    Inconsistent,
    /// The HMAC secret could be guessed.
    #[error("the secret is weak: {0}")]
    Weak(WeakSecret),
    /// Two keys of a set have one id.
    #[error("two keys of the set have the same id")]
    DuplicateId,
    /// A set has symmetric and asymmetric keys.
    #[error("the set mixes symmetric and asymmetric keys")]
    MixedSet,
    /// A set has more keys than allowed.
    #[error("the set has more than 64 keys")]
    TooMany,
    /// Keys of this algorithm verify only.
    #[error("keys of this algorithm verify only")]
    VerifiesOnly,
    /// The bytes, or the PEM text, are no PKCS #8 document of such a key.
    #[error("not a PKCS #8 document with a private key of this algorithm")]
    Pkcs8,
    /// The system's random source failed.
    #[error("the system's random source failed")]
    Random,
}

impl From<JsonFault> for JwkError {
    fn from(fault: JsonFault) -> Self {
        Self::Json(fault)
    }
}

impl JwkError {
    pub(super) fn of(name: &'static str) -> impl Fn(MemberFault) -> Self {
        move |fault| match fault {
            MemberFault::Missing => Self::Missing(name),
            MemberFault::Wrong => Self::Wrong(name),
        }
    }
}
