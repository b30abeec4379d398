use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
};
use serde::{Serialize, Serializer};
use serde_json::Map;

use super::JwkError;
use super::kind::{Header, Kind};
use super::parts::Parts;
use super::rsa;
use crate::json::{Limits, Members};
use crate::jws::Algorithm;

pub(super) const LIMITS: Limits = Limits { bytes: 32 * 1024, depth: 6 };

/// What no published key may have.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The public half of a key, as it is published: checked, with one algorithm and an id.
#[derive(Clone)]
pub struct PublicJwk {
    kid: String,
    algorithm: Algorithm,
    parts: Parts,
}

impl PublicJwk {
    /// Reads a JWK strictly.
    ///
    /// # Errors
    /// [`JwkError`]; a key with private parts too, and every HMAC key.
    pub fn parse(text: &str) -> Result<Self, JwkError> {
        Self::read(&Members::parse(text.as_bytes(), LIMITS)?)
    }

    pub(super) fn read(members: &Members) -> Result<Self, JwkError> {
        if let Some(name) = PRIVATE.into_iter().find(|name| members.has(name)) {
            return Err(JwkError::PrivatePart(name));
        }
        let Header { kid, algorithm } = Header::read(members, &["verify"])?;
        if algorithm.is_symmetric() {
            return Err(JwkError::Missing("k"));
        }
        let parts = Parts::read(members, Kind::of(algorithm).public_members())?;
        Self::new(kid, algorithm, parts)
    }

    pub(super) fn new(
        kid: Option<String>,
        algorithm: Algorithm,
        parts: Parts,
    ) -> Result<Self, JwkError> {
        let kind = Kind::of(algorithm);
        match kind {
            Kind::P256 => check_length(&parts, &["x", "y"], 32)?,
            Kind::Ed25519 => check_length(&parts, &["x"], 32)?,
            Kind::Rsa => rsa::check(parts.named("n"), parts.named("e"))?,
            Kind::Secret => return Err(JwkError::UnknownType),
        }
        let kid = kid.unwrap_or_else(|| parts.thumbprint(kind));
        let key = Self { kid, algorithm, parts };
        key.prepared()?;
        Ok(key)
    }

    /// Its id: as given, or else the RFC 7638 thumbprint.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The only algorithm it verifies.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The RFC 7638 thumbprint, whatever the id is.
    pub fn thumbprint(&self) -> String {
        self.parts.thumbprint(Kind::of(self.algorithm))
    }

    pub(super) fn parts(&self) -> &Parts {
        &self.parts
    }

    /// The key ready for use; a point that is not on its curve is refused here.
    pub(crate) fn prepared(&self) -> Result<ParsedPublicKey, JwkError> {
        let x = self.parts.named("x");
        let prepared = match Kind::of(self.algorithm) {
            Kind::P256 => {
                let point = [&[4], x, self.parts.named("y")].concat();
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            }
            Kind::Ed25519 => ParsedPublicKey::new(&ED25519, x),
            Kind::Rsa | Kind::Secret => {
                let (n, e) = (self.parts.named("n"), self.parts.named("e"));
                let parameters = rsa_parameters(self.algorithm).ok_or(JwkError::UnknownType)?;
                RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters)
            }
        };
        prepared.map_err(|_| JwkError::Inconsistent)
    }

    pub(super) fn rename(&mut self, kid: &str) {
        kid.clone_into(&mut self.kid);
    }
}

/// All members of a key, public or private.
pub(super) fn object<'a>(
    kid: &str,
    algorithm: Algorithm,
    parts: impl IntoIterator<Item = &'a Parts>,
) -> Members {
    let kind = Kind::of(algorithm);
    let mut object = Map::new();
    object.insert("kty".to_owned(), kind.kty().into());
    if let Some(crv) = kind.crv() {
        object.insert("crv".to_owned(), crv.into());
    }
    for (name, text) in [("kid", kid), ("use", "sig"), ("alg", algorithm.as_str())] {
        object.insert(name.to_owned(), text.into());
    }
    for parts in parts {
        parts.write(&mut object);
    }
    Members::new(object)
}

