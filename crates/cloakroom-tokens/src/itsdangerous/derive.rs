use hmac::{Hmac, KeyInit};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};
use zeroize::Zeroizing;

/// The hash in key derivation and signature (`digest_method`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Digest {
    /// SHA-1, which itsdangerous uses unless told otherwise. HMAC with it is not known to be weak.
    #[default]
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// How the key comes of secret and salt (`key_derivation`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Derivation {
    /// `django-concat`, which itsdangerous uses unless told otherwise.
    #[default]
    DjangoConcat,
    /// `hmac`, which Flask uses.
    Hmac,
    /// `concat`.
    Concat,
    /// `none`: the secret itself. The salt then separates no purposes.
    None,
}

/// A derived key, prepared. Erased when dropped.
#[derive(Clone)]
pub(super) enum Key {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha512(Box<Hmac<Sha512>>),
}

impl Key {
    pub(super) fn derive(digest: Digest, by: Derivation, secret: &[u8], salt: &[u8]) -> Self {
        let derived = match by {
            Derivation::DjangoConcat => hash(digest, &[salt, b"signer", secret]),
            Derivation::Concat => hash(digest, &[salt, secret]),
            Derivation::Hmac => Zeroizing::new(Self::new(digest, secret).sign(salt)),
            Derivation::None => Zeroizing::new(secret.to_vec()),
        };
        Self::new(digest, &derived)
    }

    fn new(digest: Digest, key: &[u8]) -> Self {
        match digest {
            Digest::Sha1 => Self::Sha1(keyed(key)),
            Digest::Sha256 => Self::Sha256(keyed(key)),
            Digest::Sha512 => Self::Sha512(Box::new(keyed(key))),
        }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1(key) => tag(key.clone(), message),
            Self::Sha256(key) => tag(key.clone(), message),
            Self::Sha512(key) => tag(key.as_ref().clone(), message),
        }
    }

    /// Compares in constant time.
    pub(super) fn accepts(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Sha1(key) => is_tag(key.clone(), message, signature),
            Self::Sha256(key) => is_tag(key.clone(), message, signature),
            Self::Sha512(key) => is_tag(key.as_ref().clone(), message, signature),
        }
    }
}

fn keyed<M: KeyInit>(key: &[u8]) -> M {
    <M as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length")
}

fn tag(mac: impl hmac::Mac, message: &[u8]) -> Vec<u8> {
    mac.chain_update(message).finalize().into_bytes().to_vec()
}

fn is_tag(mac: impl hmac::Mac, message: &[u8], tag: &[u8]) -> bool {
    mac.chain_update(message).verify_slice(tag).is_ok()
}

fn hash(digest: Digest, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let message = Zeroizing::new(parts.concat());
    Zeroizing::new(match digest {
        Digest::Sha1 => Sha1::digest(&*message).to_vec(),
        Digest::Sha256 => Sha256::digest(&*message).to_vec(),
        Digest::Sha512 => Sha512::digest(&*message).to_vec(),
    })
}
