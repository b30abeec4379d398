use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair,
};
use zeroize::Zeroizing;

use super::kind::{Header, Kind, check_kid};
use super::parts::Parts;
use super::public::{self, LIMITS};
use super::{JwkError, PublicJwk, check_secret};
use crate::json::Members;
use crate::jws::Algorithm;

/// A key with its private parts, for import and for keeping in a file that only the owner can
/// read: checked, with one algorithm and an id.
///
/// Erased when dropped; `Debug` shows only the name of the type.
#[derive(Clone)]
pub struct PrivateJwk {
    kid: String,
    algorithm: Algorithm,
    /// Of all but HMAC keys.
    public: Option<PublicJwk>,
    private: Parts,
}

impl PrivateJwk {
    /// Reads a JWK strictly. Numbers that do not belong together are refused, and so are weak
    /// secrets.
    ///
    /// # Errors
    /// [`JwkError`].
    pub fn parse(text: &str) -> Result<Self, JwkError> {
        Self::read(&Members::parse(text.as_bytes(), LIMITS)?)?.strong()
    }

    /// Makes an HMAC key of the bytes of a shared secret.
    ///
    /// # Errors
    /// [`JwkError::WrongType`] for an algorithm that is not symmetric, [`JwkError::Weak`].
    pub fn from_secret(algorithm: Algorithm, secret: &[u8]) -> Result<Self, JwkError> {
        if !algorithm.is_symmetric() {
            return Err(JwkError::WrongType);
        }
        let parts = Parts::new([("k", Zeroizing::new(secret.to_vec()))]);
        Self::new(None, algorithm, None, parts)?.strong()
    }

    /// Reads it without a look at how a secret was chosen: that is for published test vectors.
    pub(crate) fn read(members: &Members) -> Result<Self, JwkError> {
        if members.has("oth") {
            return Err(JwkError::Wrong("oth"));
        }
        // Who holds a shared secret can do both.
        let header = Header::read(members, &["sign", "verify"])?;
        if !header.algorithm.is_symmetric() {
            Header::read(members, &["sign"])?;
        }
        let kind = Kind::of(header.algorithm);
        let private = Parts::read(members, kind.private_members())?;
        let public = if kind == Kind::Secret {
            None
        } else {
            let parts = Parts::read(members, kind.public_members())?;
            Some(PublicJwk::new(header.kid.clone(), header.algorithm, parts)?)
        };
        Self::new(header.kid, header.algorithm, public, private)
    }

    pub(super) fn new(
        kid: Option<String>,
        algorithm: Algorithm,
        public: Option<PublicJwk>,
        private: Parts,
    ) -> Result<Self, JwkError> {
        let kid = kid.or_else(|| public.as_ref().map(|public| public.kid().to_owned()));
        let kid = kid.unwrap_or_else(|| private.thumbprint(Kind::Secret));
        let key = Self { kid, algorithm, public, private };
        match Kind::of(algorithm) {
            Kind::P256 => drop(key.ecdsa()?),
            Kind::Ed25519 => drop(key.ed25519()?),
            Kind::Rsa => drop(key.rsa()?),
            Kind::Secret => key.check_size()?,
        }
        Ok(key)
    }

    fn check_size(&self) -> Result<(), JwkError> {
        let least = self.algorithm.least_secret_bytes();
        let short = self.secret().len() < least;
        if short { Err(JwkError::Weak(super::WeakSecret::Short { least })) } else { Ok(()) }
    }

    pub(super) fn strong(self) -> Result<Self, JwkError> {
        if self.algorithm.is_symmetric() {
            let least = self.algorithm.least_secret_bytes();
            check_secret(self.secret(), least).map_err(JwkError::Weak)?;
        }
        Ok(self)
    }

    /// Its id: as given, or else the RFC 7638 thumbprint, which is public. Of an HMAC key it lets
    /// nobody guess more than any token of that key does.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The same key under another id.
    ///
    /// # Errors
    /// [`JwkError::Wrong`] for an empty id and one of more than 256 bytes.
    pub fn with_kid(mut self, kid: impl Into<String>) -> Result<Self, JwkError> {
        let kid = kid.into();
        check_kid(&kid)?;
        if let Some(public) = &mut self.public {
            public.rename(&kid);
        }
        self.kid = kid;
        Ok(self)
    }

    /// Its only algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The public half; `None` for an HMAC key, which has none.
    pub fn to_public(&self) -> Option<PublicJwk> {
        self.public.clone()
    }

