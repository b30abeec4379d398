use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::ParsedPublicKey;

use super::Algorithm;
use crate::hmac::HmacKey;
use crate::jwk::{JwkError, PrivateJwk, PublicJwk, PublicJwkSet};

/// A key that verifies with its one algorithm. Cheap to clone.
///
/// `Debug` shows its id and algorithm; an HMAC key in it is erased when dropped.
#[derive(Clone)]
pub struct VerifyingKey(Arc<Inner>);

struct Inner {
    kid: String,
    algorithm: Algorithm,
    verifier: Verifier,
}

enum Verifier {
    Hmac(HmacKey),
    Public(ParsedPublicKey),
}

/// Where a verifier finds the key that a token names.
pub trait KeyLookup {
    /// The key with this id. The id is hostile text: compare it, and nothing else. A token without
    /// an id finds a key only where there can be no doubt which.
    fn find(&self, kid: Option<&str>) -> Option<&VerifyingKey>;
}

impl VerifyingKey {
    /// Of a published key.
    ///
    /// # Errors
    /// [`JwkError`].
    pub fn of_public(jwk: &PublicJwk) -> Result<Self, JwkError> {
        Ok(Self::new(jwk.kid(), jwk.algorithm(), Verifier::Public(jwk.prepared()?)))
    }

    /// Of a private key. For HMAC there is no other.
    ///
    /// # Errors
    /// [`JwkError`].
    pub fn of_private(jwk: &PrivateJwk) -> Result<Self, JwkError> {
        if let Some(public) = jwk.to_public() {
            return Self::of_public(&public);
        }
        let hash = jwk.algorithm().hmac().ok_or(JwkError::WrongType)?;
        let key = HmacKey::new(hash, jwk.secret());
        Ok(Self::new(jwk.kid(), jwk.algorithm(), Verifier::Hmac(key)))
    }

    fn new(kid: &str, algorithm: Algorithm, verifier: Verifier) -> Self {
        Self(Arc::new(Inner { kid: kid.to_owned(), algorithm, verifier }))
    }

    /// Its id.
    pub fn kid(&self) -> &str {
        &self.0.kid
    }

    /// The only algorithm it takes.
    pub fn algorithm(&self) -> Algorithm {
        self.0.algorithm
    }

    pub(super) fn accepts(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.0.verifier {
            Verifier::Hmac(key) => key.accepts(message, signature),
            Verifier::Public(key) => key.verify_sig(message, signature).is_ok(),
        }
    }
}

impl KeyLookup for VerifyingKey {
    fn find(&self, kid: Option<&str>) -> Option<&VerifyingKey> {
        kid.is_none_or(|kid| kid == self.kid()).then_some(self)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("VerifyingKey");
        debug.field("kid", &self.0.kid).field("algorithm", &self.0.algorithm).finish()
    }
}

/// Keys to verify with, by id: what a service needs that only verifies.
#[derive(Clone, Debug, Default)]
pub struct VerifyingKeys(HashMap<String, VerifyingKey>);

impl VerifyingKeys {
    /// These keys. Of two with one id, neither is taken, for it is ambiguous.
    pub fn new(keys: impl IntoIterator<Item = VerifyingKey>) -> Self {
        let mut by_id = HashMap::new();
        let mut twice = Vec::new();
        for key in keys {
            if let Some(former) = by_id.insert(key.kid().to_owned(), key) {
                twice.push(former);
            }
        }
        for key in twice {
            by_id.remove(key.kid());
        }
        Self(by_id)
    }

    /// The keys of a published document.
    ///
    /// # Errors
    /// [`JwkError`].
    pub fn of_set(set: &PublicJwkSet) -> Result<Self, JwkError> {
        set.keys().iter().map(VerifyingKey::of_public).collect::<Result<Vec<_>, _>>().map(Self::new)
    }
}

impl KeyLookup for VerifyingKeys {
    fn find(&self, kid: Option<&str>) -> Option<&VerifyingKey> {
        self.0.get(kid?)
    }
}
