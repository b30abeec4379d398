use std::time::Duration;

use cloakroom_core::{SessionId, Timestamp, UserId};
use cloakroom_testkit::{Random, seeds};
use serde_json::{Value, json};

use super::{AccessClaims, AccessRefusal, AccessTokens, Grant, IssueError};
use crate::json::JsonFault;
use crate::jws::{Algorithm, Refusal, SigningKey};

const NOW: Timestamp = Timestamp::from_unix_millis(1_767_225_600_123);

fn key() -> SigningKey {
    SigningKey::generate(Algorithm::Hs256).unwrap()
}

fn tokens() -> AccessTokens {
    AccessTokens::new("https://id.example.org", "shop")
}

fn grant() -> Grant {
    let user = UserId::new("alice").unwrap();
    Grant {
        session: SessionId::new(Some(&user), NOW),
        user,
        name: Some("Alice".to_owned()),
        groups: vec!["staff".to_owned(), "admin".to_owned()],
        client: "shop-web".to_owned(),
        authenticated_at: Some(Timestamp::from_unix_millis(1_767_225_000_000)),
        generation: 3,
        epoch: 1 << 40,
        extra: json!({"tenant": "t1", "deep": {"list": [1, null]}}).as_object().unwrap().clone(),
    }
}

fn later(seconds: u64) -> Timestamp {
    NOW.after(Duration::from_secs(seconds))
}

/// The claims of a fresh token after a change, signed again.
fn changed(key: &SigningKey, change: impl FnOnce(&mut Value)) -> String {
    let claims = tokens().write(&grant(), NOW, later(300)).unwrap();
    let mut claims = Value::Object(claims);
    change(&mut claims);
    key.sign(Some("at+jwt"), claims.to_string().as_bytes()).unwrap()
}

fn verify(key: &SigningKey, token: &str) -> Result<AccessClaims, AccessRefusal> {
    tokens().verify(token, key.verifying_key(), NOW)
}

#[test]
fn a_token_says_what_was_granted() {
    let key = key();
    let token = tokens().issue(&grant(), &key, NOW, later(9_000)).unwrap();
    let claims = verify(&key, &token).unwrap();
    assert_eq!(claims.grant.session.bucket(), grant().session.bucket());
    assert_eq!(claims.grant, Grant { session: claims.grant.session, ..grant() });
    assert_eq!(claims.issued_at.unix_millis(), 1_767_225_600_000);
    assert_eq!(claims.expires_at.unix_millis(), 1_767_225_900_000);
    assert_eq!(claims.id.len(), 22);
    let again = tokens().issue(&grant(), &key, NOW, later(9_000)).unwrap();
    assert_ne!(verify(&key, &again).unwrap().id, claims.id);
}

#[test]
fn a_grant_without_options_reads_back() {
    let key = key();
    let bare = Grant {
        name: None,
        groups: Vec::new(),
        authenticated_at: None,
        extra: serde_json::Map::new(),
        ..grant()
    };
    let token = tokens().issue(&bare, &key, NOW, later(9_000)).unwrap();
    assert_eq!(verify(&key, &token).unwrap().grant, bare);
}

#[test]
fn a_token_ends_with_its_lifetime_or_its_session_and_has_no_leeway() {
    let (key, tokens) = (key(), tokens());
    for (deadline, lives) in [(later(9_000), 300), (later(20), 20)] {
        let token = tokens.issue(&grant(), &key, NOW, deadline).unwrap();
        let end = Timestamp::from_unix_millis(1_767_225_600_000 + lives * 1000);
        let before = end.before(Duration::from_millis(1));
        assert!(tokens.verify(&token, key.verifying_key(), before).is_ok());
        let at_end = tokens.verify(&token, key.verifying_key(), end).unwrap_err();
        assert_eq!(at_end, AccessRefusal::Expired);
    }
    for deadline in
        [NOW, later(0).before(Duration::from_secs(1)), NOW.after(Duration::from_millis(800))]
    {
        assert_eq!(tokens.issue(&grant(), &key, NOW, deadline).unwrap_err(), IssueError::Ended);
    }
}

