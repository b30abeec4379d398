use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cloakroom_core::{
    Presented, Record, SecretDigest, SessionId, SessionToken, StoreError, TokenCodec,
};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::SecretKey;
use crate::key::{MacKey, fill};

/// What every token begins with, so that secret scanners find it.
const PREFIX: &str = "clk_";
/// Bucket, session id, counter, secret, tag.
const BODY_BYTES: usize = 1 + 16 + 4 + 32;
const TAG_BYTES: usize = 10;
const TOKEN_BYTES: usize = BODY_BYTES + TAG_BYTES;
const TEXT_BYTES: usize = TOKEN_BYTES / 3 * 4;
/// Most renewals followed from an old credential to the current one.
const MOST_STEPS: u32 = 4_096;

/// Opaque session tokens: `clk_` and 84 base64url characters (RFC 4648 section 5).
///
/// They hold the session's public id, a counter of renewals, 256 random bits, and a tag keyed by
/// the server, so that a forgery is refused without I/O. A token costs one HMAC and one SHA-256
/// to read, under a microsecond.
#[derive(Debug)]
pub struct OpaqueCodec {
    tag_key: MacKey,
    renewal_key: MacKey,
    creation_key: MacKey,
}

impl OpaqueCodec {
    /// A codec whose keys are derived from `key`. Another key refuses all earlier tokens.
    pub fn new(key: &SecretKey) -> Self {
        Self {
            tag_key: key.derive(b"cloakroom/v1/opaque-session/tag"),
            renewal_key: key.derive(b"cloakroom/v1/opaque-session/renewal"),
            creation_key: key.derive(b"cloakroom/v1/opaque-session/creation"),
        }
    }

    fn encode(
        &self,
        id: SessionId,
        counter: u32,
        secret: &[u8; 32],
    ) -> (SessionToken, SecretDigest) {
        let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
        bytes[0] = id.bucket().index() as u8;
        bytes[1..17].copy_from_slice(id.as_bytes());
        bytes[17..21].copy_from_slice(&counter.to_be_bytes());
        bytes[21..BODY_BYTES].copy_from_slice(secret);
        let tag = self.tag_key.mac(&[&bytes[..BODY_BYTES]]);
        bytes[BODY_BYTES..].copy_from_slice(&tag[..TAG_BYTES]);
        let mut text = String::with_capacity(PREFIX.len() + TEXT_BYTES);
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(bytes.as_slice(), &mut text);
        (SessionToken::new(text), SecretDigest::of(secret))
    }

    fn next_secret(&self, id: SessionId, counter: u32, secret: &[u8; 32]) -> Zeroizing<[u8; 32]> {
        self.renewal_key.mac(&[id.as_bytes(), &counter.to_be_bytes(), secret])
    }
}

impl TokenCodec for OpaqueCodec {
    fn issue(
        &self,
        id: SessionId,
        counter: u32,
    ) -> Result<(SessionToken, SecretDigest), StoreError> {
        let mut secret = Zeroizing::new([0; 32]);
        fill(&mut *secret)?;
        Ok(self.encode(id, counter, &secret))
    }

    fn derive(&self, id: SessionId, seed: &[u8; 32]) -> (SessionToken, SecretDigest) {
        let secret = self.creation_key.mac(&[id.as_bytes(), seed]);
        self.encode(id, 0, &secret)
    }

