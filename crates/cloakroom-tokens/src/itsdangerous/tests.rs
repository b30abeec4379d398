use std::time::Duration;

use cloakroom_core::Timestamp;
use cloakroom_testkit::{Random, seeds};
use serde_json::{Value, json};

use super::{Derivation, Digest, Options, SerializerError, Signed, SignedRefusal, UrlSafeTimed};
use crate::base64url;
use crate::json::JsonFault;

const OLD: &str = "hUq7bTz1kQpW9xvLr3mYc5Ns-old-4b";
const NEW: &str = "Zt8yXw2GfPq0LkVn6sRbJd3M-new-9c";
const SIGNED_AT: Timestamp = Timestamp::from_unix_millis(1_764_000_000_000);

/// Made by itsdangerous 2.2.0 of `{"user":"alice","n":[1,2.5,null]}` under the salt `purpose` with
/// both secrets, at 1764000000.
const WRITTEN_BY_PYTHON: [(Digest, Derivation, &str); 12] = {
    use Derivation::{Concat, DjangoConcat, Hmac, None};
    use Digest::{Sha1, Sha256, Sha512};
    [
        (Sha1, DjangoConcat, "XtHaq2DK-ExXRyuBGN-kEmtCAjU"),
        (Sha1, Hmac, "ardLHDswcfFJuaxbdffKd-qP9Jc"),
        (Sha1, Concat, "Vsz9Eq06rP02pC4nzUbbXIz_nLM"),
        (Sha1, None, "DHpbrnNetDj-BjRmHhAwNT2lFbY"),
        (Sha256, DjangoConcat, "rQ1CfFXIhPp1iqaf8-J0HZbWdqKIlRkNJ6kersgiauk"),
        (Sha256, Hmac, "dKmmprjOEDpJLPTA45Vtqmm9mI3CuCwZJdfW6F9Hq4g"),
        (Sha256, Concat, "RG8f6dfm1-CMQ5rigLyJ8DI22rxjSBdirb8G09gQBeM"),
        (Sha256, None, "KUFz36-ckTRETFDFz4ukhShKaR-YNfg9R-eoTV3HRUk"),
        (
            Sha512,
            DjangoConcat,
            "G1_I61P6P_4IzyVEtwKBvalsKo_dFWz0sBUpVgCnGrC1o93Va6eUVHBhGFyM\
             9uYLHOOl703s8b9qQ70o1XtdzA",
        ),
        (
            Sha512,
            Hmac,
            "Ix8T03evtMSl5m_E6b7higZgL3qoWSfWw2-Fj7WvAghVhTorp8UEq4ENwawa\
             Km_sZtO8PM1UGMWqOnvjV5_p5g",
        ),
        (
            Sha512,
            Concat,
            "KsBodNlQT5KfaBbLnbUVAuamionlCJfmMP7KQcYYtNoCSVTEAjV8W9JYCAic\
             xiHmYVd-Tg5X43mNNNLxs0Rx7A",
        ),
        (
            Sha512,
            None,
            "i7IQwrbySzGYQZ_0dQaAozgY57v2QmZzYJmPg4dH2q0D6cD1npJ46XSu0tgy\
             sVfFHM4iD3JWU45xputT0KUmFg",
        ),
    ]
};

fn options() -> Options {
    Options { salt: b"purpose".to_vec(), ..Options::default() }
}

fn serializer() -> UrlSafeTimed {
    UrlSafeTimed::new([OLD, NEW], options()).unwrap()
}

fn payload() -> Value {
    json!({"user": "alice", "n": [1, 2.5, null]})
}

fn read(token: &str) -> Result<Signed, SignedRefusal> {
    serializer().read(token, Some(Duration::from_secs(60)), SIGNED_AT)
}

#[test]
fn every_digest_and_derivation_reads_what_python_wrote() {
    for (digest, derivation, signature) in WRITTEN_BY_PYTHON {
        let options = Options { digest, derivation, ..options() };
        let reader = UrlSafeTimed::new([OLD, NEW], options.clone()).unwrap();
        let token = format!("eyJ1c2VyIjoiYWxpY2UiLCJuIjpbMSwyLjUsbnVsbF19.aSSBAA.{signature}");
        let signed = reader.read(&token, Some(Duration::ZERO), SIGNED_AT).unwrap();
        assert_eq!((signed.json().unwrap(), signed.signed_at), (payload(), SIGNED_AT));
        let text = r#"{"user":"alice","n":[1,2.5,null]}"#;
        let raw = serde_json::value::RawValue::from_string(text.to_owned()).unwrap();
        assert_eq!(reader.sign(&raw, SIGNED_AT).unwrap(), token);
        let other = UrlSafeTimed::new([OLD], options).unwrap();
        let refused = other.read(&token, None, SIGNED_AT).unwrap_err();
        assert_eq!(refused, SignedRefusal::BadSignature);
    }
}

