use std::time::Duration;

use cloakroom_core::Timestamp;

use super::{Entry, KeyRing, KeyState, Purpose, RingError, Rotation, Stamps, Step, TokenKey};
use crate::SecretKey;
use crate::jwk::{PrivateJwk, PublicJwk};
use crate::jws::{Algorithm, Refusal, verify};
use crate::sealed::{Protection, SealingKey};

const START: Timestamp = Timestamp::from_unix_millis(1_767_225_600_000);

fn rotation() -> Rotation {
    Rotation {
        period: Duration::from_secs(86_400),
        longest_token: Duration::from_secs(300),
        reading: Duration::from_secs(10),
        publishing: Duration::from_secs(600),
    }
}

fn key(number: u8) -> SealingKey {
    SealingKey::new(&SecretKey::from_bytes([number; 32]), Protection::Signed)
}

fn id(number: u8) -> String {
    key(number).id().to_string()
}

fn at(seconds: u64) -> Timestamp {
    START.after(Duration::from_secs(seconds))
}

fn ring() -> KeyRing<SealingKey> {
    let mut ring = KeyRing::new(Purpose::SignedCookie);
    ring.begin(key(1), START).unwrap();
    ring
}

fn states(ring: &KeyRing<SealingKey>) -> Vec<KeyState> {
    ring.entries().iter().map(Entry::state).collect()
}

#[test]
fn a_key_is_announced_then_signs_then_verifies_then_is_gone() {
    let (mut ring, rotation) = (ring(), rotation());
    ring.announce(key(2), at(100)).unwrap();
    assert_eq!(states(&ring), [KeyState::Signing, KeyState::Next]);
    assert_eq!(ring.promote(at(709), &rotation), Err(RingError::TooEarly { from: at(710) }));
    ring.promote(at(710), &rotation).unwrap();
    assert_eq!(states(&ring), [KeyState::Verifying, KeyState::Signing]);
    assert_eq!(ring.signing().unwrap().id(), key(2).id());
    let early = ring.retire(&id(1), at(1_019), &rotation);
    assert_eq!(early, Err(RingError::TooEarly { from: at(1_020) }));
    ring.retire(&id(1), at(1_020), &rotation).unwrap();
    assert_eq!(states(&ring), [KeyState::Retired, KeyState::Signing]);
    assert!(ring.opening_key(key(1).id()).is_none() && ring.entries()[0].key().is_none());
    assert!(ring.opening_key(key(2).id()).is_some());
}

#[test]
fn what_is_due_comes_in_order_and_the_next_key_signs_on_schedule() {
    let (mut ring, rotation) = (KeyRing::new(Purpose::SignedCookie), rotation());
    assert_eq!(ring.due(START, &rotation), Some(Step::Begin));
    ring.begin(key(1), START).unwrap();
    assert_eq!(ring.due(at(85_789), &rotation), None);
    assert_eq!(ring.due(at(85_790), &rotation), Some(Step::Announce));
    ring.announce(key(2), at(85_790)).unwrap();
    assert_eq!(ring.due(at(86_399), &rotation), None);
    assert_eq!(ring.due(at(86_400), &rotation), Some(Step::Promote));
    ring.promote(at(86_400), &rotation).unwrap();
    assert_eq!(ring.due(at(86_709), &rotation), None);
    assert_eq!(ring.due(at(86_710), &rotation), Some(Step::Retire(id(1))));
    ring.retire(&id(1), at(86_710), &rotation).unwrap();
    assert_eq!(ring.due(at(86_710), &rotation), None);
}

#[test]
fn an_id_comes_once_and_a_retired_key_never_again() {
    let mut ring = ring();
    let known = Err(RingError::KnownId(id(1)));
    assert_eq!(ring.announce(key(1), at(1)), known);
    assert_eq!(ring.begin(key(2), at(1)), Err(RingError::Occupied(KeyState::Signing)));
    ring.announce(key(2), at(1)).unwrap();
    assert_eq!(ring.announce(key(3), at(1)), Err(RingError::Occupied(KeyState::Next)));
    ring.promote_early(at(2)).unwrap();
    ring.retire_early(&id(1), at(3)).unwrap();
    assert_eq!(ring.import(key(1), at(4)), known);
    assert_eq!(ring.announce(key(1), at(4)), known);
}

#[test]
fn the_key_that_signs_is_never_retired() {
    let mut ring = ring();
    let signs = Err(RingError::State { id: id(1), state: KeyState::Signing });
    assert_eq!(ring.retire(&id(1), at(99_999), &rotation()), signs);
    assert_eq!(ring.retire_early(&id(1), at(99_999)), signs);
    assert_eq!(ring.promote_early(at(1)), Err(RingError::None(KeyState::Next)));
    assert_eq!(ring.retire_early("x", at(1)), Err(RingError::UnknownId("x".to_owned())));
    ring.announce(key(2), at(1)).unwrap();
    ring.retire_early(&id(2), at(2)).unwrap();
    assert_eq!(states(&ring), [KeyState::Signing, KeyState::Retired]);
    let gone = Err(RingError::State { id: id(2), state: KeyState::Retired });
    assert_eq!(ring.retire_early(&id(2), at(3)), gone);
}

