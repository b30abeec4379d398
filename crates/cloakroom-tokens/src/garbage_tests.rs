//! Whatever a decoder is given, it answers. (`fuzz/` asks for longer.)

use std::time::Duration;

use cloakroom_core::{SessionId, Timestamp, TokenCodec};
use cloakroom_testkit::{Random, rounds, seeds};

use crate::claims::AccessTokens;
use crate::itsdangerous::{Options, UrlSafeTimed};
use crate::jwk::{PrivateJwk, PrivateJwkSet, PublicJwk, PublicJwkSet};
use crate::jws::{self, Algorithm, SigningKey};
use crate::sealed::{Protection, SealedClaims, SealedCodec, SealingKey};
use crate::{OpaqueCodec, SecretKey, base64url};

const NOW: Timestamp = Timestamp::from_unix_millis(1_767_225_600_000);
const PIECES: [&str; 16] = [
    ".",
    "..",
    "=",
    "\0",
    "\u{fffd}",
    "{",
    "}",
    "[[[[[[[[[",
    "\"",
    "\\ud800",
    "null",
    "-1e999",
    "eyJhbGciOiJIUzI1NiJ9",
    "AAAA",
    "{\"kty\":\"oct\",\"k\":\"\"}",
    "\u{1f36a}",
];

struct Decoders {
    key: SigningKey,
    sealing: SealingKey,
    tokens: AccessTokens,
    cookies: SealedCodec,
    signed: UrlSafeTimed,
    opaque: OpaqueCodec,
}

impl Decoders {
    fn new() -> Self {
        let secret = SecretKey::from_bytes([7; 32]);
        let list = ["Zt8yXw2GfPq0LkVn6sRbJd3M-new-9c"];
        Self {
            key: SigningKey::generate(Algorithm::Hs256).unwrap(),
            sealing: SealingKey::new(&secret, Protection::Encrypted),
            tokens: AccessTokens::new("issuer", "audience"),
            cookies: SealedCodec::new("session", "session"),
            signed: UrlSafeTimed::new(list, Options::default()).unwrap(),
            opaque: OpaqueCodec::new(&secret),
        }
    }

    /// One text that each decoder takes.
    fn good(&self) -> Vec<String> {
        let session = SessionId::from_bytes([9; 16]);
        let later = NOW.after(Duration::from_secs(60));
        let claims = SealedClaims {
            session,
            user: None,
            name: None,
            groups: Vec::new(),
            issued_at: NOW,
            authenticated_at: None,
            idle_deadline: later,
            absolute_deadline: later,
            epoch: 0,
            generation: 0,
            remembered: false,
            data: Vec::new(),
        };
        let public = PrivateJwk::generate(Algorithm::Es256).unwrap().to_public().unwrap();
        let set = PublicJwkSet::new([public.clone()]).unwrap();
        vec![
            self.key.sign(Some("at+jwt"), b"{}").unwrap(),
            self.cookies.seal(&claims, &self.sealing).unwrap(),
            self.signed.sign(&[1, 2, 3], NOW).unwrap(),
            self.opaque.issue(session, 0).unwrap().0.reveal().to_owned(),
            serde_json::to_string(&public).unwrap(),
            serde_json::to_string(&set).unwrap(),
            self.key.jwk().reveal().to_string(),
        ]
    }

    fn read(&self, text: &str) {
        let verifying = self.key.verifying_key();
        let _ = jws::verify(text, verifying, None);
        let _ = self.tokens.verify(text, verifying, NOW);
        let _ = self.cookies.open(text, |_| Some(&self.sealing), NOW);
        let _ = self.signed.read(text, Some(Duration::from_secs(60)), NOW);
        let _ = self.opaque.read(text);
        let _ = (PublicJwk::parse(text), PublicJwkSet::parse(text));
        let _ = (PrivateJwk::parse(text), PrivateJwkSet::parse(text));
        let der = base64url::decode(text).unwrap_or_else(|| text.as_bytes().to_vec());
        for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
            let _ = PrivateJwk::from_pkcs8(algorithm, &der);
        }
        // And what stands under a good signature, for keys can be shared with others.
        if let Ok(token) = self.key.sign(Some("at+jwt"), text.as_bytes()) {
            let _ = self.tokens.verify(&token, verifying, NOW);
        }
        let _ = SealedClaims::decode(text.as_bytes());
    }
}

/// A good text with pieces replaced, or bytes of chance.
fn garbage(good: &[String], random: &mut Random) -> String {
    if random.once_in(4) {
        let bytes: Vec<u8> = (0..random.below(20)).flat_map(|_| random.bytes()).collect();
        return String::from_utf8_lossy(&bytes).into_owned();
    }
    let mut text: Vec<char> = random.pick(good).chars().collect();
    for _ in 0..1 + random.below(4) {
        let at = random.below(text.len() + 1);
        let end = (at + random.below(8)).min(text.len());
        text.splice(at..end, random.pick(&PIECES).chars());
    }
    text.into_iter().collect()
}

#[test]
fn no_decoder_panics_whatever_it_is_given() {
    let decoders = Decoders::new();
    let good = decoders.good();
    good.iter().for_each(|text| decoders.read(text));
    for seed in seeds(rounds(3_000, 1_000_000)) {
        let text = garbage(&good, &mut Random::new(seed));
        let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| decoders.read(&text)));
        assert!(read.is_ok(), "CLOAKROOM_SEED={seed}: {text:?}");
    }
    let large = ["{", "[", ".", "A", "\"", "\\"].map(|piece| piece.repeat(1 << 20));
    large.iter().for_each(|text| decoders.read(text));
}
