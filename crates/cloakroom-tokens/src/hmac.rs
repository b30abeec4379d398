use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};

/// The hash in an HMAC.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

/// An HMAC key for any of the hashes, prepared. Erased when dropped.
#[derive(Clone)]
pub(crate) enum HmacKey {
    Sha1(Box<Hmac<Sha1>>),
    Sha256(Box<Hmac<Sha256>>),
    Sha384(Box<Hmac<Sha384>>),
    Sha512(Box<Hmac<Sha512>>),
}

impl HmacKey {
    pub(crate) fn new(hash: Hash, key: &[u8]) -> Self {
        match hash {
            Hash::Sha1 => Self::Sha1(keyed(key)),
            Hash::Sha256 => Self::Sha256(keyed(key)),
            Hash::Sha384 => Self::Sha384(keyed(key)),
            Hash::Sha512 => Self::Sha512(keyed(key)),
        }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1(key) => tag(&**key, message),
            Self::Sha256(key) => tag(&**key, message),
            Self::Sha384(key) => tag(&**key, message),
            Self::Sha512(key) => tag(&**key, message),
        }
    }

    /// Whether the tag is that of the message, whole. Compares in constant time.
    pub(crate) fn accepts(&self, message: &[u8], expected: &[u8]) -> bool {
        match self {
            Self::Sha1(key) => is_tag(&**key, message, expected),
            Self::Sha256(key) => is_tag(&**key, message, expected),
            Self::Sha384(key) => is_tag(&**key, message, expected),
            Self::Sha512(key) => is_tag(&**key, message, expected),
        }
    }
}

fn keyed<M: KeyInit>(key: &[u8]) -> Box<M> {
    Box::new(<M as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length"))
}

fn tag(key: &(impl Mac + Clone), message: &[u8]) -> Vec<u8> {
    key.clone().chain_update(message).finalize().into_bytes().to_vec()
}

fn is_tag(key: &(impl Mac + Clone), message: &[u8], tag: &[u8]) -> bool {
    key.clone().chain_update(message).verify_slice(tag).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_counts_only_as_a_whole() {
        for hash in [Hash::Sha1, Hash::Sha256, Hash::Sha384, Hash::Sha512] {
            let key = HmacKey::new(hash, b"key");
            let tag = key.sign(b"message");
            assert!(key.accepts(b"message", &tag) && !key.accepts(b"messagf", &tag));
            assert!((0..tag.len()).all(|end| !key.accepts(b"message", &tag[..end])), "{hash:?}");
            assert!(!key.accepts(b"message", &[&tag[..], b"\0"].concat()));
        }
    }
}
