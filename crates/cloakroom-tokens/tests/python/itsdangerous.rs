use std::time::Duration;

use cloakroom_core::{Clock, SystemClock};
use cloakroom_tokens::itsdangerous::{Derivation, Digest, Options, UrlSafeTimed};
use serde_json::{Value, json};

use crate::answer;

const SCRIPT: &str = include_str!("signed.py");
const OLD: &str = "hUq7bTz1kQpW9xvLr3mYc5Ns-old-4b";
const NEW: &str = "Zt8yXw2GfPq0LkVn6sRbJd3M-new-9c";

const DIGESTS: [(Digest, &str); 3] =
    [(Digest::Sha1, "sha1"), (Digest::Sha256, "sha256"), (Digest::Sha512, "sha512")];
const DERIVATIONS: [(Derivation, &str); 4] = [
    (Derivation::DjangoConcat, "django-concat"),
    (Derivation::Hmac, "hmac"),
    (Derivation::Concat, "concat"),
    (Derivation::None, "none"),
];

fn payloads() -> [Value; 6] {
    [
        json!({"user": "alice", "n": [1, -2, 2.5, null, true]}),
        json!("\u{fc}ber \u{1f36a} \u{0} \"\\"),
        json!([]),
        json!(7),
        json!({"list": vec!["the same"; 500]}),
        json!((0..300).map(|number| (number * 7_919) % 10_007).collect::<Vec<_>>()),
    ]
}

/// Every digest with every derivation, and what Python has to be told of it.
fn settings() -> impl Iterator<Item = (Options, Value)> {
    let both = DIGESTS.into_iter().flat_map(|it| DERIVATIONS.map(|derivation| (it, derivation)));
    both.map(|((digest, digest_name), (derivation, derivation_name))| {
        let options =
            Options { salt: b"purpose".to_vec(), digest, derivation, ..Options::default() };
        let told = json!({
            "secrets": [OLD, NEW],
            "salt": "purpose",
            "digest": digest_name,
            "derivation": derivation_name,
        });
        (options, told)
    })
}

fn with(mut told: Value, name: &str, value: Value) -> Value {
    told[name] = value;
    told
}

#[test]
fn itsdangerous_reads_what_we_sign_with_every_digest_and_derivation() {
    let now = SystemClock::new().now();
    let mut cases = Vec::new();
    for (options, told) in settings() {
        // The key that signs is the last of the list; what an older one signed is read too.
        for secrets in [&[OLD, NEW][..], &[OLD]] {
            let signer = UrlSafeTimed::new(secrets, options.clone()).unwrap();
            let tokens = payloads().map(|payload| signer.sign(&payload, now).unwrap());
            cases.extend(tokens.map(|token| with(told.clone(), "token", token.into())));
        }
    }
    let Some(read) = answer(SCRIPT, &Value::Array(cases)) else { return };
    let expected: Vec<_> = (0..24).flat_map(|_| payloads()).collect();
    assert_eq!(read, Value::Array(expected));
}

#[test]
fn we_read_what_itsdangerous_signs_with_every_digest_and_derivation() {
    let cases = settings()
        .flat_map(|(_, told)| payloads().map(|payload| with(told.clone(), "payload", payload)));
    let Some(tokens) = answer(SCRIPT, &cases.collect()) else { return };
    let now = SystemClock::new().now();
    let mut tokens = tokens.as_array().unwrap().iter();
    for (options, told) in settings() {
        for secrets in [&[OLD, NEW][..], &[NEW, OLD]] {
            let reader = UrlSafeTimed::new(secrets, options.clone()).unwrap();
            for (token, payload) in tokens.clone().zip(payloads()) {
                let token = token.as_str().unwrap();
                let read = reader.read(token, Some(Duration::from_secs(60)), now).unwrap();
                assert_eq!(read.json().unwrap(), payload, "{told}");
            }
        }
        tokens.nth(payloads().len() - 1);
    }
    assert_eq!(tokens.next(), None);
}
