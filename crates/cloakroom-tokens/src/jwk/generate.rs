use aws_lc_rs::encoding::{AsBigEndian, AsDer};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair,
};
use zeroize::Zeroizing;

use super::kind::Kind;
use super::parts::Parts;
use super::{JwkError, PrivateJwk, PublicJwk};
use crate::jws::Algorithm;
use crate::key::fill;

type Part = (&'static str, Zeroizing<Vec<u8>>);

/// The members of an `RSAPrivateKey` (RFC 8017 appendix A.1.2) behind its version, in order.
const RSA_MEMBERS: [&str; 8] = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 2;
const OCTETS: u8 = 4;

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

    /// The key in a PKCS #8 document (RFC 5958, DER), as other tools keep it.
    ///
    /// # Errors
    /// [`JwkError::Pkcs8`], or what else is wrong with the key. HMAC keys have no such form.
    pub fn from_pkcs8(algorithm: Algorithm, der: &[u8]) -> Result<Self, JwkError> {
        let (public, private) = match Kind::of(algorithm) {
            Kind::P256 => p256(der),
            Kind::Ed25519 => ed25519(der),
            Kind::Rsa => rsa(der),
            Kind::Secret => None,
        }
        .ok_or(JwkError::Pkcs8)?;
        let public = PublicJwk::new(None, algorithm, Parts::new(public))?;
        Self::new(None, algorithm, Some(public), Parts::new(private))
    }
}

fn p256(der: &[u8]) -> Option<(Vec<Part>, Vec<Part>)> {
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).ok()?;
    let d = pair.private_key().as_be_bytes().ok()?;
    // An uncompressed point: a byte 4, then x and y of 32 bytes each.
    let (x, y) = pair.public_key().as_ref().get(1..65)?.split_at(32);
    Some((vec![part("x", x), part("y", y)], vec![part("d", d.as_ref())]))
}

fn ed25519(der: &[u8]) -> Option<(Vec<Part>, Vec<Part>)> {
    let pair = Ed25519KeyPair::from_pkcs8(der)
        .or_else(|_| Ed25519KeyPair::from_pkcs8_maybe_unchecked(der))
        .ok()?;
    let seed = pair.seed().ok()?.as_be_bytes().ok()?;
    let public = part("x", pair.public_key().as_ref());
    Some((vec![public], vec![part("d", seed.as_ref())]))
}

fn rsa(der: &[u8]) -> Option<(Vec<Part>, Vec<Part>)> {
    // The library checks the document as a whole but hands out no private number.
    RsaKeyPair::from_pkcs8(der).ok()?;
    let mut document = take(SEQUENCE, &mut { der })?;
    take(INTEGER, &mut document)?;
    take(SEQUENCE, &mut document)?;
    let mut key = take(SEQUENCE, &mut take(OCTETS, &mut document)?)?;
    take(INTEGER, &mut key)?;
    let mut parts = Vec::with_capacity(RSA_MEMBERS.len());
    for name in RSA_MEMBERS {
        let number = take(INTEGER, &mut key)?;
        // A leading zero says only that the number is not negative.
        parts.push(part(name, number.strip_prefix(&[0]).unwrap_or(number)));
    }
    let private = parts.split_off(2);
    parts.reverse();
    Some((parts, private))
}

fn part(name: &'static str, bytes: &[u8]) -> Part {
    (name, Zeroizing::new(bytes.to_vec()))
}

/// The content of the DER element with this tag that `input` begins with; moves behind it.
fn take<'a>(tag: u8, input: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (&[found, first], rest) = input.split_first_chunk()?;
    let more = usize::from(first & 0x7f);
    let (length, rest) = match first {
        0..0x80 => (usize::from(first), rest),
        _ if more <= 3 => {
            let (length, rest) = rest.split_at_checked(more)?;
            (length.iter().fold(0, |sum, byte| (sum << 8) | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    *input = rest;
    (found == tag).then_some(content)
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

    #[test]
    fn no_cut_and_no_flipped_document_makes_a_panic() {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let der = pair.as_der().unwrap().as_ref().to_vec();
        assert!(PrivateJwk::from_pkcs8(Algorithm::Rs256, &der).is_ok());
        assert!(PrivateJwk::from_pkcs8(Algorithm::Ps512, &der).is_ok());
        for other in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Hs256] {
            assert!(PrivateJwk::from_pkcs8(other, &der).is_err());
        }
        for end in 0..40 {
            assert!(rsa(&der[..end]).is_none());
        }
        for at in 0..40 {
            let mut der = der.clone();
            der[at] ^= 0x81;
            let _ = PrivateJwk::from_pkcs8(Algorithm::Rs256, &der);
        }
    }
}