    /// The whole key as JSON, erased when dropped.
    pub fn reveal(&self) -> Zeroizing<String> {
        let public = self.public.as_ref().map(PublicJwk::parts);
        let parts = public.into_iter().chain([&self.private]);
        public::object(&self.kid, self.algorithm, parts).to_secret_text()
    }

    /// The bytes of an HMAC key.
    pub(crate) fn secret(&self) -> &[u8] {
        self.private.named("k")
    }

    pub(crate) fn ecdsa(&self) -> Result<EcdsaKeyPair, JwkError> {
        let point = [&[4], self.public_part("x"), self.public_part("y")].concat();
        let (algorithm, d) = (&ECDSA_P256_SHA256_FIXED_SIGNING, self.private.named("d"));
        if d.len() != 32 {
            return Err(JwkError::Wrong("d"));
        }
        EcdsaKeyPair::from_private_key_and_public_key(algorithm, d, &point)
            .map_err(|_| JwkError::Inconsistent)
    }

    pub(crate) fn ed25519(&self) -> Result<Ed25519KeyPair, JwkError> {
        let (d, x) = (self.private.named("d"), self.public_part("x"));
        Ed25519KeyPair::from_seed_and_public_key(d, x).map_err(|_| JwkError::Inconsistent)
    }

    pub(crate) fn rsa(&self) -> Result<RsaKeyPair, JwkError> {
        use aws_lc_rs::rsa::{KeyPairComponents, PublicKeyComponents};
        let part = |name| self.private.named(name);
        let components = KeyPairComponents {
            public_key: PublicKeyComponents { n: self.public_part("n"), e: self.public_part("e") },
            d: part("d"),
            p: part("p"),
            q: part("q"),
            dP: part("dp"),
            dQ: part("dq"),
            qInv: part("qi"),
        };
        RsaKeyPair::from_components(&components).map_err(|_| JwkError::Inconsistent)
    }

    fn public_part(&self, name: &str) -> &[u8] {
        self.public.as_ref().map_or(&[], |public| public.parts().named(name))
    }
}

impl fmt::Debug for PrivateJwk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PrivateJwk")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jwk::WeakSecret;

    #[test]
    fn parts_that_do_not_belong_together_are_refused() {
        for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
            let (one, other) = (PrivateJwk::generate(algorithm), PrivateJwk::generate(algorithm));
            let mut mixed = one.unwrap();
            mixed.public = other.unwrap().public;
            let refused = PrivateJwk::parse(&mixed.reveal()).unwrap_err();
            assert_eq!(refused, JwkError::Inconsistent, "{algorithm}");
        }
    }

    #[test]
    fn weak_and_short_secrets_are_refused_by_name() {
        let made = |secret: &[u8]| PrivateJwk::from_secret(Algorithm::Hs512, secret).unwrap_err();
        assert_eq!(made(&[7; 63]), JwkError::Weak(WeakSecret::Short { least: 64 }));
        assert_eq!(made(&[7; 64]), JwkError::Weak(WeakSecret::Repeats));
        let text =
            r#"{"kty":"oct","alg":"HS256","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#;
        assert_eq!(PrivateJwk::parse(text).unwrap_err(), JwkError::Weak(WeakSecret::Repeats));
        let none = text.replace(r#""alg":"HS256","#, "");
        assert_eq!(PrivateJwk::parse(&none).unwrap_err(), JwkError::NoAlgorithm);
        let mixed = PrivateJwk::from_secret(Algorithm::Es256, &[7; 64]);
        assert_eq!(mixed.unwrap_err(), JwkError::WrongType);
    }

    #[test]
    fn another_id_changes_the_key_and_its_public_half_alike() {
        let key = PrivateJwk::generate(Algorithm::Es256).unwrap();
        assert_eq!(key.clone().with_kid("").unwrap_err(), JwkError::Wrong("kid"));
        let key = key.with_kid("2026-11").unwrap();
        assert_eq!((key.kid(), key.to_public().unwrap().kid()), ("2026-11", "2026-11"));
        assert_eq!(PrivateJwk::parse(&key.reveal()).unwrap().kid(), "2026-11");
    }

    #[test]
    fn debug_shows_nothing_of_a_key() {
        let key = PrivateJwk::generate(Algorithm::Hs256).unwrap();
        assert_eq!(format!("{key:?}"), "PrivateJwk");
    }
}
