use std::fmt;

use cloakroom_core::StoreError;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// 256 secret bits from which a key for each purpose is derived, so that none serves two (law 12).
///
/// Erased when dropped; `Debug` shows only the name of the type.
#[derive(Clone)]
pub struct SecretKey(Zeroizing<[u8; 32]>);

impl SecretKey {
    /// A fresh random key.
    ///
    /// # Errors
    /// The system's random source failed; nothing predictable is ever made instead.
    pub fn generate() -> Result<Self, StoreError> {
        let mut bytes = Zeroizing::new([0; 32]);
        fill(&mut *bytes)?;
        Ok(Self(bytes))
    }

    /// From 32 bytes that a random source made.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, to be kept in a file that only the owner can read.
    pub fn reveal(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key for one purpose.
    pub(crate) fn derive(&self, purpose: &[u8]) -> MacKey {
        MacKey::new(&MacKey::new(&self.0).mac(&[purpose]))
    }
}

/// A key for HMAC-SHA-256, prepared: a MAC costs half of what it would with the bare key.
#[derive(Clone)]
pub(crate) struct MacKey(Hmac<Sha256>);

impl MacKey {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        let keyed = <Hmac<Sha256> as KeyInit>::new_from_slice(key);
        Self(keyed.expect("HMAC takes a key of any length"))
    }

    /// HMAC-SHA-256 over the parts, which must have fixed lengths or stand last.
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        Zeroizing::new(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MacKey")
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretKey")
    }
}

pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), StoreError> {
    getrandom::fill(bytes)
        .map_err(|error| StoreError::failed("draw random bytes from the system", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_bytes() {
        assert_eq!(format!("{:?}", SecretKey::from_bytes([7; 32])), "SecretKey");
    }

    #[test]
    fn keys_of_different_purposes_differ() {
        let key = SecretKey::from_bytes([7; 32]);
        assert_ne!(*key.derive(b"a").mac(&[]), *key.derive(b"b").mac(&[]));
    }
}
