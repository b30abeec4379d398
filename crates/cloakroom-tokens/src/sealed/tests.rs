use std::time::Duration;

use cloakroom_core::{SessionId, Timestamp, UserId};
use cloakroom_testkit::{Random, seeds};

use super::{Protection, SealError, SealedClaims, SealedCodec, SealedRefusal, SealingKey};
use crate::SecretKey;
use crate::base64url;

const NOW: Timestamp = Timestamp::from_unix_millis(1_767_225_600_123);
const BOTH: [Protection; 2] = [Protection::Signed, Protection::Encrypted];

fn key(protection: Protection) -> SealingKey {
    SealingKey::new(&SecretKey::from_bytes([7; 32]), protection)
}

fn codec() -> SealedCodec {
    SealedCodec::new("__Host-session", "session")
}

fn claims() -> SealedClaims {
    let user = UserId::new("alice").unwrap();
    SealedClaims {
        session: SessionId::new(Some(&user), NOW),
        user: Some(user),
        name: Some("Alice".to_owned()),
        groups: vec!["staff".to_owned(), "admin".to_owned()],
        issued_at: NOW,
        authenticated_at: Some(NOW.before(Duration::from_secs(9))),
        idle_deadline: NOW.after(Duration::from_secs(1_800)),
        absolute_deadline: NOW.after(Duration::from_secs(36_000)),
        epoch: 3,
        generation: 500,
        remembered: true,
        data: br#"{"theme":"dark"}"#.to_vec(),
    }
}

fn anonymous() -> SealedClaims {
    SealedClaims {
        user: None,
        name: None,
        groups: Vec::new(),
        authenticated_at: None,
        remembered: false,
        data: Vec::new(),
        ..claims()
    }
}

fn open(value: &str, key: &SealingKey) -> Result<SealedClaims, SealedRefusal> {
    codec().open(value, |id| (id == key.id()).then_some(key), NOW)
}

#[test]
fn what_is_sealed_opens_and_is_small() {
    for protection in BOTH {
        let key = key(protection);
        for claims in [claims(), anonymous()] {
            let value = codec().seal(&claims, &key).unwrap();
            assert_eq!(open(&value, &key).unwrap(), claims);
        }
    }
    let short = SealedClaims { name: None, groups: Vec::new(), data: Vec::new(), ..claims() };
    assert_eq!(codec().seal(&short, &key(Protection::Signed)).unwrap().len(), 123);
    assert_eq!(codec().seal(&short, &key(Protection::Encrypted)).unwrap().len(), 134);
}

#[test]
fn any_claims_read_back_and_have_one_spelling() {
    for seed in seeds(2_000) {
        let mut random = Random::new(seed);
        let text = |random: &mut Random| "abcdefgh".repeat(16)[..1 + random.below(128)].to_owned();
        let date =
            |random: &mut Random| Timestamp::from_unix_millis((random.number() >> 16) as i64);
        let user = random.once_in(2).then(|| UserId::new(text(&mut random)).unwrap());
        let claims = SealedClaims {
            session: SessionId::from_bytes(random.bytes()),
            name: (user.is_some() && random.once_in(2)).then(|| text(&mut random)),
            groups: (0..if user.is_some() { random.below(5) } else { 0 })
                .map(|_| text(&mut random))
                .collect(),
            user,
            issued_at: date(&mut random),
            authenticated_at: random.once_in(2).then(|| date(&mut random)),
            idle_deadline: date(&mut random),
            absolute_deadline: date(&mut random),
            epoch: random.number() >> random.below(64),
            generation: (random.number() >> (32 + random.below(32))) as u32,
            remembered: random.once_in(2),
            data: (0..random.below(40)).map(|at| at as u8).collect(),
        };
        let bytes = claims.encode().unwrap();
        assert_eq!(SealedClaims::decode(&bytes).unwrap(), claims, "CLOAKROOM_SEED={seed}");
        let mut other = bytes.clone();
        let at = random.below(other.len());
        other[at] ^= 1 << random.below(8);
        if let Some(read) = SealedClaims::decode(&other) {
            assert_eq!(read.encode().unwrap(), other, "CLOAKROOM_SEED={seed}: a second spelling");
        }
        let _ = SealedClaims::decode(&bytes[..random.below(bytes.len())]);
    }
}

