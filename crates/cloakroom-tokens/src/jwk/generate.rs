use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair,
};
use zeroize::Zeroizing;

use super::parts::Parts;
use super::{JwkError, PrivateJwk};
use crate::jws::Algorithm;
use crate::key::fill;

impl PrivateJwk {
    /// A fresh key: 256 random bits for HS256, 2048 bits for RS256 (which takes up to a second).
    ///
    /// # Errors
    /// [`JwkError::VerifiesOnly`], [`JwkError::Random`].
    pub fn generate(algorithm: Algorithm) -> Result<Self, JwkError> {
        let random = SystemRandom::new();
        match algorithm {
            Algorithm::Hs256 => {
                let mut secret = Zeroizing::new(vec![0; 32]);
                fill(&mut secret).map_err(|_| JwkError::Random)?;
                Self::new(None, algorithm, None, Parts::new([("k", secret)]))
            }
            Algorithm::Es256 => {
                let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
                Self::from_pkcs8(algorithm, der.map_err(|_| JwkError::Random)?.as_ref())
            }
            Algorithm::EdDsa => {
                let der = Ed25519KeyPair::generate_pkcs8(&random);
                Self::from_pkcs8(algorithm, der.map_err(|_| JwkError::Random)?.as_ref())
            }
            Algorithm::Rs256 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| JwkError::Random)?;
                let der = pair.as_der().map_err(|_| JwkError::Random)?;
                Self::from_pkcs8(algorithm, der.as_ref())
            }
            _ => Err(JwkError::VerifiesOnly),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_key_of_every_algorithm_that_signs_reads_back() {
        for (algorithm, _) in Algorithm::ALL {
            let Ok(key) = PrivateJwk::generate(algorithm) else {
                assert!(!algorithm.signs(), "{algorithm}");
                continue;
            };
            let again = PrivateJwk::parse(&key.reveal()).unwrap();
            assert_eq!(*again.reveal(), *key.reveal());
            assert_eq!((again.kid(), again.algorithm()), (key.kid(), algorithm));
            assert_eq!(key.kid().len(), 43);
            assert_eq!(key.to_public().is_none(), algorithm.is_symmetric());
            assert_ne!(PrivateJwk::generate(algorithm).unwrap().kid(), key.kid());
        }
    }
}
