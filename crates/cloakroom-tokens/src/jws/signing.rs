use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};

use super::{Algorithm, VerifyingKey};
use crate::hmac::{Hash, HmacKey};
use crate::jwk::{JwkError, PrivateJwk};

/// A key that signs with its one algorithm: HS256, ES256, EdDSA or RS256.
///
/// Erased when dropped; `Debug` shows only the name of the type.
pub struct SigningKey {
    jwk: PrivateJwk,
    signer: Signer,
    verifying: VerifyingKey,
}

enum Signer {
    Hmac(HmacKey),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

/// A token could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// It would be larger than any that is taken.
    #[error("the token would be larger than 16 KiB")]
    TooLarge,
    /// The key could not be used, or the system's random source failed.
    #[error("the signing key or the system's random source failed")]
    Failed,
}

impl SigningKey {
    /// A fresh key, as [`PrivateJwk::generate`].
    ///
    /// # Errors
    /// As there.
    pub fn generate(algorithm: Algorithm) -> Result<Self, JwkError> {
        Self::new(PrivateJwk::generate(algorithm)?)
    }

    /// A key that was kept or imported.
    ///
    /// # Errors
    /// [`JwkError::VerifiesOnly`] for an algorithm that signs nothing here.
    pub fn new(jwk: PrivateJwk) -> Result<Self, JwkError> {
        let signer = match jwk.algorithm() {
            Algorithm::EdDsa => Signer::Ed25519(jwk.ed25519()?),
            Algorithm::Es256 => Signer::Ecdsa(jwk.ecdsa()?),
            Algorithm::Rs256 => Signer::Rsa(jwk.rsa()?),
            Algorithm::Hs256 => Signer::Hmac(HmacKey::new(Hash::Sha256, jwk.secret())),
            _ => return Err(JwkError::VerifiesOnly),
        };
        let verifying = VerifyingKey::of_private(&jwk)?;
        Ok(Self { jwk, signer, verifying })
    }

    /// Its id.
    pub fn kid(&self) -> &str {
        self.jwk.kid()
    }

    /// Its only algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.jwk.algorithm()
    }

    /// What verifies its tokens.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying
    }

    /// The whole key, to be kept where only the owner can read.
    pub fn jwk(&self) -> &PrivateJwk {
        &self.jwk
    }

    pub(super) fn signature(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        match &self.signer {
            Signer::Hmac(key) => Ok(key.sign(message)),
            Signer::Ed25519(pair) => pair.try_sign(message).map(|it| it.as_ref().to_vec()),
            Signer::Ecdsa(pair) => {
                pair.sign(&SystemRandom::new(), message).map(|it| it.as_ref().to_vec())
            }
            Signer::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let random = SystemRandom::new();
                let signed = pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature);
                signed.map(|()| signature)
            }
        }
        .map_err(|_| SignError::Failed)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SigningKey")
    }
}
