use std::fmt;
use std::time::Duration;

use cloakroom_core::Timestamp;
use miniz_oxide::deflate::compress_to_vec_zlib;
use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_zlib_with_limit};
use serde::Serialize;
use serde_json::Value;

use super::derive::derive;
use super::{Derivation, Digest, SerializerError, SignedRefusal};
use crate::base64url;
use crate::hmac::HmacKey;
use crate::json::{self, JsonFault, Limits};
use crate::jwk::check_secret;

const MOST_TOKEN_BYTES: usize = 16 * 1024;
/// 160 random bits (OWASP).
const LEAST_SECRET_BYTES: usize = 20;
/// What zlib uses where it is not told.
const LEVEL: u8 = 6;
const DEPTH: u32 = 32;

/// The settings of a `URLSafeTimedSerializer`; they must be the same on both sides.
#[derive(Clone, Debug)]
pub struct Options {
    /// The salt, which is the purpose.
    pub salt: Vec<u8>,
    /// The hash.
    pub digest: Digest,
    /// How the key comes of secret and salt.
    pub derivation: Derivation,
    /// The most bytes that a payload has when inflated.
    pub most_payload_bytes: usize,
    /// How far the signer's clock may be ahead.
    pub leeway: Duration,
}

/// Signs and reads what Python's `URLSafeTimedSerializer` does.
///
/// Secrets are erased when dropped; `Debug` shows only the name of the type.
pub struct UrlSafeTimed {
    /// In the order of the list, in which the last one signs.
    pub(super) keys: Vec<HmacKey>,
    options: Options,
}

/// What a token says, now that its signature is known to be good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The payload as JSON text, as it was signed.
    pub payload: Vec<u8>,
    /// When it was signed, to a second.
    pub signed_at: Timestamp,
}

impl Default for Options {
    /// As the Python class has them: salt `itsdangerous`, SHA-1, `django-concat`. A payload has at
    /// most 64 KiB, and the signer's clock may be 60 seconds ahead.
    fn default() -> Self {
        Self {
            salt: b"itsdangerous".to_vec(),
            digest: Digest::default(),
            derivation: Derivation::default(),
            most_payload_bytes: 64 * 1024,
            leeway: Duration::from_secs(60),
        }
    }
}

impl Options {
    /// As Flask has them for its session cookie.
    pub fn flask() -> Self {
        let salt = b"cookie-session".to_vec();
        Self { salt, derivation: Derivation::Hmac, ..Self::default() }
    }
}

impl UrlSafeTimed {
    /// A serializer of a list of secrets: the last one signs, each of them verifies, as in Python.
    ///
    /// # Errors
    /// [`SerializerError::NoSecret`], [`SerializerError::Weak`].
    pub fn new<S: AsRef<[u8]>>(
        secrets: impl IntoIterator<Item = S>,
        options: Options,
    ) -> Result<Self, SerializerError> {
        let key = |(at, secret): (usize, S)| {
            let weak = |why| SerializerError::Weak { number: at + 1, why };
            check_secret(secret.as_ref(), LEAST_SECRET_BYTES).map_err(weak)?;
            let Options { digest, derivation, salt, .. } = &options;
            Ok(derive(*digest, *derivation, secret.as_ref(), salt))
        };
        let keys: Vec<_> = secrets.into_iter().enumerate().map(key).collect::<Result<_, _>>()?;
        if keys.is_empty() { Err(SerializerError::NoSecret) } else { Ok(Self { keys, options }) }
    }

    /// Signs a payload with the last secret of the list.
    ///
    /// # Errors
    /// [`SerializerError::Json`], [`SerializerError::TooLarge`].
    pub fn sign(
        &self,
        payload: &(impl Serialize + ?Sized),
        now: Timestamp,
    ) -> Result<String, SerializerError> {
        let json = serde_json::to_vec(payload).map_err(SerializerError::Json)?;
        if json.len() > self.options.most_payload_bytes {
            return Err(SerializerError::TooLarge);
        }
        let key = self.keys.last().ok_or(SerializerError::NoSecret)?;
        let mut token = pack(&json);
        token.push('.');
        base64url::append(write_seconds(now), &mut token);
        let signature = key.sign(token.as_bytes());
        token.push('.');
        base64url::append(signature, &mut token);
        if token.len() > MOST_TOKEN_BYTES { Err(SerializerError::TooLarge) } else { Ok(token) }
    }