    fn read(&self, presented: &str) -> Option<Presented> {
        let text = presented.strip_prefix(PREFIX).filter(|text| text.len() == TEXT_BYTES)?;
        let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut *bytes).ok()?;
        let (body, tag) = bytes.split_at(BODY_BYTES);
        let genuine = self.tag_key.mac(&[body])[..TAG_BYTES].ct_eq(tag);
        if length != TOKEN_BYTES || !bool::from(genuine) {
            return None;
        }
        let secret: Zeroizing<[u8; 32]> = Zeroizing::new(body[21..].try_into().ok()?);
        Some(Presented {
            id: SessionId::from_bytes(body[1..17].try_into().ok()?),
            counter: u32::from_be_bytes(body[17..21].try_into().ok()?),
            digest: SecretDigest::of(&*secret),
            secret,
        })
    }

    fn successor(&self, presented: &Presented) -> (SessionToken, SecretDigest) {
        let counter = presented.counter.saturating_add(1);
        let secret = self.next_secret(presented.id, counter, &presented.secret);
        self.encode(presented.id, counter, &secret)
    }

    fn descends(&self, presented: &Presented, record: &Record) -> bool {
        let steps = record.renewal.counter.saturating_sub(presented.counter);
        if presented.id != record.id || steps == 0 || steps > MOST_STEPS {
            return false;
        }
        let mut secret = presented.secret.clone();
        for counter in presented.counter + 1..=record.renewal.counter {
            secret = self.next_secret(presented.id, counter, &secret);
        }
        SecretDigest::of(&*secret) == record.digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloakroom_core::Timestamp;

    fn codec() -> OpaqueCodec {
        OpaqueCodec::new(&SecretKey::from_bytes([1; 32]))
    }

    fn id() -> SessionId {
        SessionId::new(None, Timestamp::from_unix_millis(1_767_225_600_000))
    }

    #[test]
    fn a_token_reads_back_and_shows_nothing_in_debug() {
        let (token, digest) = codec().issue(id(), 0).unwrap();
        let presented = codec().read(token.reveal()).unwrap();
        assert!(presented.digest == digest);
        assert_eq!(token.reveal().len(), 88);
        assert_eq!(format!("{token:?} {presented:?}"), "SessionToken Presented");
    }

    #[test]
    fn flipping_any_single_bit_of_a_token_is_refused() {
        let (token, _) = codec().issue(id(), 7).unwrap();
        for at in 0..token.reveal().len() {
            for bit in 0..7 {
                let mut bytes = token.reveal().as_bytes().to_vec();
                bytes[at] ^= 1 << bit;
                let text = String::from_utf8(bytes).unwrap();
                assert!(codec().read(&text).is_none(), "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn a_token_of_another_key_or_of_another_shape_is_refused() {
        let other = OpaqueCodec::new(&SecretKey::from_bytes([2; 32]));
        let (token, _) = other.issue(id(), 0).unwrap();
        assert!(codec().read(token.reveal()).is_none());
        let own = codec().issue(id(), 0).unwrap().0;
        let own = own.reveal();
        for bad in ["", "clk_", &own[..87], &format!("{own}A"), &own[4..], &own.to_uppercase()] {
            assert!(codec().read(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn a_derived_credential_follows_from_its_id_and_seed_and_from_nothing_less() {
        let id = id();
        let (token, digest) = codec().derive(id, &[7; 32]);
        assert!(codec().derive(id, &[7; 32]).0.reveal() == token.reveal());
        let read = codec().read(token.reveal()).unwrap();
        assert!(read.digest == digest && read.counter == 0 && read.id == id);
        let other_id = SessionId::new(None, Timestamp::from_unix_millis(1));
        assert!(codec().derive(id, &[8; 32]).1 != digest);
        assert!(codec().derive(other_id, &[7; 32]).1 != digest);
        let other_key = OpaqueCodec::new(&SecretKey::from_bytes([2; 32]));
        assert!(other_key.derive(id, &[7; 32]).1 != digest);
    }

    #[test]
    fn the_successor_is_the_same_every_time_and_unlike_its_parent() {
        let presented = codec().read(codec().issue(id(), 3).unwrap().0.reveal()).unwrap();
        let (first, digest) = codec().successor(&presented);
        let (second, _) = codec().successor(&presented);
        assert_eq!(first.reveal(), second.reveal());
        assert!(digest != presented.digest);
        assert_eq!(codec().read(first.reveal()).unwrap().counter, 4);
    }
}
