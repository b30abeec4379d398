use std::fmt;

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use cloakroom_core::StoreError;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::SecretKey;
use crate::base64url;
use crate::key::{MacKey, fill};

pub(super) const TAG_BYTES: usize = 32;
pub(super) const NONCE_BYTES: usize = 24;

/// How a key protects cookies. A key has one way, so that the client never chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// HMAC-SHA-256: the client can read the claims and cannot change them.
    Signed,
    /// XChaCha20-Poly1305: the client can do neither.
    Encrypted,
}

/// The public id of a [`SealingKey`]: 8 bytes that follow from the key, or 11 characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SealingKeyId(pub(super) [u8; 8]);

impl fmt::Display for SealingKeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&base64url::encode(self.0))
    }
}

/// A key that seals cookies, derived from a secret for this and nothing else (law 12).
///
/// `Debug` shows only its id and way.
#[derive(Clone)]
pub struct SealingKey {
    id: SealingKeyId,
    cipher: Cipher,
}

#[derive(Clone)]
enum Cipher {
    Signed(MacKey),
    Encrypted(Box<XChaCha20Poly1305>),
}

impl Protection {
    pub(super) const fn mode(self) -> u8 {
        match self {
            Self::Signed => 1,
            Self::Encrypted => 2,
        }
    }

    const fn label(self) -> &'static [u8] {
        match self {
            Self::Signed => b"cloakroom/v1/signed-cookie/hmac-sha256",
            Self::Encrypted => b"cloakroom/v1/signed-cookie/xchacha20-poly1305",
        }
    }
}

impl SealingKey {
    /// The key for one way of protection that follows from `secret`. Its id does too, and tells
    /// nothing of it.
    pub fn new(secret: &SecretKey, protection: Protection) -> Self {
        let derived = secret.derive(protection.label());
        let (id, key) = (derived.mac(&[b"id"]), derived.mac(&[b"key"]));
        let cipher = match protection {
            Protection::Signed => Cipher::Signed(MacKey::new(&key)),
            Protection::Encrypted => {
                Cipher::Encrypted(Box::new(XChaCha20Poly1305::new((&*key).into())))
            }
        };
        Self { id: SealingKeyId(std::array::from_fn(|at| id[at])), cipher }
    }

    /// Its id.
    pub fn id(&self) -> SealingKeyId {
        self.id
    }

    /// How it protects.
    pub fn protection(&self) -> Protection {
        match self.cipher {
            Cipher::Signed(_) => Protection::Signed,
            Cipher::Encrypted(_) => Protection::Encrypted,
        }
    }

    /// Appends the protected claims to `sealed`. What is there already, and `context`, are bound.
    pub(super) fn protect(
        &self,
        context: &[u8],
        claims: &[u8],
        sealed: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        match &self.cipher {
            Cipher::Signed(key) => {
                let tag = key.mac(&[context, sealed, claims]);
                sealed.extend_from_slice(claims);
                sealed.extend_from_slice(&*tag);
            }
            Cipher::Encrypted(cipher) => {
                let mut nonce = [0; NONCE_BYTES];
                fill(&mut nonce)?;
                let mut text = claims.to_vec();
                let bound = [context, sealed].concat();
                let done = cipher.encrypt_in_place(&XNonce::from(nonce), &bound, &mut text);
                done.map_err(|_| StoreError::failed("encrypt a cookie", "too long"))?;
                sealed.extend_from_slice(&nonce);
                sealed.extend_from_slice(&text);
            }
        }
        Ok(())
    }

    /// The claims, if this key protected them under this header and context.
    pub(super) fn recover(
        &self,
        context: &[u8],
        header: &[u8],
        protected: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        match &self.cipher {
            Cipher::Signed(key) => {
                let (claims, tag) =
                    protected.split_at_checked(protected.len().checked_sub(TAG_BYTES)?)?;
                let good = key.mac(&[context, header, claims]).ct_eq(tag);
                bool::from(good).then(|| Zeroizing::new(claims.to_vec()))
            }
            Cipher::Encrypted(cipher) => {
                let (nonce, text) = protected.split_first_chunk::<NONCE_BYTES>()?;
                let mut text = Zeroizing::new(text.to_vec());
                let bound = [context, header].concat();
                let done = cipher.decrypt_in_place(&XNonce::from(*nonce), &bound, &mut *text);
                done.ok().map(|()| text)
            }
        }
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("SealingKey");
        debug.field("id", &self.id).field("protection", &self.protection()).finish()
    }
}