    /// Reads a token: hostile text of any length. Costs an HMAC for each secret and, once one of
    /// them fits, inflating at most the bytes allowed; no I/O. Without `max_age` no date is
    /// checked.
    ///
    /// # Errors
    /// [`SignedRefusal`]: for logs, not for whoever presented it.
    pub fn read(
        &self,
        token: &str,
        max_age: Option<Duration>,
        now: Timestamp,
    ) -> Result<Signed, SignedRefusal> {
        if token.len() > MOST_TOKEN_BYTES {
            return Err(SignedRefusal::TooLarge);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(SignedRefusal::Malformed)?;
        let signature = base64url::decode(signature).ok_or(SignedRefusal::Malformed)?;
        // The newest first, for most tokens are signed with it.
        if !self.keys.iter().rev().any(|key| key.accepts(message.as_bytes(), &signature)) {
            return Err(SignedRefusal::BadSignature);
        }
        let (payload, seconds) = message.rsplit_once('.').ok_or(SignedRefusal::Malformed)?;
        let signed_at = read_seconds(seconds).ok_or(SignedRefusal::Malformed)?;
        if let Some(max_age) = max_age {
            self.check_age(signed_at, max_age, now)?;
        }
        Ok(Signed { payload: self.unpack(payload)?, signed_at })
    }

    fn check_age(
        &self,
        signed_at: Timestamp,
        max_age: Duration,
        now: Timestamp,
    ) -> Result<(), SignedRefusal> {
        if signed_at > now.after(self.options.leeway) {
            return Err(SignedRefusal::NotYet);
        }
        let age = now.unix_seconds().saturating_sub(signed_at.unix_seconds());
        let allowed = i64::try_from(max_age.as_secs()).unwrap_or(i64::MAX);
        if age > allowed { Err(SignedRefusal::Expired) } else { Ok(()) }
    }

    fn unpack(&self, payload: &str) -> Result<Vec<u8>, SignedRefusal> {
        let most = self.options.most_payload_bytes;
        let (text, deflated) = match payload.strip_prefix('.') {
            Some(text) => (text, true),
            None => (payload, false),
        };
        let bytes = base64url::decode(text).ok_or(SignedRefusal::Malformed)?;
        if !deflated {
            return if bytes.len() > most { Err(SignedRefusal::TooLarge) } else { Ok(bytes) };
        }
        decompress_to_vec_zlib_with_limit(&bytes, most).map_err(|error| match error.status {
            TINFLStatus::HasMoreOutput => SignedRefusal::TooLarge,
            _ => SignedRefusal::Malformed,
        })
    }
}

/// Base64url of the JSON, deflated behind a dot where that saves more than the dot.
fn pack(json: &[u8]) -> String {
    let deflated = compress_to_vec_zlib(json, LEVEL);
    if deflated.len() + 1 < json.len() {
        format!(".{}", base64url::encode(deflated))
    } else {
        base64url::encode(json)
    }
}

/// Big-endian, without leading zeros.
fn write_seconds(now: Timestamp) -> Vec<u8> {
    let bytes = now.unix_seconds().max(0).to_be_bytes();
    bytes.into_iter().skip_while(|byte| *byte == 0).collect()
}

fn read_seconds(text: &str) -> Option<Timestamp> {
    let bytes = base64url::decode(text)?;
    if bytes.first() == Some(&0) || bytes.len() > 8 {
        return None;
    }
    let seconds = bytes.iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
    let millis = i64::try_from(seconds).ok()?.checked_mul(1000)?;
    Some(Timestamp::from_unix_millis(millis))
}

impl Signed {
    /// The payload, read strictly: no member twice, no deeper than 32.
    ///
    /// # Errors
    /// [`JsonFault`].
    pub fn json(&self) -> Result<Value, JsonFault> {
        json::parse(&self.payload, Limits { bytes: usize::MAX, depth: DEPTH })
    }
}

impl fmt::Debug for UrlSafeTimed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("UrlSafeTimed")
    }
}
