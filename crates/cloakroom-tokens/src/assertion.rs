use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// The `typ` of an identity assertion, so that it can never pass for another kind of token
/// (RFC 8725 section 3.11).
const TYPE: &str = "cloakroom-identity+jwt";

/// A P-256 key that signs identity assertions with ES256 (RFC 7518 section 3.4).
pub struct AssertionKey {
    pair: EcdsaKeyPair,
    random: SystemRandom,
    jwk: Jwk,
    header: String,
}

/// A key could not be made, read or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The bytes are no PKCS #8 document with a P-256 key.
    #[error("not a P-256 private key in PKCS #8 form")]
    Malformed,
    /// The random source failed.
    #[error("the system's random source failed")]
    Random,
    /// The claims are not JSON.
    #[error("the claims cannot be written as JSON")]
    Claims(#[source] serde_json::Error),
}

/// The public half of a key (RFC 7517).
#[derive(Clone, Debug, Serialize)]
pub struct Jwk {
    /// Its id: the RFC 7638 thumbprint.
    pub kid: String,
    kty: &'static str,
    crv: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    alg: &'static str,
    x: String,
    y: String,
}

/// The document from which applications take the keys to verify with (RFC 7517 section 5).
#[derive(Clone, Debug, Serialize)]
pub struct Jwks {
    keys: Vec<Jwk>,
}

impl Jwks {
    /// A document of these keys.
    pub fn new(keys: impl IntoIterator<Item = Jwk>) -> Self {
        Self { keys: keys.into_iter().collect() }
    }
}

impl AssertionKey {
    /// A fresh key, as the PKCS #8 bytes to be kept in a file that only the owner can read.
    ///
    /// # Errors
    /// [`KeyError::Random`].
    pub fn generate() -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
        document.map(|bytes| Zeroizing::new(bytes.as_ref().to_vec())).map_err(|_| KeyError::Random)
    }

    /// The key in PKCS #8 bytes.
    ///
    /// # Errors
    /// [`KeyError::Malformed`].
    pub fn from_pkcs8(bytes: &[u8]) -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes)
            .map_err(|_| KeyError::Malformed)?;
        let jwk = Jwk::of(pair.public_key().as_ref());
        let header = format!(r#"{{"alg":"ES256","kid":"{}","typ":"{TYPE}"}}"#, jwk.kid);
        let header = URL_SAFE_NO_PAD.encode(header);
        Ok(Self { pair, random: SystemRandom::new(), jwk, header })
    }

    /// The public half.
    pub fn jwk(&self) -> Jwk {
        self.jwk.clone()
    }

    /// Signs claims as a compact JWS (RFC 7515 section 3.1). Costs about 30 microseconds.
    ///
    /// # Errors
    /// [`KeyError::Claims`] or [`KeyError::Random`].
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, KeyError> {
        let claims = serde_json::to_vec(claims).map_err(KeyError::Claims)?;
        let mut token = format!("{}.{}", self.header, URL_SAFE_NO_PAD.encode(claims));
        let signature = self.pair.sign(&self.random, token.as_bytes());
        let signature = signature.map_err(|_| KeyError::Random)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature.as_ref(), &mut token);
        Ok(token)
    }
}

impl fmt::Debug for AssertionKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AssertionKey")
    }
}

impl Jwk {
    /// Of an uncompressed point: a byte 4, then x and y of 32 bytes each.
    fn of(point: &[u8]) -> Self {
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let kid = URL_SAFE_NO_PAD.encode(Sha256::digest(members));
        Self { kid, kty: "EC", crv: "P-256", usage: "sig", alg: "ES256", x, y }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    #[test]
    fn an_assertion_verifies_with_the_published_key_and_breaks_when_changed() {
        let key = AssertionKey::from_pkcs8(&AssertionKey::generate().unwrap()).unwrap();
        let token = key.sign(&serde_json::json!({"sub": "alice"})).unwrap();
        let (message, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let mut point = vec![4];
        point.extend(URL_SAFE_NO_PAD.decode(key.jwk().x).unwrap());
        point.extend(URL_SAFE_NO_PAD.decode(key.jwk().y).unwrap());
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
        assert!(public.verify(message.as_bytes(), &signature).is_ok());
        assert!(public.verify(format!("{message}x").as_bytes(), &signature).is_err());
    }

    #[test]
    fn the_published_key_has_no_private_part_and_debug_no_bytes() {
        let key = AssertionKey::from_pkcs8(&AssertionKey::generate().unwrap()).unwrap();
        let document = serde_json::to_value(Jwks::new([key.jwk()])).unwrap();
        assert!(document["keys"][0].get("d").is_none());
        assert_eq!(format!("{key:?}"), "AssertionKey");
    }

    #[test]
    fn bytes_that_are_no_key_are_refused() {
        assert!(matches!(AssertionKey::from_pkcs8(b"no key"), Err(KeyError::Malformed)));
    }
}
