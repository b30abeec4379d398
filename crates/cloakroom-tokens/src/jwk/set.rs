use serde::{Serialize, Serializer};
use serde_json::Value;
use zeroize::Zeroizing;

use super::{JwkError, PrivateJwk, PublicJwk};
use crate::json::{Limits, Members};

const LIMITS: Limits = Limits { bytes: 256 * 1024, depth: 8 };
const MOST_KEYS: usize = 64;

/// The document in which keys to verify with are published (RFC 7517 section 5). No two keys
/// have one id.
#[derive(Clone, Debug, Default)]
pub struct PublicJwkSet(Vec<PublicJwk>);

impl PublicJwkSet {
    /// A document of these keys.
    ///
    /// # Errors
    /// [`JwkError::DuplicateId`], [`JwkError::TooMany`].
    pub fn new(keys: impl IntoIterator<Item = PublicJwk>) -> Result<Self, JwkError> {
        let keys: Vec<_> = keys.into_iter().collect();
        check_ids(keys.iter().map(PublicJwk::kid))?;
        Ok(Self(keys))
    }

    /// Reads a document strictly. Keys for other uses, and of types and algorithms not known
    /// here, are passed over, as RFC 7517 asks for; one that is malformed, weak or holds a
    /// private part has the whole document refused.
    ///
    /// # Errors
    /// [`JwkError`].
    pub fn parse(text: &str) -> Result<Self, JwkError> {
        let mut keys = Vec::new();
        for members in split(text)? {
            match PublicJwk::read(&members) {
                Ok(key) => keys.push(key),
                Err(JwkError::OtherUse | JwkError::UnknownType | JwkError::UnknownAlgorithm) => {}
                Err(error) => return Err(error),
            }
        }
        Self::new(keys)
    }

    /// The keys, in the order of the document.
    pub fn keys(&self) -> &[PublicJwk] {
        &self.0
    }
}

impl Serialize for PublicJwkSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut document = serializer.serialize_struct("PublicJwkSet", 1)?;
        document.serialize_field("keys", &self.0)?;
        document.end()
    }
}

/// A set of private keys, for import. All are symmetric or none is, and no two have one id.
#[derive(Clone, Debug, Default)]
pub struct PrivateJwkSet(Vec<PrivateJwk>);

impl PrivateJwkSet {
    /// Reads a set strictly: every key must be good, as by [`PrivateJwk::parse`].
    ///
    /// # Errors
    /// [`JwkError`].
    pub fn parse(text: &str) -> Result<Self, JwkError> {
        let set = Self::read(text)?;
        set.0.into_iter().map(PrivateJwk::strong).collect::<Result<_, _>>().map(Self)
    }

    /// Reads it without a look at how secrets were chosen: that is for published test vectors.
    pub(crate) fn read(text: &str) -> Result<Self, JwkError> {
        let members = split(text)?;
        let keys: Vec<PrivateJwk> =
            members.iter().map(PrivateJwk::read).collect::<Result<_, _>>()?;
        check_ids(keys.iter().map(PrivateJwk::kid))?;
        let symmetric = keys.iter().filter(|key| key.algorithm().is_symmetric()).count();
        if symmetric == 0 || symmetric == keys.len() {
            Ok(Self(keys))
        } else {
            Err(JwkError::MixedSet)
        }
    }

    /// The keys, in the order of the set.
    pub fn keys(&self) -> &[PrivateJwk] {
        &self.0
    }

    /// The set as JSON, erased when dropped.
    pub fn reveal(&self) -> Zeroizing<String> {
        let keys: Vec<_> = self.0.iter().map(PrivateJwk::reveal).collect();
        let length = keys.iter().map(|key| key.len() + 1).sum::<usize>() + 16;
        let mut text = Zeroizing::new(String::with_capacity(length));
        for (at, key) in keys.iter().enumerate() {
            text.push_str(if at == 0 { r#"{"keys":["# } else { "," });
            text.push_str(key);
        }
        text.push_str(if keys.is_empty() { r#"{"keys":[]}"# } else { "]}" });
        text
    }
}

fn split(text: &str) -> Result<Vec<Members>, JwkError> {
    let mut document = Members::parse(text.as_bytes(), LIMITS)?;
    let keys = document.take("keys").ok_or(JwkError::Missing("keys"))?;
    let Value::Array(keys) = keys else { return Err(JwkError::Wrong("keys")) };
    if keys.len() > MOST_KEYS {
        return Err(JwkError::TooMany);
    }
    // All of them before the first is judged, so that every text is erased.
    let members: Vec<_> = keys.into_iter().map(Members::of).collect();
    members.into_iter().map(|key| key.ok_or(JwkError::Wrong("keys"))).collect()
}

fn check_ids<'a>(ids: impl Iterator<Item = &'a str>) -> Result<(), JwkError> {
    let mut ids: Vec<&str> = ids.collect();
    ids.sort_unstable();
    if ids.len() > MOST_KEYS {
        return Err(JwkError::TooMany);
    }
    if ids.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(JwkError::DuplicateId);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jws::Algorithm;

    fn private(algorithm: Algorithm) -> PrivateJwk {
        PrivateJwk::generate(algorithm).unwrap()
    }

    #[test]
    fn a_document_reads_back_and_holds_no_private_part() {
        let keys = [private(Algorithm::Es256), private(Algorithm::EdDsa)];
        let published = keys.each_ref().map(|key| key.to_public().unwrap());
        let text = serde_json::to_string(&PublicJwkSet::new(published).unwrap()).unwrap();
        assert!(!text.contains("\"d\""));
        let again = PublicJwkSet::parse(&text).unwrap();
        let ids: Vec<_> = again.keys().iter().map(PublicJwk::kid).collect();
        assert_eq!(ids, keys.each_ref().map(PrivateJwk::kid));
    }

    #[test]
    fn a_set_with_a_private_key_is_not_taken_for_a_published_one() {
        let key = private(Algorithm::Es256).reveal();
        let text = format!(r#"{{"keys":[{}]}}"#, *key);
        assert_eq!(PublicJwkSet::parse(&text).unwrap_err(), JwkError::PrivatePart("d"));
        assert_eq!(PrivateJwkSet::parse(&text).unwrap().keys().len(), 1);
    }

    #[test]
    fn sets_that_are_ambiguous_are_refused() {
        let (one, other) = (private(Algorithm::Hs256), private(Algorithm::Es256));
        let set = |keys: &[&str]| {
            PrivateJwkSet::parse(&format!(r#"{{"keys":[{}]}}"#, keys.join(","))).map(|set| {
                assert_eq!(PrivateJwkSet::parse(&set.reveal()).unwrap().keys().len(), keys.len());
            })
        };
        let same = other.clone().with_kid(one.kid()).unwrap();
        assert_eq!(set(&[&one.reveal(), &other.reveal()]), Err(JwkError::MixedSet));
        assert_eq!(set(&[&same.reveal(), &one.reveal()]), Err(JwkError::DuplicateId));
        assert_eq!(set(&[&one.reveal(), "7"]), Err(JwkError::Wrong("keys")));
        assert_eq!(set(&[one.reveal().as_str(); 65]), Err(JwkError::TooMany));
        assert_eq!(set(&[&one.reveal(), &private(Algorithm::Hs256).reveal()]), Ok(()));
        assert_eq!(set(&[]), Ok(()));
    }
}
