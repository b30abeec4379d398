use aws_lc_rs::encoding::AsBigEndian;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::kind::Kind;
use super::parts::Parts;
use super::{JwkError, PrivateJwk, PublicJwk};
use crate::jws::Algorithm;

type Part = (&'static str, Zeroizing<Vec<u8>>);

/// The members of an `RSAPrivateKey` (RFC 8017 appendix A.1.2) behind its version, in order.
const RSA_MEMBERS: [&str; 8] = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];
/// `rsaEncryption` without parameters, as an `AlgorithmIdentifier`.
const RSA_ENCRYPTION: [u8; 13] = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 5, 0];

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 2;
const OCTETS: u8 = 4;

const PEM_BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const PEM_END: &str = "-----END PRIVATE KEY-----";
const MOST_PEM_BYTES: usize = 16 * 1024;

impl PrivateJwk {
    /// The key in a PEM file with one `PRIVATE KEY`, as `openssl genpkey` writes it.
    ///
    /// # Errors
    /// As [`PrivateJwk::from_pkcs8`].
    pub fn from_pem(algorithm: Algorithm, text: &str) -> Result<Self, JwkError> {
        let inner = text.trim().strip_prefix(PEM_BEGIN).and_then(|it| it.strip_suffix(PEM_END));
        let inner = inner.filter(|it| it.len() <= MOST_PEM_BYTES).ok_or(JwkError::Pkcs8)?;
        let mut joined = Zeroizing::new(String::with_capacity(inner.len()));
        joined.extend(inner.split_ascii_whitespace());
        let mut der = Zeroizing::new(vec![0; joined.len()]);
        let length = STANDARD.decode_slice(joined.as_bytes(), &mut der);
        Self::from_pkcs8(algorithm, &der[..length.map_err(|_| JwkError::Pkcs8)?])
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
    // The library would check the document as a whole, but hands out no private number. Whether
    // the numbers belong together is checked by who takes them.
    let mut document = take(SEQUENCE, &mut { der })?;
    take(INTEGER, &mut document)?;
    if take(SEQUENCE, &mut document)? != RSA_ENCRYPTION {
        return None;
    }
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
    use std::process::Command;

    use aws_lc_rs::encoding::AsDer;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::RsaKeyPair;
    use cloakroom_testkit::servers::require;

    use super::*;
    use crate::AssertionKey;
    use crate::jws::{SigningKey, verify};

    #[test]
    fn no_cut_and_no_flipped_document_makes_a_panic() {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let der = pair.as_der().unwrap().as_ref().to_vec();
        assert!(PrivateJwk::from_pkcs8(Algorithm::Rs256, &der).is_ok());
        assert!(PrivateJwk::from_pkcs8(Algorithm::Ps512, &der).is_ok());
        for other in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Hs256] {
            assert!(PrivateJwk::from_pkcs8(other, &der).is_err());
        }
        for end in (0..40).chain(der.len() - 40..der.len()) {
            assert!(rsa(&der[..end]).is_none());
        }
        for at in 0..40 {
            let mut der = der.clone();
            der[at] ^= 0x81;
            let _ = PrivateJwk::from_pkcs8(Algorithm::Rs256, &der);
        }
    }

    #[test]
    fn the_key_of_identity_assertions_keeps_its_id() {
        let der = AssertionKey::generate().unwrap();
        let key = PrivateJwk::from_pkcs8(Algorithm::Es256, &der).unwrap();
        assert_eq!(key.kid(), AssertionKey::from_pkcs8(&der).unwrap().jwk().kid);
    }

    fn openssl(arguments: &[&str]) -> Option<String> {
        let output = Command::new(require("openssl")?).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some(String::from_utf8(output.stdout).unwrap())
    }

    #[test]
    fn keys_that_openssl_makes_are_read_and_sign() {
        let curve = ["-pkeyopt", "ec_paramgen_curve:P-256"];
        for (algorithm, kind, options) in [
            (Algorithm::Es256, "EC", &curve[..]),
            (Algorithm::EdDsa, "ED25519", &[]),
            (Algorithm::Rs256, "RSA", &["-pkeyopt", "rsa_keygen_bits:3072"]),
        ] {
            let arguments = [&["genpkey", "-algorithm", kind], options].concat();
            let Some(pem) = openssl(&arguments) else { return };
            let key = SigningKey::new(PrivateJwk::from_pem(algorithm, &pem).unwrap()).unwrap();
            let token = key.sign(None, b"x").unwrap();
            assert!(verify(&token, key.verifying_key(), None).is_ok(), "{algorithm}");
            for wrong in [pem.replace("PRIVATE", "PUBLIC"), pem.replace('\n', "?"), pem.repeat(2)] {
                let refused = PrivateJwk::from_pem(algorithm, &wrong).unwrap_err();
                assert_eq!(refused, JwkError::Pkcs8);
            }
        }
        let small = ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"];
        let Some(small) = openssl(&small) else { return };
        let refused = PrivateJwk::from_pem(Algorithm::Rs256, &small).unwrap_err();
        assert_eq!(refused, JwkError::RsaSize);
    }
}
