use hmac::{Hmac, KeyInit, Mac as _};
use sha2::{Sha256, Sha384, Sha512};

use super::Algorithm;

/// An HMAC key, prepared. Erased when dropped.
#[derive(Clone)]
pub(super) enum Mac {
    Sha256(Hmac<Sha256>),
    Sha384(Box<Hmac<Sha384>>),
    Sha512(Box<Hmac<Sha512>>),
}

const ANY_LENGTH: &str = "HMAC takes a key of any length";

impl Mac {
    /// `None` for an algorithm that is not symmetric.
    pub(super) fn new(algorithm: Algorithm, secret: &[u8]) -> Option<Self> {
        match algorithm {
            Algorithm::Hs256 => Some(Self::Sha256(keyed(secret))),
            Algorithm::Hs384 => Some(Self::Sha384(Box::new(keyed(secret)))),
            Algorithm::Hs512 => Some(Self::Sha512(Box::new(keyed(secret)))),
            _ => None,
        }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256(key) => key.clone().chain_update(message).finalize().into_bytes().to_vec(),
            Self::Sha384(key) => {
                key.as_ref().clone().chain_update(message).finalize().into_bytes().to_vec()
            }
            Self::Sha512(key) => {
                key.as_ref().clone().chain_update(message).finalize().into_bytes().to_vec()
            }
        }
    }

    /// Compares in constant time.
    pub(super) fn verify(&self, message: &[u8], tag: &[u8]) -> bool {
        match self {
            Self::Sha256(key) => key.clone().chain_update(message).verify_slice(tag).is_ok(),
            Self::Sha384(key) => {
                key.as_ref().clone().chain_update(message).verify_slice(tag).is_ok()
            }
            Self::Sha512(key) => {
                key.as_ref().clone().chain_update(message).verify_slice(tag).is_ok()
            }
        }
    }
}

fn keyed<M: KeyInit>(secret: &[u8]) -> M {
    <M as KeyInit>::new_from_slice(secret).expect(ANY_LENGTH)
}