#[test]
fn another_character_at_any_place_is_refused_unused_bits_included() {
    const OTHERS: &[u8] =
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=.+/ %\"\0";
    for protection in BOTH {
        let key = key(protection);
        for data in [&b""[..], b"x", b"xy"] {
            let claims = SealedClaims { data: data.to_vec(), ..claims() };
            let value = codec().seal(&claims, &key).unwrap();
            for at in 0..value.len() {
                for other in OTHERS.iter().filter(|other| **other != value.as_bytes()[at]) {
                    let mut bytes = value.clone().into_bytes();
                    bytes[at] = *other;
                    let changed = String::from_utf8(bytes).unwrap();
                    assert!(open(&changed, &key).is_err(), "{protection:?} byte {at}: {other}");
                }
            }
        }
    }
}

#[test]
fn flipping_any_single_bit_under_the_text_is_refused() {
    for protection in BOTH {
        let key = key(protection);
        let value = codec().seal(&claims(), &key).unwrap();
        let sealed = base64url::decode(&value).unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut sealed = sealed.clone();
            sealed[bit / 8] ^= 1 << (bit % 8);
            // Whatever id it names, this key is tried.
            let opened = codec().open(&base64url::encode(sealed), |_| Some(&key), NOW);
            assert!(opened.is_err(), "{protection:?}, bit {bit}");
        }
    }
}

#[test]
fn what_is_cut_or_longer_is_refused() {
    for protection in BOTH {
        let key = key(protection);
        let value = codec().seal(&claims(), &key).unwrap();
        for end in 0..value.len() {
            let opened = codec().open(&value[..end], |_| Some(&key), NOW);
            assert!(opened.is_err(), "{protection:?}, {end}");
        }
        for longer in [format!("{value}A"), format!("{value}AA"), format!("{value}AAAA")] {
            assert!(open(&longer, &key).is_err());
        }
        let most = "A".repeat(5_000);
        assert_eq!(open(&most, &key).unwrap_err(), SealedRefusal::TooLarge);
        assert_eq!(open("\u{e9}", &key).unwrap_err(), SealedRefusal::Malformed);
    }
}

#[test]
fn a_cookie_opens_under_its_name_its_purpose_and_its_key_only() {
    for protection in BOTH {
        let own = key(protection);
        let value = codec().seal(&claims(), &own).unwrap();
        for (name, purpose) in [
            ("__Host-sessio", "nsession"),
            ("session", "session"),
            ("__Host-session", "csrf"),
            ("", ""),
        ] {
            let opened = SealedCodec::new(name, purpose).open(&value, |_| Some(&own), NOW);
            assert_eq!(opened.unwrap_err(), SealedRefusal::BadTag, "{name} {purpose}");
        }
        let other = SealingKey::new(&SecretKey::from_bytes([8; 32]), protection);
        assert_eq!(open(&value, &other).unwrap_err(), SealedRefusal::UnknownKey);
        let forced = codec().open(&value, |_| Some(&other), NOW);
        assert_eq!(forced.unwrap_err(), SealedRefusal::BadTag);
    }
}

#[test]
fn the_key_decides_on_the_protection() {
    let [signed, encrypted] = BOTH.map(key);
    assert_ne!(signed.id(), encrypted.id());
    for (one, other) in [(&signed, &encrypted), (&encrypted, &signed)] {
        let value = codec().seal(&claims(), one).unwrap();
        let opened = codec().open(&value, |_| Some(other), NOW).unwrap_err();
        assert_eq!(opened, SealedRefusal::OtherProtection);
    }
    let readable = codec().seal(&claims(), &signed).unwrap();
    let hidden = codec().seal(&claims(), &encrypted).unwrap();
    let shows = |value: &str| base64url::decode(value).unwrap().windows(5).any(|it| it == b"alice");
    assert!(shows(&readable) && !shows(&hidden));
    assert_ne!(codec().seal(&claims(), &encrypted).unwrap(), hidden);
}

