use super::{
    Algorithm, KeyLookup, MOST_TOKEN_BYTES, Refusal, SignError, SigningKey, VerifyingKey,
    VerifyingKeys, verify,
};
use crate::base64url;
use crate::json::JsonFault;

const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const SIGNING: [Algorithm; 4] =
    [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Hs256, Algorithm::Rs256];

fn key(algorithm: Algorithm) -> SigningKey {
    SigningKey::generate(algorithm).unwrap()
}

/// A token with this header, and a signature of the key that is good.
fn with_header(key: &SigningKey, header: &str) -> String {
    let mut token = format!("{}.e30", base64url::encode(header));
    let signature = key.signature(token.as_bytes()).unwrap();
    token.push('.');
    base64url::append(signature, &mut token);
    token
}

fn refusal(key: &SigningKey, token: &str) -> Refusal {
    verify(token, key.verifying_key(), Some("at+jwt")).unwrap_err()
}

#[test]
fn a_token_of_every_algorithm_verifies_with_its_key_and_with_no_other() {
    for algorithm in SIGNING {
        let (key, other) = (key(algorithm), key(algorithm));
        let token = key.sign(Some("at+jwt"), b"\0any bytes\xff").unwrap();
        let verified = verify(&token, key.verifying_key(), Some("at+jwt")).unwrap();
        assert_eq!(verified.payload, b"\0any bytes\xff");
        assert_eq!(verified.key.kid(), key.kid());
        assert_eq!(refusal(&other, &token), Refusal::UnknownKey);
        let renamed = other.jwk().clone().with_kid(key.kid()).unwrap();
        assert_eq!(refusal(&SigningKey::new(renamed).unwrap(), &token), Refusal::BadSignature);
    }
}

