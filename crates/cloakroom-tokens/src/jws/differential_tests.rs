//! What the `jsonwebtoken` crate says of the same tokens.

use cloakroom_testkit::{Random, rounds, seeds};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm as Theirs, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};

use super::{Algorithm, SigningKey, VerifyingKey, verify};
use crate::base64url;
use crate::jwk::PrivateJwk;

struct Both {
    algorithm: Algorithm,
    theirs: Theirs,
    ours: VerifyingKey,
    encoding: EncodingKey,
    decoding: DecodingKey,
}

fn theirs(algorithm: Algorithm) -> Theirs {
    algorithm.as_str().parse().unwrap()
}

/// A key of every algorithm, in both libraries.
fn every_key() -> Vec<Both> {
    let rsa = SigningKey::generate(Algorithm::Rs256).unwrap();
    Algorithm::ALL.map(|(algorithm, _)| both(algorithm, &rsa)).into()
}

fn both(algorithm: Algorithm, rsa: &SigningKey) -> Both {
    let jwk = match algorithm {
        Algorithm::Hs384 | Algorithm::Hs512 => {
            let secret = [(); 5].map(|()| Random::new(u64::from(algorithm == Algorithm::Hs384)));
            let secret = secret.into_iter().zip(0..).flat_map(|(mut it, skip)| {
                (0..skip).for_each(|_| _ = it.bytes());
                it.bytes()
            });
            PrivateJwk::from_secret(algorithm, &secret.collect::<Vec<_>>()).unwrap()
        }
        it if it.signs() && it != Algorithm::Rs256 => PrivateJwk::generate(it).unwrap(),
        it => {
            let text = rsa.jwk().reveal().replace("RS256", it.as_str());
            PrivateJwk::parse(&text).unwrap()
        }
    };
    let text = jwk
        .to_public()
        .map_or_else(|| jwk.reveal().to_string(), |public| serde_json::to_string(&public).unwrap());
    let decoding = DecodingKey::from_jwk(&serde_json::from_str::<Jwk>(&text).unwrap()).unwrap();
    let (theirs, ours) = (theirs(algorithm), VerifyingKey::of_private(&jwk).unwrap());
    Both { algorithm, theirs, ours, encoding: encoding(&jwk), decoding }
}

/// Their form of a private key: bytes, or DER made by hand.
fn encoding(jwk: &PrivateJwk) -> EncodingKey {
    use aws_lc_rs::encoding::AsDer;
    match jwk.algorithm() {
        it if it.is_symmetric() => EncodingKey::from_secret(jwk.secret()),
        Algorithm::Es256 => {
            EncodingKey::from_ec_der(jwk.ecdsa().unwrap().to_pkcs8v1().unwrap().as_ref())
        }
        Algorithm::EdDsa => {
            EncodingKey::from_ed_der(jwk.ed25519().unwrap().to_pkcs8v1().unwrap().as_ref())
        }
        // They want PKCS #1, which a PKCS #8 document holds behind its first 26 bytes.
        _ => EncodingKey::from_rsa_der(&jwk.rsa().unwrap().as_der().unwrap().as_ref()[26..]),
    }
}

fn they_accept(token: &str, key: &Both) -> bool {
    let mut validation = Validation::new(key.theirs);
    validation.validate_exp = false;
    validation.required_spec_claims.clear();
    jsonwebtoken::decode::<Value>(token, &key.decoding, &validation).is_ok()
}