fn check_length(parts: &Parts, names: &[&'static str], length: usize) -> Result<(), JwkError> {
    let wrong = names.iter().find(|name| parts.named(name).len() != length);
    wrong.map_or(Ok(()), |name| Err(JwkError::Wrong(name)))
}

fn rsa_parameters(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    match algorithm {
        Algorithm::Rs256 => Some(&RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Rs384 => Some(&RSA_PKCS1_2048_8192_SHA384),
        Algorithm::Rs512 => Some(&RSA_PKCS1_2048_8192_SHA512),
        Algorithm::Ps256 => Some(&RSA_PSS_2048_8192_SHA256),
        Algorithm::Ps384 => Some(&RSA_PSS_2048_8192_SHA384),
        Algorithm::Ps512 => Some(&RSA_PSS_2048_8192_SHA512),
        _ => None,
    }
}

impl Serialize for PublicJwk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let members = object(&self.kid, self.algorithm, [&self.parts]);
        members.into_map().serialize(serializer)
    }
}

impl std::fmt::Debug for PublicJwk {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = formatter.debug_struct("PublicJwk");
        debug.field("kid", &self.kid).field("algorithm", &self.algorithm).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8037 appendix A.2.
    const ED25519: &str =
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

    #[test]
    fn the_id_is_the_published_thumbprint_unless_one_is_given() {
        let key = PublicJwk::parse(ED25519).unwrap();
        assert_eq!(key.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        let named = ED25519.replacen('{', r#"{"kid":"mine","#, 1);
        let named = PublicJwk::parse(&named).unwrap();
        assert_eq!((named.kid(), named.thumbprint().as_str()), ("mine", key.kid()));
    }

    #[test]
    fn what_is_written_reads_back() {
        let key = PublicJwk::parse(ED25519).unwrap();
        let text = serde_json::to_string(&key).unwrap();
        let again = PublicJwk::parse(&text).unwrap();
        assert_eq!((again.kid(), again.algorithm()), (key.kid(), Algorithm::EdDsa));
        assert_eq!(serde_json::to_string(&again).unwrap(), text);
    }

    #[test]
    fn a_key_for_something_else_or_with_a_private_part_is_refused() {
        let with = |member: &str| {
            PublicJwk::parse(&ED25519.replacen('{', &format!("{{{member},"), 1)).unwrap_err()
        };
        assert_eq!(with(r#""use":"enc""#), JwkError::OtherUse);
        assert_eq!(with(r#""key_ops":["sign"]"#), JwkError::OtherUse);
        assert_eq!(with(r#""key_ops":["verify","verify"]"#), JwkError::Wrong("key_ops"));
        assert_eq!(with(r#""key_ops":"verify""#), JwkError::Wrong("key_ops"));
        assert_eq!(with(r#""alg":"ES256""#), JwkError::WrongType);
        assert_eq!(with(r#""alg":"none""#), JwkError::UnknownAlgorithm);
        assert_eq!(with(r#""alg":null"#), JwkError::Wrong("alg"));
        assert_eq!(with(r#""kid":"""#), JwkError::Wrong("kid"));
        assert_eq!(with(r#""kid":7"#), JwkError::Wrong("kid"));
        assert_eq!(with(r#""d":"AA""#), JwkError::PrivatePart("d"));
        assert_eq!(with(r#""x":"AA""#), JwkError::Json(crate::json::JsonFault::Duplicate));
    }

    #[test]
    fn numbers_of_another_length_or_spelling_are_refused() {
        for (from, to) in [("11qY", "11q"), ("URo", "URp"), ("URo", "URo="), ("11qY", "AA11qYAA")] {
            let wrong = PublicJwk::parse(&ED25519.replace(from, to)).unwrap_err();
            assert_eq!(wrong, JwkError::Wrong("x"), "{to}");
        }
        let curve = ED25519.replace("Ed25519", "X25519");
        assert_eq!(PublicJwk::parse(&curve).unwrap_err(), JwkError::UnknownType);
    }
}
