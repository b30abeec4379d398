use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::JwkError;
use super::kind::Kind;
use crate::base64url;
use crate::json::Members;

/// The numbers of a key under their names in a JWK. Erased when dropped; has no `Debug`.
#[derive(Clone)]
pub(crate) struct Parts(Vec<(&'static str, Zeroizing<Vec<u8>>)>);

impl Parts {
    pub(super) fn new(parts: impl IntoIterator<Item = (&'static str, Zeroizing<Vec<u8>>)>) -> Self {
        Self(parts.into_iter().collect())
    }

    pub(super) fn read(members: &Members, names: &[&'static str]) -> Result<Self, JwkError> {
        let read = |name: &&'static str| {
            let text = members.text(name).map_err(JwkError::of(name))?;
            let bytes = base64url::decode_secret(text).ok_or(JwkError::Wrong(name))?;
            Ok((*name, bytes))
        };
        names.iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// The bytes of a part; none where there is no such part.
    pub(crate) fn named(&self, name: &str) -> &[u8] {
        let found = self.0.iter().find(|(it, _)| *it == name);
        found.map_or(&[], |(_, bytes)| bytes)
    }

    pub(super) fn write(&self, object: &mut Map<String, Value>) {
        for (name, bytes) in &self.0 {
            object.insert((*name).to_owned(), base64url::encode(&**bytes).into());
        }
    }

    /// The RFC 7638 thumbprint: SHA-256 over the required members in alphabetical order.
    pub(super) fn thumbprint(&self, kind: Kind) -> String {
        let mut members: Vec<(&str, String)> = vec![("kty", kind.kty().to_owned())];
        members.extend(kind.crv().map(|crv| ("crv", crv.to_owned())));
        members.extend(self.0.iter().map(|(name, bytes)| (*name, base64url::encode(&**bytes))));
        members.sort_unstable_by_key(|(name, _)| *name);
        let members = members.iter().map(|(name, text)| format!(r#""{name}":"{text}""#));
        let text = Zeroizing::new(format!("{{{}}}", members.collect::<Vec<_>>().join(",")));
        base64url::encode(Sha256::digest(text.as_bytes()))
    }
}