#[test]
fn a_clock_ahead_is_forgiven_within_the_leeway_only() {
    let key = key();
    let ahead = |seconds| tokens().issue(&grant(), &key, later(seconds), later(9_000)).unwrap();
    assert!(verify(&key, &ahead(60)).is_ok());
    assert_eq!(verify(&key, &ahead(61)).unwrap_err(), AccessRefusal::NotYet);
    let not_before = changed(&key, |claims| claims["nbf"] = json!(NOW.unix_seconds() + 61));
    assert_eq!(verify(&key, &not_before).unwrap_err(), AccessRefusal::NotYet);
}

#[test]
fn dates_must_be_integers_of_this_era() {
    let key = key();
    for name in ["iat", "exp", "nbf", "auth_time"] {
        for value in [
            json!(1.5e9),
            json!(1_767_225_700.0),
            json!("1767225700"),
            json!(null),
            json!(true),
            json!([1_767_225_700]),
            json!({}),
            json!(-1),
            json!(u64::MAX),
            json!(253_402_300_800_i64),
        ] {
            let token = changed(&key, |claims| claims[name] = value.clone());
            let refused = verify(&key, &token).unwrap_err();
            assert_eq!(refused, AccessRefusal::Wrong(name), "{name} {value}");
        }
    }
    let backwards = changed(&key, |claims| claims["exp"] = claims["iat"].clone());
    assert_eq!(verify(&key, &backwards).unwrap_err(), AccessRefusal::Wrong("exp"));
}

#[test]
fn every_claim_of_ours_is_demanded_and_of_its_type() {
    let key = key();
    for name in ["iss", "aud", "sub", "client_id", "sid", "jti", "iat", "exp", "gen", "epoch"] {
        let remove = |claims: &mut Value| drop(claims.as_object_mut().unwrap().remove(name));
        let refused = verify(&key, &changed(&key, remove)).unwrap_err();
        assert_eq!(refused, AccessRefusal::Missing(name));
        for value in [json!(null), json!(1.5), json!({"a": 1}), json!(""), json!([])] {
            let token = changed(&key, |claims| claims[name] = value.clone());
            let refused = verify(&key, &token).unwrap_err();
            let expected = match name {
                "aud" if value == "" => AccessRefusal::OtherAudience,
                "iss" if value == "" => AccessRefusal::OtherIssuer,
                _ => AccessRefusal::Wrong(name),
            };
            assert_eq!(refused, expected, "{name} {value}");
        }
    }
    for (name, value) in [
        ("sub", json!("a b")),
        ("sid", json!("7")),
        ("gen", json!(1_u64 << 32)),
        ("gen", json!(-1)),
        ("name", json!(7)),
        ("name", json!("a\r\nSet-Cookie: b")),
        ("groups", json!("staff")),
        ("groups", json!(["a,b"])),
        ("groups", json!([1])),
        ("jti", json!("x".repeat(513))),
    ] {
        let token = changed(&key, |claims| claims[name] = value.clone());
        assert_eq!(verify(&key, &token).unwrap_err(), AccessRefusal::Wrong(name), "{value}");
    }
}

#[test]
fn a_token_works_for_one_issuer_and_one_audience() {
    let key = key();
    let with = |name: &str, value: Value| {
        let token = changed(&key, |claims| claims[name] = value);
        verify(&key, &token).map(drop)
    };
    assert_eq!(with("iss", json!("https://evil.example")), Err(AccessRefusal::OtherIssuer));
    assert_eq!(with("aud", json!("shop2")), Err(AccessRefusal::OtherAudience));
    assert_eq!(with("aud", json!(["shop2"])), Err(AccessRefusal::OtherAudience));
    assert_eq!(with("aud", json!(["shop"])), Ok(()));
    for wrong in [json!(["shop", "shop2"]), json!(["shop", "shop"]), json!([7]), json!({"shop": 1})]
    {
        assert_eq!(with("aud", wrong), Err(AccessRefusal::Wrong("aud")));
    }
}

