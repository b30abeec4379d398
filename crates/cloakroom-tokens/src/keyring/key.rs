use std::fmt;

use crate::jwk::{JwkError, PrivateJwk, PublicJwk};
use crate::jws::{SigningKey, VerifyingKey};
use crate::sealed::{Protection, SealingKey};

/// A key that can be in a ring.
pub trait RingKey {
    /// Its id, of which a ring has no two.
    fn ring_id(&self) -> String;

    /// The name of its only algorithm.
    fn algorithm_name(&self) -> &'static str;

    /// Whether it can ever sign. One that cannot is only ever imported.
    fn can_sign(&self) -> bool;
}

/// A key for JSON Web Signatures: one that signs, or one that verifies only.
///
/// `Debug` shows only its id and algorithm.
pub struct TokenKey {
    verifying: VerifyingKey,
    public: Option<PublicJwk>,
    private: Private,
}

enum Private {
    Signs(SigningKey),
    Verifies(PrivateJwk),
    Unknown,
}

impl TokenKey {
    /// A private key. It signs if its algorithm does here, or else verifies only.
    ///
    /// # Errors
    /// [`JwkError`].
    pub fn private(jwk: PrivateJwk) -> Result<Self, JwkError> {
        let (verifying, public) = (VerifyingKey::of_private(&jwk)?, jwk.to_public());
        let signs = jwk.algorithm().signs();
        let private =
            if signs { Private::Signs(SigningKey::new(jwk)?) } else { Private::Verifies(jwk) };
        Ok(Self { verifying, public, private })
    }

    /// A published key of somebody else. It verifies only.
    ///
    /// # Errors
    /// [`JwkError`].
    pub fn public(jwk: PublicJwk) -> Result<Self, JwkError> {
        let verifying = VerifyingKey::of_public(&jwk)?;
        Ok(Self { verifying, public: Some(jwk), private: Private::Unknown })
    }

    /// What signs with it; `None` if it verifies only.
    pub fn signing_key(&self) -> Option<&SigningKey> {
        if let Private::Signs(key) = &self.private { Some(key) } else { None }
    }

    /// The whole key, to be kept where only the owner can read; `None` where only the public half
    /// is known.
    pub fn private_jwk(&self) -> Option<&PrivateJwk> {
        match &self.private {
            Private::Signs(key) => Some(key.jwk()),
            Private::Verifies(jwk) => Some(jwk),
            Private::Unknown => None,
        }
    }

    /// What verifies with it.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying
    }

    /// What is published of it; `None` for HMAC keys.
    pub fn public_jwk(&self) -> Option<&PublicJwk> {
        self.public.as_ref()
    }
}

impl RingKey for TokenKey {
    fn ring_id(&self) -> String {
        self.verifying.kid().to_owned()
    }

    fn algorithm_name(&self) -> &'static str {
        self.verifying.algorithm().as_str()
    }

    fn can_sign(&self) -> bool {
        self.signing_key().is_some()
    }
}

impl RingKey for SealingKey {
    fn ring_id(&self) -> String {
        self.id().to_string()
    }

    fn algorithm_name(&self) -> &'static str {
        match self.protection() {
            Protection::Signed => "HMAC-SHA256",
            Protection::Encrypted => "XChaCha20-Poly1305",
        }
    }

    fn can_sign(&self) -> bool {
        true
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("TokenKey");
        let verifying = &self.verifying;
        debug.field("kid", &verifying.kid()).field("algorithm", &verifying.algorithm()).finish()
    }
}
