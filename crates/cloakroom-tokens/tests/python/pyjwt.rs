use std::time::Duration;

use cloakroom_core::{Clock, SessionId, SystemClock, UserId};
use cloakroom_tokens::claims::{AccessTokens, Grant};
use cloakroom_tokens::jwk::PrivateJwk;
use cloakroom_tokens::jws::{Algorithm, VerifyingKey};
use cloakroom_tokens::keyring::{KeyRing, Purpose, TokenKey};
use serde_json::{Value, json};

use crate::answer;

const SCRIPT: &str = include_str!("tokens.py");
const ISSUER: &str = "https://id.example.org";

fn every_private_key() -> Vec<PrivateJwk> {
    let rsa = PrivateJwk::generate(Algorithm::Rs256).unwrap();
    let of_rsa = |name: &str| PrivateJwk::parse(&rsa.reveal().replace("RS256", name)).unwrap();
    let named = ["RS384", "RS512", "PS256", "PS384", "PS512"];
    let secret: Vec<u8> = (1..=64_u8).map(|at| at.wrapping_mul(at).wrapping_add(91)).collect();
    let long = [Algorithm::Hs384, Algorithm::Hs512];
    let made = [Algorithm::Hs256, Algorithm::Es256, Algorithm::EdDsa].map(PrivateJwk::generate);
    made.into_iter()
        .chain(long.map(|algorithm| PrivateJwk::from_secret(algorithm, &secret)))
        .map(Result::unwrap)
        .chain(named.map(of_rsa))
        .chain([rsa.clone()])
        .collect()
}

/// Claims as another program would write them.
fn foreign_claims(seconds: i64) -> Value {
    json!({
        "iss": ISSUER, "aud": "shop", "sub": "alice", "client_id": "shop-web", "jti": "1",
        "sid": "01890a5d-ac96-774b-bcce-b302099a8057", "iat": seconds, "exp": seconds + 300,
        "gen": 1, "epoch": 2, "scope": "read",
    })
}

fn grant() -> Grant {
    let now = SystemClock::new().now();
    let user = UserId::new("alice").unwrap();
    Grant {
        session: SessionId::new(Some(&user), now),
        user,
        name: None,
        groups: vec!["staff".to_owned()],
        client: "shop-web".to_owned(),
        authenticated_at: Some(now),
        generation: 1,
        epoch: 2,
        extra: serde_json::Map::new(),
    }
}

#[test]
fn pyjwt_reads_our_tokens_by_our_published_keys_and_we_read_those_of_pyjwt() {
    let (now, tokens) = (SystemClock::new().now(), AccessTokens::new(ISSUER, "shop"));
    let mut ring = KeyRing::new(Purpose::AccessToken);
    let mut issued = Vec::new();
    let mut grants = Vec::new();
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
        let key = TokenKey::private(PrivateJwk::generate(algorithm).unwrap()).unwrap();
        ring.announce(key, now).unwrap();
        ring.promote_early(now).unwrap();
        grants.push(grant());
        let (grant, key) = (&grants[grants.len() - 1], ring.signing_key().unwrap());
        let deadline = now.after(Duration::from_secs(3_600));
        issued.push(tokens.issue(grant, key, now, deadline).unwrap());
    }
    let keys = every_private_key();
    let private: Vec<Value> =
        keys.iter().map(|key| serde_json::from_str(&key.reveal()).unwrap()).collect();
    let given = json!({
        "issuer": ISSUER, "audience": "shop", "jwks": ring.published().unwrap(),
        "tokens": issued, "private": private, "claims": foreign_claims(now.unix_seconds()),
    });
    let Some(answer) = answer(SCRIPT, &given) else { return };
    for (read, grant) in answer["read"].as_array().unwrap().iter().zip(&grants) {
        assert_eq!(read["sid"], grant.session.to_string());
        assert_eq!((&read["sub"], &read["groups"]), (&json!("alice"), &json!(["staff"])));
    }
    assert_eq!(answer["read"].as_array().unwrap().len(), 3);
    for (token, key) in answer["signed"].as_array().unwrap().iter().zip(&keys) {
        let verifying = VerifyingKey::of_private(key).unwrap();
        let claims = tokens.verify(token.as_str().unwrap(), &verifying, now).unwrap();
        assert_eq!(claims.grant.extra["scope"], "read", "{}", key.algorithm());
    }
    assert_eq!(answer["signed"].as_array().unwrap().len(), 11);
}