#[test]
fn compressed_text_other_alphabets_and_older_secrets_are_read() {
    let compressed =
        ".eJyrVsrJLC5RsopWqlDSGcQ4Vkfp8B4lK6VHTWuUagFezSx8.aSSBAA.0WUoU_T9ANZjX3E7ySfN3zCDURA";
    let expected = json!({"list": vec!["x"; 40], "\u{fc}": "\u{20ac}"});
    assert_eq!(read(compressed).unwrap().json().unwrap(), expected);
    assert_eq!(read("MQ.aSSBAA.jL17MphzGSp4ZLkqglHf9XWHqPQ").unwrap().payload, b"1");
    let default = UrlSafeTimed::new([NEW], Options::default()).unwrap();
    let token = "IsOpIg.aSSBAA.69h3kOjEP7n8hlGmg1dd_oeWo5Q";
    assert_eq!(default.read(token, None, SIGNED_AT).unwrap().payload, "\"\u{e9}\"".as_bytes());
}

#[test]
fn what_is_signed_reads_back_and_is_deflated_where_that_is_shorter() {
    for payload in [json!({}), json!("x"), payload(), json!({"list": vec!["the same"; 500]})] {
        let token = serializer().sign(&payload, SIGNED_AT).unwrap();
        assert_eq!(read(&token).unwrap().json().unwrap(), payload);
        assert_eq!(token.starts_with('.'), payload.to_string().len() > 1_000);
        assert!(token.len() < 200, "{}", token.len());
    }
}

#[test]
fn another_character_at_any_place_is_refused_unused_bits_included() {
    const OTHERS: &[u8] =
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=.+/ %\"\0";
    for payload in [payload(), json!({"list": vec!["the same"; 50]})] {
        let token = serializer().sign(&payload, SIGNED_AT).unwrap();
        for at in 0..token.len() {
            for other in OTHERS.iter().filter(|other| **other != token.as_bytes()[at]) {
                let mut bytes = token.clone().into_bytes();
                bytes[at] = *other;
                let changed = String::from_utf8(bytes).unwrap();
                assert!(read(&changed).is_err(), "byte {at}: {other}");
            }
        }
        for end in 0..token.len() {
            assert!(read(&token[..end]).is_err(), "{end}");
        }
    }
}

#[test]
fn a_second_spelling_that_python_takes_is_refused() {
    // The last character of a SHA-1 signature has two unused bits.
    let token = serializer().sign(&payload(), SIGNED_AT).unwrap();
    let last = token.chars().last().unwrap();
    let spelled = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let at = spelled.find(last).unwrap();
    assert_eq!(at % 4, 0);
    for other in at + 1..at + 4 {
        let changed = format!("{}{}", &token[..token.len() - 1], &spelled[other..=other]);
        assert_eq!(read(&changed).unwrap_err(), SignedRefusal::Malformed);
    }
    assert_eq!(read(&format!("{token}=")).unwrap_err(), SignedRefusal::Malformed);
}

#[test]
fn a_token_works_under_its_salt_its_digest_and_its_derivation_only() {
    let token = serializer().sign(&payload(), SIGNED_AT).unwrap();
    for other in [
        Options { salt: b"purpos".to_vec(), ..options() },
        Options { digest: Digest::Sha256, ..options() },
        Options { derivation: Derivation::Hmac, ..options() },
        Options { derivation: Derivation::Concat, ..options() },
        Options { derivation: Derivation::None, ..options() },
        Options::flask(),
    ] {
        let reader = UrlSafeTimed::new([OLD, NEW], other).unwrap();
        let refused = reader.read(&token, None, SIGNED_AT).unwrap_err();
        assert_eq!(refused, SignedRefusal::BadSignature);
    }
}

