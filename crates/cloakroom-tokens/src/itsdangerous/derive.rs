use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};
use zeroize::Zeroizing;

use crate::hmac::{Hash, HmacKey};

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

impl Digest {
    const fn hmac(self) -> Hash {
        match self {
            Self::Sha1 => Hash::Sha1,
            Self::Sha256 => Hash::Sha256,
            Self::Sha512 => Hash::Sha512,
        }
    }
}

/// The key that a secret gives under a salt.
pub(super) fn derive(digest: Digest, by: Derivation, secret: &[u8], salt: &[u8]) -> HmacKey {
    let derived = match by {
        Derivation::DjangoConcat => hash(digest, &[salt, b"signer", secret]),
        Derivation::Concat => hash(digest, &[salt, secret]),
        Derivation::Hmac => Zeroizing::new(HmacKey::new(digest.hmac(), secret).sign(salt)),
        Derivation::None => Zeroizing::new(secret.to_vec()),
    };
    HmacKey::new(digest.hmac(), &derived)
}

fn hash(digest: Digest, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let message = Zeroizing::new(parts.concat());
    Zeroizing::new(match digest {
        Digest::Sha1 => Sha1::digest(&*message).to_vec(),
        Digest::Sha256 => Sha256::digest(&*message).to_vec(),
        Digest::Sha512 => Sha512::digest(&*message).to_vec(),
    })
}