#[test]
fn flipping_any_single_bit_of_a_token_is_refused() {
    for algorithm in SIGNING {
        let key = key(algorithm);
        let token = key.sign(Some("at+jwt"), br#"{"sub":"alice"}"#).unwrap();
        for at in 0..token.len() {
            for bit in 0..7 {
                let mut bytes = token.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let changed = String::from_utf8(bytes).unwrap();
                let refused = verify(&changed, key.verifying_key(), None).is_err();
                assert!(refused, "{algorithm}, byte {at}, bit {bit}");
            }
        }
    }
}

#[test]
fn another_character_at_any_place_is_refused_unused_bits_included() {
    for algorithm in SIGNING {
        let key = key(algorithm);
        let token = key.sign(Some("at+jwt"), br#"{"sub":"alic"}"#).unwrap();
        let ends = [token.find('.'), token.rfind('.'), Some(token.len())].map(|it| it.unwrap() - 1);
        let all = algorithm == Algorithm::Hs256;
        for at in (0..token.len()).filter(|at| all || ends.contains(at)) {
            for other in
                ALPHABET.iter().chain(b"=.+/ \n\0").filter(|it| **it != token.as_bytes()[at])
            {
                let mut bytes = token.clone().into_bytes();
                bytes[at] = *other;
                let changed = String::from_utf8(bytes).unwrap();
                let refused = verify(&changed, key.verifying_key(), None).is_err();
                assert!(refused, "{algorithm}, byte {at}, {other}");
            }
        }
    }
}

#[test]
fn what_is_cut_or_longer_or_of_other_parts_is_refused() {
    let key = key(Algorithm::Hs256);
    let token = key.sign(Some("at+jwt"), b"{}").unwrap();
    for end in 0..token.len() {
        assert!(verify(&token[..end], key.verifying_key(), None).is_err(), "{end}");
        assert!(verify(&token[end + 1..], key.verifying_key(), None).is_err(), "{end}");
    }
    for changed in [
        format!("{token}."),
        format!(".{token}"),
        format!("{token}A"),
        format!("{token}="),
        format!(" {token}"),
        format!("{token}\n"),
        token.replace('.', ".."),
        token.replace('.', ","),
        format!("{token}.{token}"),
        format!("Bearer {token}"),
    ] {
        assert!(verify(&changed, key.verifying_key(), None).is_err(), "{changed}");
    }
    let dots = ".".repeat(MOST_TOKEN_BYTES);
    assert_eq!(refusal(&key, &dots), Refusal::Header(JsonFault::Malformed));
    assert_eq!(refusal(&key, &format!("{dots}.")), Refusal::TooLarge);
}

#[test]
fn the_header_chooses_no_algorithm_even_under_a_good_signature() {
    for algorithm in SIGNING {
        let key = key(algorithm);
        let kid = key.kid();
        for name in ["none", "None", "", " HS256", "hs256", "HS256 ", "HS512", "ES512", "PS256"] {
            let token = with_header(&key, &format!(r#"{{"alg":"{name}","kid":"{kid}"}}"#));
            assert_eq!(refusal(&key, &token), Refusal::OtherAlgorithm, "{name}");
        }
        for header in [r#"{"alg":null}"#, r#"{"alg":["HS256"]}"#, "{}"] {
            let token = with_header(&key, header);
            assert_eq!(refusal(&key, &token), Refusal::HeaderMember("alg"), "{header}");
        }
    }
}

#[test]
fn a_public_key_is_never_taken_for_an_hmac_secret() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
        let key = key(algorithm);
        let public = key.jwk().to_public().unwrap();
        let secret = serde_json::to_string(&public).unwrap();
        let forger = crate::jwk::PrivateJwk::from_secret(Algorithm::Hs256, secret.as_bytes());
        let forger = SigningKey::new(forger.unwrap().with_kid(key.kid()).unwrap()).unwrap();
        let token = forger.sign(Some("at+jwt"), b"{}").unwrap();
        assert_eq!(refusal(&key, &token), Refusal::OtherAlgorithm);
    }
}

#[test]
fn members_that_are_never_taken_are_refused_even_under_a_good_signature() {
    let key = key(Algorithm::Hs256);
    for (name, value) in [
        ("crit", "[]"),
        ("crit", r#"["exp"]"#),
        ("b64", "false"),
        ("b64", "true"),
        ("jwk", "{}"),
        ("jku", "\"https://example.org\""),
        ("x5u", "\"https://example.org\""),
        ("x5c", "[]"),
        ("x5t", "\"\""),
        ("x5t#S256", "\"\""),
        ("zip", "\"DEF\""),
        ("enc", "\"A256GCM\""),
    ] {
        let token = with_header(&key, &format!(r#"{{"alg":"HS256","{name}":{value}}}"#));
        assert_eq!(refusal(&key, &token), Refusal::Forbidden(name), "{name}");
    }
}

#[test]
fn headers_that_are_not_strict_json_are_refused_even_under_a_good_signature() {
    let key = key(Algorithm::Hs256);
    let deep = format!(r#"{{"alg":"HS256","x":{}1{}}}"#, "[".repeat(9), "]".repeat(9));
    let large = format!(r#"{{"alg":"HS256","x":"{}"}}"#, "x".repeat(2048));
    for (header, fault) in [
        (r#"{"alg":"HS256","alg":"HS256"}"#, JsonFault::Duplicate),
        (r#"{"alg":"HS256","typ":"at+jwt","\u0074yp":"at+jwt"}"#, JsonFault::Duplicate),
        (r#"{"alg":"HS256","x":{"y":1,"y":1}}"#, JsonFault::Duplicate),
        (&deep, JsonFault::TooDeep),
        (&large, JsonFault::TooLarge),
        (r#"{"alg":"HS256"}x"#, JsonFault::Malformed),
        (r#"["HS256"]"#, JsonFault::Malformed),
        ("", JsonFault::Malformed),
    ] {
        assert_eq!(refusal(&key, &with_header(&key, header)), Refusal::Header(fault), "{header}");
    }
}

#[test]
fn the_type_of_a_token_is_checked() {
    let key = key(Algorithm::Hs256);
    let typed = |typ: &str| with_header(&key, &format!(r#"{{"alg":"HS256","typ":{typ}}}"#));
    for good in ["\"at+jwt\"", "\"AT+JWT\"", "\"application/at+jwt\"", "\"Application/at+jwt\""] {
        assert!(verify(&typed(good), key.verifying_key(), Some("at+jwt")).is_ok(), "{good}");
    }
    for other in ["\"JWT\"", "\"\"", "\"at+jwt \"", "\"text/at+jwt\"", "\"application/\""] {
        assert_eq!(refusal(&key, &typed(other)), Refusal::OtherType, "{other}");
    }
    for wrong in ["null", "1", "[\"at+jwt\"]"] {
        assert_eq!(refusal(&key, &typed(wrong)), Refusal::HeaderMember("typ"), "{wrong}");
    }
    let untyped = with_header(&key, r#"{"alg":"HS256"}"#);
    assert_eq!(refusal(&key, &untyped), Refusal::HeaderMember("typ"));
}

#[test]
fn an_id_is_looked_up_as_it_is_and_a_missing_or_doubtful_one_finds_nothing() {
    let (one, other) = (key(Algorithm::Hs256), key(Algorithm::Es256));
    let both = [&one, &other].map(|key| key.verifying_key().clone());
    let keys = VerifyingKeys::new(both.clone());
    for key in [&one, &other] {
        let token = key.sign(None, b"{}").unwrap();
        assert_eq!(verify(&token, &keys, None).unwrap().key.kid(), key.kid());
    }
    for kid in ["", "../../etc/passwd", "' OR 1=1 --", "http://localhost/", "\\u0000"] {
        let token = with_header(&one, &format!(r#"{{"alg":"HS256","kid":"{kid}"}}"#));
        assert_eq!(verify(&token, &keys, None).unwrap_err(), Refusal::UnknownKey, "{kid}");
    }
    let none = with_header(&one, r#"{"alg":"HS256"}"#);
    assert_eq!(verify(&none, &keys, None).unwrap_err(), Refusal::UnknownKey);
    let number = with_header(&one, r#"{"alg":"HS256","kid":7}"#);
    assert_eq!(verify(&number, &keys, None).unwrap_err(), Refusal::HeaderMember("kid"));
    let twice = VerifyingKeys::new(both.into_iter().chain([one.verifying_key().clone()]));
    assert!(twice.find(Some(one.kid())).is_none() && twice.find(Some(other.kid())).is_some());
}

#[test]
fn a_payload_too_large_is_not_signed_and_a_key_shows_nothing() {
    let key = key(Algorithm::Hs256);
    let most = key.sign(None, &[0; 12_000]).unwrap();
    assert!(verify(&most, key.verifying_key(), None).is_ok());
    assert_eq!(key.sign(None, &[0; 12_288]).unwrap_err(), SignError::TooLarge);
    assert_eq!(format!("{key:?}"), "SigningKey");
    let shown = format!("{:?}", key.verifying_key());
    assert_eq!(shown, format!(r#"VerifyingKey {{ kid: "{}", algorithm: Hs256 }}"#, key.kid()));
}

#[test]
fn keys_that_verify_only_do_not_sign() {
    let secret = [5, 6, 7, 8, 9, 1, 2, 4].repeat(16);
    let mut secret: Vec<u8> = secret.iter().zip(0..).map(|(it, at)| it ^ at).collect();
    secret.truncate(64);
    for algorithm in [Algorithm::Hs384, Algorithm::Hs512] {
        let jwk = crate::jwk::PrivateJwk::from_secret(algorithm, &secret).unwrap();
        assert!(VerifyingKey::of_private(&jwk).is_ok());
        assert_eq!(SigningKey::new(jwk).unwrap_err(), crate::jwk::JwkError::VerifiesOnly);
    }
}