#[test]
fn the_age_of_a_token_is_bounded_by_the_seconds_under_the_signature() {
    let token = serializer().sign(&payload(), SIGNED_AT).unwrap();
    let at = |seconds: i64, max_age: Option<u64>| {
        let now = Timestamp::from_unix_millis(SIGNED_AT.unix_millis() + seconds * 1000);
        serializer().read(&token, max_age.map(Duration::from_secs), now).map(drop)
    };
    assert_eq!(at(60, Some(60)), Ok(()));
    assert_eq!(at(61, Some(60)), Err(SignedRefusal::Expired));
    assert_eq!(at(1 << 40, Some(u64::MAX)), Ok(()));
    assert_eq!(at(-60, Some(60)), Ok(()));
    assert_eq!(at(-61, Some(60)), Err(SignedRefusal::NotYet));
    assert_eq!(at(-61, None), Ok(()));
}

/// A token of these parts under a signature that is good.
fn forged(message: &str) -> String {
    let signature = serializer().keys.last().unwrap().sign(message.as_bytes());
    format!("{message}.{}", base64url::encode(signature))
}

#[test]
fn even_under_a_good_signature_only_one_spelling_is_read() {
    assert!(read(&forged("MQ.aSSBAA")).is_ok());
    for message in ["MQ", "MQ.AGkkgQA", "MQ.aSSBAB", "MQ.aSSBAA==", "MR.aSSBAA", "MQ==.aSSBAA"] {
        assert_eq!(read(&forged(message)).unwrap_err(), SignedRefusal::Malformed, "{message}");
    }
    for message in ["M.Q.aSSBAA", "..MQ.aSSBAA", ".MQ.aSSBAA", "MQ.__________8", "MQ.AQEBAQEBAQEB"]
    {
        assert_eq!(read(&forged(message)).unwrap_err(), SignedRefusal::Malformed, "{message}");
    }
    let twice = forged(&format!("{}.aSSBAA", base64url::encode(r#"{"a":1,"a":2}"#)));
    assert_eq!(read(&twice).unwrap().json().unwrap_err(), JsonFault::Duplicate);
}

#[test]
fn a_payload_that_inflates_beyond_the_cap_is_refused() {
    let bomb = |bytes: usize| {
        let deflated = miniz_oxide::deflate::compress_to_vec_zlib(&vec![b' '; bytes], 9);
        forged(&format!(".{}.aSSBAA", base64url::encode(deflated)))
    };
    assert_eq!(read(&bomb(64 * 1024)).unwrap().payload.len(), 64 * 1024);
    assert_eq!(read(&bomb(64 * 1024 + 1)).unwrap_err(), SignedRefusal::TooLarge);
    assert_eq!(read(&bomb(9 << 20)).unwrap_err(), SignedRefusal::TooLarge);
    let most = Options { most_payload_bytes: 3, ..options() };
    let small = UrlSafeTimed::new([NEW], most).unwrap();
    let token = serializer().sign("four", SIGNED_AT).unwrap();
    assert_eq!(small.read(&token, None, SIGNED_AT).unwrap_err(), SignedRefusal::TooLarge);
    assert!(matches!(small.sign("four", SIGNED_AT), Err(SerializerError::TooLarge)));
    let dots = ".".repeat(20_000);
    assert_eq!(read(&dots).unwrap_err(), SignedRefusal::TooLarge);
}

#[test]
fn no_deflated_payload_makes_a_panic() {
    let deflated = miniz_oxide::deflate::compress_to_vec_zlib(&[b'x'; 300], 6);
    for seed in seeds(2_000) {
        let mut random = Random::new(seed);
        let mut changed = deflated.clone();
        let at = random.below(changed.len());
        changed[at] ^= 1 << random.below(8);
        changed.truncate(1 + random.below(changed.len() + 4));
        let _ = read(&forged(&format!(".{}.aSSBAA", base64url::encode(changed))));
    }
}

#[test]
fn no_secret_and_weak_secrets_are_refused() {
    let none: [&str; 0] = [];
    assert!(matches!(UrlSafeTimed::new(none, options()), Err(SerializerError::NoSecret)));
    for weak in ["dev", "", "django-insecure-0123456789-abcdef", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa"] {
        let error = UrlSafeTimed::new([NEW, weak], options()).unwrap_err();
        assert!(matches!(error, SerializerError::Weak { number: 2, .. }), "{error}");
    }
    assert_eq!(format!("{:?}", serializer()), "UrlSafeTimed");
}
