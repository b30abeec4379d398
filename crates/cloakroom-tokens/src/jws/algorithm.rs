use std::fmt;
use std::str::FromStr;

use crate::hmac::Hash;

/// A signature algorithm of JWS (RFC 7518 section 3, RFC 8037), by its registered name.
///
/// A key has exactly one; the header of a token must repeat it and chooses nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// Ed25519 under the name `EdDSA`.
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384. Verifies only.
    Hs384,
    /// HMAC with SHA-512. Verifies only.
    Hs512,
    /// RSA PSS with SHA-256. Verifies only.
    Ps256,
    /// RSA PSS with SHA-384. Verifies only.
    Ps384,
    /// RSA PSS with SHA-512. Verifies only.
    Ps512,
    /// RSA PKCS #1 v1.5 with SHA-256.
    Rs256,
    /// RSA PKCS #1 v1.5 with SHA-384. Verifies only.
    Rs384,
    /// RSA PKCS #1 v1.5 with SHA-512. Verifies only.
    Rs512,
}

impl Algorithm {
    pub(crate) const ALL: [(Self, &'static str); 11] = [
        (Self::EdDsa, "EdDSA"),
        (Self::Es256, "ES256"),
        (Self::Hs256, "HS256"),
        (Self::Hs384, "HS384"),
        (Self::Hs512, "HS512"),
        (Self::Ps256, "PS256"),
        (Self::Ps384, "PS384"),
        (Self::Ps512, "PS512"),
        (Self::Rs256, "RS256"),
        (Self::Rs384, "RS384"),
        (Self::Rs512, "RS512"),
    ];

    /// Its registered name, as headers and keys write it.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(algorithm, _)| *algorithm == self).map_or("", |(_, name)| name)
    }

    /// Whether who verifies could also sign. Such keys are never published.
    pub const fn is_symmetric(self) -> bool {
        matches!(self, Self::Hs256 | Self::Hs384 | Self::Hs512)
    }

    /// Whether keys of it sign here; the others verify only.
    pub const fn signs(self) -> bool {
        matches!(self, Self::EdDsa | Self::Es256 | Self::Hs256 | Self::Rs256)
    }

    /// The hash of HMAC; `None` for what is not symmetric.
    pub(super) const fn hmac(self) -> Option<Hash> {
        match self {
            Self::Hs256 => Some(Hash::Sha256),
            Self::Hs384 => Some(Hash::Sha384),
            Self::Hs512 => Some(Hash::Sha512),
            _ => None,
        }
    }

    /// The least bytes of an HMAC secret: the length of the hash (RFC 7518 section 3.2).
    pub(crate) const fn least_secret_bytes(self) -> usize {
        match self {
            Self::Hs384 => 48,
            Self::Hs512 => 64,
            _ => 32,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The text names no algorithm that this crate knows, or `none`.
#[derive(Debug, thiserror::Error)]
#[error(
    "not a signature algorithm: allowed are EdDSA, ES256, HS256, HS384, HS512, PS256, PS384, \
     PS512, RS256, RS384, RS512"
)]
pub struct AlgorithmError;

impl FromStr for Algorithm {
    type Err = AlgorithmError;

    fn from_str(text: &str) -> Result<Self, AlgorithmError> {
        let found = Self::ALL.iter().find(|(_, name)| *name == text);
        found.map(|(algorithm, _)| *algorithm).ok_or(AlgorithmError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_survives_its_name_and_no_other_spelling_is_read() {
        for (algorithm, name) in Algorithm::ALL {
            assert_eq!(name.parse::<Algorithm>().unwrap(), algorithm);
            assert_eq!(algorithm.to_string(), name);
            assert!(format!(" {name}").parse::<Algorithm>().is_err());
            assert!(name.to_lowercase().parse::<Algorithm>().is_err());
        }
        for name in ["none", "NONE", "", "ES384", "ES521", "HS1", "Ed25519"] {
            assert!(name.parse::<Algorithm>().is_err(), "{name}");
        }
    }
}