#[test]
fn a_token_of_another_type_or_of_loose_json_is_refused() {
    let key = key();
    let claims = Value::Object(tokens().write(&grant(), NOW, later(300)).unwrap()).to_string();
    let signed =
        |typ, payload: &str| verify(&key, &key.sign(typ, payload.as_bytes()).unwrap()).unwrap_err();
    let other = AccessRefusal::Token(Refusal::OtherType);
    assert_eq!(signed(Some("JWT"), &claims), other);
    assert_eq!(signed(Some("cloakroom-identity+jwt"), &claims), other);
    assert_eq!(signed(None, &claims), AccessRefusal::Token(Refusal::HeaderMember("typ")));
    let twice = claims.replacen('{', r#"{"sub":"bob","#, 1);
    assert_eq!(signed(Some("at+jwt"), &twice), AccessRefusal::Json(JsonFault::Duplicate));
    let deep = claims.replacen('{', r#"{"x":[[[[[[[[1]]]]]]]],"#, 1);
    assert_eq!(signed(Some("at+jwt"), &deep), AccessRefusal::Json(JsonFault::TooDeep));
    assert_eq!(signed(Some("at+jwt"), "foo"), AccessRefusal::Json(JsonFault::Malformed));
}

#[test]
fn extra_claims_have_a_budget_and_what_is_over_it_is_named() {
    let key = key();
    let mut large = grant();
    large.extra.insert("small".to_owned(), json!(1));
    large.extra.insert("avatar".to_owned(), json!("x".repeat(3_000)));
    large.extra.insert("history".to_owned(), json!("y".repeat(1_000)));
    let error = tokens().issue(&large, &key, NOW, later(9_000)).unwrap_err();
    let IssueError::OverBudget { bytes, budget: 3_500, claims } = error else { panic!("{error}") };
    assert!(bytes > 5_400, "{bytes}");
    assert_eq!(claims, ["avatar"]);
    let error = tokens().budget_bytes(1_500).issue(&large, &key, NOW, later(9_000)).unwrap_err();
    let IssueError::OverBudget { claims, .. } = error else { panic!("{error}") };
    assert_eq!(claims, ["avatar", "history"]);
    large.extra.insert("avatar".to_owned(), json!("x".repeat(60_000)));
    let error = tokens().budget_bytes(1 << 20).issue(&large, &key, NOW, later(9_000)).unwrap_err();
    assert!(matches!(error, IssueError::OverBudget { budget: 16_384, .. }), "{error}");
}

#[test]
fn extra_claims_cannot_take_a_name_of_ours_and_grants_must_be_readable() {
    let key = key();
    for name in super::issue::OWN {
        let mut taken = grant();
        taken.extra.insert(name.to_owned(), json!("x"));
        let error = tokens().issue(&taken, &key, NOW, later(9_000)).unwrap_err();
        assert_eq!(error, IssueError::Reserved(name.to_owned()));
    }
    let issue = |grant: Grant| tokens().issue(&grant, &key, NOW, later(9_000)).unwrap_err();
    let claim = IssueError::Claim;
    assert_eq!(issue(Grant { name: Some("a b".to_owned()), ..grant() }), claim("name"));
    assert_eq!(issue(Grant { groups: vec![String::new()], ..grant() }), claim("groups"));
    assert_eq!(issue(Grant { client: String::new(), ..grant() }), claim("client_id"));
    assert_eq!(issue(Grant { client: "x".repeat(513), ..grant() }), claim("client_id"));
    let deep = json!({"x": [[[[[[[[1]]]]]]]]}).as_object().unwrap().clone();
    assert_eq!(issue(Grant { extra: deep, ..grant() }), claim("extra"));
    let early = Some(Timestamp::from_unix_millis(-1));
    assert_eq!(issue(Grant { authenticated_at: early, ..grant() }), claim("auth_time"));
}

#[test]
fn no_token_with_changed_bytes_is_believed() {
    let key = key();
    let token = tokens().issue(&grant(), &key, NOW, later(9_000)).unwrap();
    for seed in seeds(3_000) {
        let mut random = Random::new(seed);
        let mut bytes = token.clone().into_bytes();
        let at = random.below(bytes.len());
        bytes[at] ^= 1 + random.below(127) as u8;
        let changed = String::from_utf8(bytes).unwrap();
        assert!(verify(&key, &changed).is_err(), "CLOAKROOM_SEED={seed}");
    }
}