#[test]
fn a_ring_that_was_kept_is_the_same_and_a_contradiction_is_refused() {
    let mut ring = ring();
    ring.announce(key(2), at(1)).unwrap();
    ring.promote_early(at(2)).unwrap();
    ring.retire_early(&id(1), at(3)).unwrap();
    let [one, two] = [0, 1].map(|index| ring.entries()[index].stamps());
    let gone = || Entry::restore_retired(id(1), "HMAC-SHA256", one).unwrap();
    let kept = || Entry::restore(key(2), two).unwrap();
    let again = KeyRing::restore(Purpose::SignedCookie, vec![gone(), kept()]).unwrap();
    assert_eq!(states(&again), states(&ring));
    assert_eq!(format!("{again:?}"), format!("{ring:?}"));
    let twice = KeyRing::restore(Purpose::SignedCookie, vec![kept(), kept()]).unwrap_err();
    assert_eq!(twice, RingError::KnownId(id(2)));
    let two_sign = vec![kept(), Entry::restore(key(3), two).unwrap()];
    let two_sign = KeyRing::restore(Purpose::SignedCookie, two_sign).unwrap_err();
    assert_eq!(two_sign, RingError::Occupied(KeyState::Signing));
    let backwards = Stamps { signing_at: Some(at(5)), ..Stamps::announced(at(6)) };
    assert_eq!(Entry::restore(key(3), backwards).unwrap_err(), RingError::Contradiction(id(3)));
    assert!(Entry::restore(key(3), one).is_err());
    assert!(Entry::<SealingKey>::restore_retired(id(3), "x", two).is_err());
}

#[test]
fn published_is_all_that_verifies_before_it_signs_and_no_secret() {
    let new = |algorithm| TokenKey::private(PrivateJwk::generate(algorithm).unwrap()).unwrap();
    let mut ring = KeyRing::new(Purpose::AccessToken);
    ring.begin(new(Algorithm::Es256), START).unwrap();
    ring.announce(new(Algorithm::EdDsa), at(1)).unwrap();
    ring.import(new(Algorithm::Hs256), at(1)).unwrap();
    let foreign = new(Algorithm::Rs256).public_jwk().unwrap().clone();
    ring.import(TokenKey::public(foreign).unwrap(), at(1)).unwrap();
    let set = ring.published().unwrap();
    let algorithms: Vec<_> = set.keys().iter().map(PublicJwk::algorithm).collect();
    assert_eq!(algorithms, [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256]);
    let text = serde_json::to_string(&set).unwrap();
    assert!(!text.contains("\"d\"") && !text.contains("\"k\""));
    let token = ring.signing_key().unwrap().sign(None, b"{}").unwrap();
    assert!(verify(&token, &ring, None).is_ok());
    let signed = ring.entries()[0].id().to_owned();
    ring.promote_early(at(2)).unwrap();
    assert!(verify(&token, &ring, None).is_ok());
    ring.retire_early(&signed, at(3)).unwrap();
    assert_eq!(verify(&token, &ring, None).unwrap_err(), Refusal::UnknownKey);
    assert_eq!(ring.published().unwrap().keys().len(), 2);
}

#[test]
fn a_key_that_verifies_only_is_imported_and_never_signs() {
    let public = || {
        let jwk = PrivateJwk::generate(Algorithm::Es256).unwrap();
        TokenKey::public(jwk.to_public().unwrap()).unwrap()
    };
    let mut ring = KeyRing::new(Purpose::AccessToken);
    assert!(matches!(ring.announce(public(), START), Err(RingError::VerifiesOnly(_))));
    assert!(matches!(ring.begin(public(), START), Err(RingError::VerifiesOnly(_))));
    ring.import(public(), START).unwrap();
    assert!(ring.signing_key().is_none());
    let signing = Stamps { signing_at: Some(START), ..Stamps::announced(START) };
    assert!(Entry::restore(public(), signing).is_err());
}

#[test]
fn a_clock_that_is_behind_leaves_stamps_in_order() {
    let mut ring = KeyRing::new(Purpose::SignedCookie);
    ring.begin(key(1), at(100)).unwrap();
    ring.announce(key(2), at(90)).unwrap();
    ring.promote_early(at(80)).unwrap();
    ring.import(key(3), at(70)).unwrap();
    ring.retire_early(&id(1), at(60)).unwrap();
    let stamps = ring.entries()[0].stamps();
    assert_eq!(stamps.retired_at, Some(at(100)));
    assert!(Entry::<SealingKey>::restore_retired(id(1), "HMAC-SHA256", stamps).is_ok());
    for (number, entry) in [(2, &ring.entries()[1]), (3, &ring.entries()[2])] {
        assert!(Entry::restore(key(number), entry.stamps()).is_ok());
    }
}

#[test]
fn an_imported_key_is_retired_by_hand_only() {
    let (mut ring, rotation) = (ring(), Rotation { period: Duration::MAX, ..rotation() });
    ring.import(key(2), at(0)).unwrap();
    assert_eq!(ring.due(at(1 << 40), &rotation), None);
    ring.retire(&id(2), at(1 << 40), &rotation).unwrap();
}
