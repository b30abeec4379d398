use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cloakroom::StoreError;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// What every key begins with, so that secret scanners find it.
const PREFIX: &str = "ckey_";
const ID_BYTES: usize = 9;
const SECRET_BYTES: usize = 33;
const TEXT_BYTES: usize = (ID_BYTES + SECRET_BYTES) / 3 * 4;

/// A key as its application holds it: `ckey_` and 56 base64url characters (RFC 4648 section 5),
/// an id of 72 bits and a secret of 264. Shown once; the database holds a digest. `Debug` shows
/// only the name of the type.
pub struct ApiKey {
    text: Zeroizing<String>,
}

impl ApiKey {
    /// A fresh random key.
    ///
    /// # Errors
    /// The system's random source failed; nothing predictable is ever made instead.
    pub fn generate() -> Result<Self, StoreError> {
        let mut bytes = Zeroizing::new([0_u8; ID_BYTES + SECRET_BYTES]);
        getrandom::fill(&mut *bytes)
            .map_err(|error| StoreError::failed("draw random bytes from the system", error))?;
        let mut text = String::with_capacity(PREFIX.len() + TEXT_BYTES);
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(bytes.as_slice(), &mut text);
        Ok(Self { text: Zeroizing::new(text) })
    }

    /// Reads hostile input of any length; `None` when it has not the shape of a key.
    pub fn read(presented: &str) -> Option<Self> {
        let body = presented.strip_prefix(PREFIX)?;
        let fits = body.len() == TEXT_BYTES
            && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        fits.then(|| Self { text: Zeroizing::new(presented.to_owned()) })
    }

    /// Its public id: safe in lists and logs.
    pub fn id(&self) -> String {
        self.text[PREFIX.len()..PREFIX.len() + ID_BYTES / 3 * 4].to_owned()
    }

    /// The text, to be shown once.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    pub(super) fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.text.as_bytes()).into()
    }

    /// In constant time.
    pub(super) fn has_digest(&self, digest: &[u8; 32]) -> bool {
        self.digest().ct_eq(digest).into()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_and_shows_nothing_in_debug() {
        let key = ApiKey::generate().unwrap();
        let read = ApiKey::read(key.reveal()).unwrap();
        assert!(read.has_digest(&key.digest()) && read.id() == key.id());
        assert_eq!((key.reveal().len(), key.id().len()), (61, 12));
        assert_eq!(format!("{key:?}"), "ApiKey");
    }

    #[test]
    fn what_has_not_the_shape_of_a_key_is_not_read() {
        let key = ApiKey::generate().unwrap();
        let key = key.reveal();
        for bad in ["", "ckey_", &key[..60], &format!("{key}A"), &key[5..], &key.replace('c', "é")]
        {
            assert!(ApiKey::read(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn another_secret_has_another_digest() {
        let (one, other) = (ApiKey::generate().unwrap(), ApiKey::generate().unwrap());
        assert!(!one.has_digest(&other.digest()));
    }
}