#[test]
fn jsonwebtoken_reads_what_we_sign_with_every_algorithm() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Hs256, Algorithm::Rs256] {
        let key = SigningKey::generate(algorithm).unwrap();
        let token = key.sign(Some("at+jwt"), br#"{"sub":"alice"}"#).unwrap();
        let public = key.jwk().to_public().map(|it| serde_json::to_string(&it).unwrap());
        let text = public.unwrap_or_else(|| key.jwk().reveal().to_string());
        let jwk: Jwk = serde_json::from_str(&text).unwrap();
        let mut validation = Validation::new(theirs(algorithm));
        validation.required_spec_claims.clear();
        let decoding = DecodingKey::from_jwk(&jwk).unwrap();
        let read = jsonwebtoken::decode::<Value>(&token, &decoding, &validation).unwrap();
        assert_eq!(read.claims, json!({"sub": "alice"}));
        assert_eq!(read.header.kid.as_deref(), Some(key.kid()));
        let thumbprint = jwk.thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256).unwrap();
        assert_eq!(thumbprint, key.kid());
    }
}

#[test]
fn we_read_what_jsonwebtoken_signs_with_every_algorithm() {
    for key in every_key() {
        let header = Header { kid: Some(key.ours.kid().to_owned()), ..Header::new(key.theirs) };
        let token = jsonwebtoken::encode(&header, &json!({"sub": "alice"}), &key.encoding).unwrap();
        let read = verify(&token, &key.ours, Some("JWT")).unwrap();
        assert_eq!(read.payload, br#"{"sub":"alice"}"#, "{}", key.algorithm);
    }
}

#[test]
fn we_accept_nothing_that_jsonwebtoken_refuses() {
    let keys = every_key();
    let (mut both, mut stricter) = (0, 0);
    for seed in seeds(rounds(1_500, 100_000)) {
        let mut random = Random::new(seed);
        let key = random.pick(&keys);
        let token = if random.once_in(2) {
            changed(&signed(&good_header(key), key), &mut random)
        } else {
            signed(&any_header(key, &mut random), key)
        };
        let (ours, theirs) = (verify(&token, &key.ours, None).is_ok(), they_accept(&token, key));
        assert!(theirs || !ours, "CLOAKROOM_SEED={seed}: {token}");
        both += u32::from(ours);
        stricter += u32::from(theirs && !ours);
    }
    eprintln!("accepted by both {both}; by jsonwebtoken only {stricter}");
}

fn signed(header: &str, key: &Both) -> String {
    let message = [header, r#"{"sub":"alice"}"#].map(base64url::encode).join(".");
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key.encoding, key.theirs);
    format!("{message}.{}", signature.unwrap())
}

fn good_header(key: &Both) -> String {
    format!(r#"{{"alg":"{}","kid":"{}","typ":"JWT"}}"#, key.algorithm, key.ours.kid())
}

/// A header that says some of what a header can say, in any order.
fn any_header(key: &Both, random: &mut Random) -> String {
    let kid = format!(r#""kid":"{}""#, key.ours.kid());
    let others = [
        r#""typ":"JWT""#,
        r#""alg":"HS256""#,
        r#""alg":"none""#,
        r#""kid":"other""#,
        r#""crit":["exp"]"#,
        r#""b64":false"#,
        r#""jku":"https://example.org""#,
        r#""zip":"DEF""#,
        r#""x":1"#,
        r#""x":{"y":1,"y":2}"#,
    ];
    let mut members = vec![kid];
    members.extend((0..random.below(3)).map(|_| (*random.pick(&others)).to_owned()));
    if !random.once_in(8) {
        let at = random.below(members.len() + 1);
        members.insert(at, format!(r#""alg":"{}""#, key.algorithm));
    }
    format!("{{{}}}", members.join(","))
}

/// The token with up to two changes: a byte replaced, inserted, removed, or a part swapped.
fn changed(token: &str, random: &mut Random) -> String {
    let mut bytes = token.as_bytes().to_vec();
    for _ in 0..random.below(3) {
        let at = random.below(bytes.len());
        let other = *random.pick(b"ABCXYZabcxyz0129-_.=+/ ");
        match random.below(4) {
            0 => bytes[at] = other,
            1 => bytes.insert(at, other),
            2 => drop(bytes.remove(at)),
            _ => bytes.truncate(at.max(1)),
        }
    }
    String::from_utf8(bytes).unwrap()
}
