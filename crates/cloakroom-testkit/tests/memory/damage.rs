use std::fs;

use cloakroom_core::{Restored, Selector};
use cloakroom_testkit::fixtures::guard;
use cloakroom_testkit::fixtures::{Draft, START, at, logout, rotation, user};
use cloakroom_testkit::{Random, rounds, seeds};

use crate::support::{Place, subject};

/// A small snapshot of everything that one can hold.
async fn small_snapshot() -> Place {
    let place = Place::new();
    let store = place.open().0;
    let kept = subject(&store);
    let id = kept
        .add(Draft::of("ada").data("k", "1").with(|record| {
            record.client.user_agent = Some("Browser".to_owned());
            record.groups = vec!["readers".to_owned()];
        }))
        .await;
    kept.rotate(guard(id, at(1)), rotation(1, "new")).await;
    kept.add(Draft::anonymous()).await;
    let ended = kept.add(Draft::of("bob")).await;
    kept.end_session(ended, at(2)).await;
    kept.end(logout(Selector::User(user("eve")), at(3))).await;
    store.save().unwrap();
    place
}

/// Opens a directory with a spoiled snapshot: nothing of it may be there, and it is set aside.
fn assert_set_aside(place: &Place, what: &str) -> String {
    let (store, report) = place.open();
    let Restored { set_aside: Some(aside), .. } = report.clone() else {
        panic!("{what}: it was restored as {report:?}")
    };
    assert_eq!((report.sessions, store.usage().sessions), (0, 0), "{what}");
    assert!(aside.path.exists() && !place.snapshot().exists(), "{what}");
    assert!(aside.path.to_str().unwrap().contains("sessions.damaged-"), "{what}");
    fs::remove_file(aside.path).unwrap();
    aside.reason
}

#[tokio::test]
async fn every_single_bit_that_flips_in_a_snapshot_is_noticed() {
    let place = small_snapshot().await;
    let good = fs::read(place.snapshot()).unwrap();
    // Every bit of what is not a digest is many; each run takes other ones.
    let mut random = Random::new(seeds(1)[0]);
    for _ in 0..rounds(600, 20_000) {
        let bit = random.below(good.len() * 8);
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(place.snapshot(), &bytes).unwrap();
        assert_set_aside(&place, &format!("bit {bit}"));
    }
    fs::write(place.snapshot(), &good).unwrap();
    assert_eq!(place.open().1.sessions, 2);
}

#[tokio::test]
async fn every_bit_of_the_head_that_flips_is_noticed() {
    let place = small_snapshot().await;
    let good = fs::read(place.snapshot()).unwrap();
    for bit in 0..96 * 8 {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(place.snapshot(), &bytes).unwrap();
        assert_set_aside(&place, &format!("bit {bit}"));
    }
}

#[tokio::test]
async fn a_snapshot_cut_anywhere_is_noticed() {
    let place = small_snapshot().await;
    let good = fs::read(place.snapshot()).unwrap();
    let mut random = Random::new(seeds(1)[0]);
    let some = (0..rounds(200, 5_000)).map(|_| random.below(good.len()));
    for length in some.chain([0, 1, 7, 8, 12, 44, 76, 77, good.len() - 1]) {
        fs::write(place.snapshot(), &good[..length]).unwrap();
        assert_set_aside(&place, &format!("cut at {length}"));
    }
}

#[tokio::test]
async fn anything_behind_a_snapshot_or_twice_in_it_is_noticed() {
    let place = small_snapshot().await;
    let good = fs::read(place.snapshot()).unwrap();
    for tail in [&[0_u8][..], &good[..], &good[good.len() - 40..]] {
        fs::write(place.snapshot(), [&good[..], tail].concat()).unwrap();
        assert_eq!(assert_set_aside(&place, "a tail"), "it is damaged");
    }
}

#[tokio::test]
async fn a_foreign_a_newer_and_a_damaged_file_are_told_apart() {
    let place = small_snapshot().await;
    let good = fs::read(place.snapshot()).unwrap();
    let mut newer = good.clone();
    newer[8] = 2;
    let mut damaged = good.clone();
    let middle = good.len() / 2;
    damaged[middle] ^= 4;
    let cases = [
        (&b"SQLite format 3\0 and so on"[..], "no snapshot"),
        (&newer, "newer version (format 2"),
        (&damaged, "it is damaged"),
        (&good[..good.len() - 1], "cut short"),
    ];
    for (bytes, expected) in cases {
        fs::write(place.snapshot(), bytes).unwrap();
        let reason = assert_set_aside(&place, expected);
        assert!(reason.contains(expected), "{reason:?} instead of {expected:?}");
    }
}

#[tokio::test]
async fn lengths_that_a_file_does_not_have_take_no_memory() {
    let place = small_snapshot().await;
    let good = fs::read(place.snapshot()).unwrap();
    // The length of the first section, behind the head, its digest and the kind.
    let at_length = 45 + 32 + 1;
    for length in [u32::MAX, 1 << 31, good.len() as u32] {
        let mut bytes = good.clone();
        bytes[at_length..at_length + 4].copy_from_slice(&length.to_le_bytes());
        fs::write(place.snapshot(), bytes).unwrap();
        assert_eq!(assert_set_aside(&place, "a length"), "it is cut short");
    }
}

#[tokio::test]
async fn a_directory_in_its_place_is_set_aside_too() {
    let place = Place::new();
    fs::create_dir(place.snapshot()).unwrap();
    let (_store, report) = place.open_at(START, None);
    assert_eq!(report.set_aside.unwrap().reason, "it is no snapshot of sessions");
}