#[test]
fn deadlines_are_those_under_the_tag() {
    for protection in BOTH {
        let key = key(protection);
        let value = codec().seal(&claims(), &key).unwrap();
        let at = |now: Timestamp| codec().open(&value, |_| Some(&key), now).map(drop);
        let millisecond = Duration::from_millis(1);
        assert_eq!(at(claims().idle_deadline.before(millisecond)), Ok(()));
        assert_eq!(at(claims().idle_deadline), Err(SealedRefusal::Idle));
        assert_eq!(at(claims().absolute_deadline), Err(SealedRefusal::Expired));
        assert_eq!(at(NOW.before(Duration::from_secs(60))), Ok(()));
        assert_eq!(at(NOW.before(Duration::from_millis(60_001))), Err(SealedRefusal::NotYet));
    }
    assert_eq!(claims().deadline(), claims().idle_deadline);
}

#[test]
fn what_is_over_the_budget_or_cannot_be_carried_is_an_error() {
    let key = key(Protection::Signed);
    let large = SealedClaims { data: vec![0; 3_000], ..claims() };
    let error = codec().seal(&large, &key).unwrap_err();
    let told = matches!(error, SealError::OverBudget { budget: 4_096, data_bytes: 4_000, .. });
    assert!(told, "{error}");
    let small = codec().budget_bytes(100).seal(&anonymous(), &key).unwrap_err();
    assert!(matches!(small, SealError::OverBudget { budget: 100, .. }), "{small}");
    let early = Timestamp::from_unix_millis(-1);
    for (wrong, name) in [
        (SealedClaims { issued_at: early, ..claims() }, "issued_at"),
        (SealedClaims { idle_deadline: early, ..claims() }, "idle_deadline"),
        (SealedClaims { absolute_deadline: early, ..claims() }, "absolute_deadline"),
        (SealedClaims { authenticated_at: Some(early), ..claims() }, "authenticated_at"),
        (SealedClaims { name: Some("a b".to_owned()), ..claims() }, "name"),
        (SealedClaims { groups: vec!["x".repeat(300)], ..claims() }, "groups"),
        (SealedClaims { groups: vec!["x".to_owned(); 256], ..claims() }, "groups"),
        (SealedClaims { groups: vec!["x".to_owned()], ..anonymous() }, "groups"),
        (SealedClaims { name: Some("x".to_owned()), ..anonymous() }, "name"),
    ] {
        let error = codec().seal(&wrong, &key).unwrap_err();
        assert!(matches!(error, SealError::Claim(it) if it == name), "{name}: {error}");
    }
}

#[test]
fn a_key_shows_its_id_and_no_secret() {
    let key = key(Protection::Signed);
    let shown = format!("{key:?}");
    assert!(shown.starts_with("SealingKey { id: ") && shown.ends_with("protection: Signed }"));
    assert_eq!(key.id().to_string().len(), 11);
}

#[test]
fn the_format_is_what_it_was() {
    let claims = SealedClaims { session: SessionId::from_bytes([9; 16]), ..claims() };
    let value = codec().seal(&claims, &key(Protection::Signed)).unwrap();
    assert_eq!(
        value,
        "AcA61HPZ-HfJDwkJCQkJCQkJCQkJCQkJCQkBm3baqHsBm3b2H7sBm3j_-XsBm3bahVMD9AMFYWxpY2UF\
         QWxpY2UCBXN0YWZmBWFkbWlueyJ0aGVtZSI6ImRhcmsifWF8dohGK5eJiSaO0GmC1YOl106zG-HZvEhU\
         yzTsw7mb"
    );
    let encrypted = "AhCVyd5mSGJXqP7SEp1VvQhkl-q12ZNQkEB6HpsK0rzqTizzMxqBJLojaDehfXEx95eMT7PVD-a4jLdD\
                     GWiac8OSD2qq7sTlJDAEeQ7gPEYuzNYz7PxdxlZuL0bu0FBj9fS8NI8IF6jlYWD72BEXeyTYfwIICbGW\
                     yB5aOve90YKn7v6Zh6s";
    assert_eq!(open(encrypted, &key(Protection::Encrypted)).unwrap(), claims);
}
