use std::fs;

use cloakroom_core::{
    Carry, Change, Durability, End, EndReason, Inserted, LimitPolicy, Renewal, SecretDigest,
    Selector, Store, Timestamp,
};
use cloakroom_testkit::Subject;
use cloakroom_testkit::fixtures::{
    ABSOLUTE, Draft, START, at, digest, guard, logout, offer, promote, rotation, user, write,
};
use std::time::Duration;

use crate::support::{Place, Stalled, crowded, end, subject};

#[tokio::test]
async fn what_ended_after_the_last_snapshot_stays_ended_after_a_crash() {
    let place = Place::new();
    let store = place.open_journalled().0;
    let kept = subject(&store);
    let draft = |name: &str| Draft::of(name).idle(ABSOLUTE);
    let mut ids = Vec::new();
    for name in ["one", "user", "user", "except", "except", "limit", "replaced", "stays"] {
        ids.push(kept.add(draft(name)).await);
    }
    store.snapshot().unwrap();
    end(&store, ids[0], at(1)).await;
    kept.end(logout(Selector::User(user("user")), at(2))).await;
    kept.end(logout(Selector::UserExcept(user("except"), ids[4]), at(3))).await;
    kept.add(draft("limit").at(at(4)).limit(1, LimitPolicy::EndOldest)).await;
    kept.add(draft("other").at(at(5)).replacing(ids[6], Carry::Everything)).await;

    let crashed = place.copy();
    let (store, report) = crashed.open();
    assert_eq!(report.replayed, Some(5));
    let kept = subject(&store);
    let mut expected = [ids[4], ids[7]];
    expected.sort_unstable();
    assert_eq!(kept.live_ids(at(6)).await, expected, "and what was inserted since is lost");
    let reasons = [(0, EndReason::Logout), (5, EndReason::Limit), (6, EndReason::Replaced)];
    for (index, reason) in reasons {
        assert_eq!(kept.ended(ids[index]).await.unwrap().reason, reason);
    }
    assert_eq!(kept.epoch(user("user")).await, 1);
    assert_eq!(kept.record(ids[4], at(6)).await.epoch, 1);
    let log = kept.log_after(None, 100).await.entries;
    assert_eq!(log.iter().filter(|it| matches!(it.change, Change::Ended(_))).count(), 3);
    assert_eq!(crashed.names(), [] as [&str; 0]);
}

#[tokio::test]
async fn the_end_of_everyone_holds_after_a_crash_and_spares_later_logins() {
    let place = Place::new();
    let store = place.open_journalled().0;
    let kept = subject(&store);
    let ended = kept.add(Draft::of("ada")).await;
    let visitor = kept.add(Draft::anonymous()).await;
    kept.end(logout(Selector::Everyone, at(1))).await;
    let later = kept.add(Draft::of("ada").at(at(1)).epoch(1)).await;
    let before_snapshot = place.copy();
    store.snapshot().unwrap();
    let kept = subject(&place.copy().open().0);
    assert_eq!(kept.live_ids(at(2)).await, [later]);
    let kept = subject(&before_snapshot.open().0);
    assert!(!kept.is_live(ended, at(2)).await && !kept.is_live(visitor, at(2)).await);
    let stale = Draft::of("ada").build();
    assert_eq!(kept.insert(stale).await, Inserted::Superseded, "the epoch was kept");
}

/// Journals that overlap with the snapshot: it was written while they were, so both know.
#[tokio::test]
async fn acts_that_the_snapshot_knows_already_change_nothing_when_done_again() {
    let place = Place::new();
    let store = place.open_journalled().0;
    let kept = subject(&store);
    let id = kept.add(Draft::of("ada").idle(ABSOLUTE)).await;
    kept.add(Draft::of("ada").idle(ABSOLUTE)).await;
    kept.end(logout(Selector::UserExcept(user("ada"), id), at(1))).await;
    let journal = fs::read(place.journal()).unwrap();
    let generation = place.journal();
    store.snapshot().unwrap();
    // As if the journal before had been the one begun for this snapshot.
    let crashed = place.copy();
    assert_ne!(crashed.journal().file_name(), generation.file_name());
    drop(journal);
    let (store, report) = crashed.open();
    assert_eq!((report.sessions, report.replayed), (1, Some(0)));
    assert!(subject(&store).is_live(id, at(2)).await);
}

#[tokio::test]
async fn a_credential_that_was_replaced_is_dead_after_a_crash() {
    let place = Place::new();
    let store = place.open_journalled().0;
    let kept = subject(&store);
    let id = kept.add(Draft::of("ada").idle(ABSOLUTE)).await;
    store.snapshot().unwrap();
    kept.rotate(guard(id, at(1)), rotation(1, "new")).await;
    let kept = subject(&place.copy().open().0);
    let record = kept.record(id, at(2)).await;
    assert_eq!((record.digest, record.renewal.counter), (digest("new"), 1));
    assert_eq!(record.generation, 1);
}

#[tokio::test]
async fn a_renewal_outlives_a_crash_from_the_offer_on() {
    let place = Place::new();
    let store = place.open_journalled().0;
    let kept = subject(&store);
    let id = kept.add(Draft::of("ada").idle(ABSOLUTE)).await;
    store.snapshot().unwrap();
    let restored = async || {
        let (store, report) = place.copy().open();
        let record = subject(&store).record(id, at(9)).await;
        (record.digest, parts(record.renewal), report.replayed.unwrap())
    };
    let first = kept.record(id, at(1)).await;
    // The client has the successor from now on, and may have nothing else.
    kept.renew(guard(id, at(1)), offer(0, "second")).await;
    let offered = Renewal { next: Some(digest("second")), ..first.renewal };
    assert_eq!(restored().await, (first.digest, parts(offered), 1));
    kept.renew(guard(id, at(2)), promote("second")).await;
    let previous = Some(first.digest);
    let second = Renewal { counter: 1, since: at(2), next: None, previous };
    assert_eq!(restored().await, (digest("second"), parts(second), 2));
    kept.renew(guard(id, at(3)), offer(1, "third")).await;
    kept.rotate(guard(id, at(4)), rotation(2, "rotated")).await;
    assert_eq!(restored().await, (digest("rotated"), parts(Renewal::fresh(2, at(4))), 4));
}

type Parts = (u32, Timestamp, Option<SecretDigest>, Option<SecretDigest>);

fn parts(renewal: Renewal) -> Parts {
    (renewal.counter, renewal.since, renewal.next, renewal.previous)
}

#[tokio::test]
async fn groups_that_were_taken_away_are_gone_after_a_crash() {
    let place = Place::new();
    let store = place.open_journalled().0;
    let kept = subject(&store);
    let draft = Draft::of("ada").idle(ABSOLUTE);
    let id = kept.add(draft.with(|record| record.groups = vec!["admins".to_owned()])).await;
    store.snapshot().unwrap();
    kept.regroup(user("ada"), vec!["readers".to_owned()], at(1)).await;
    let kept = subject(&place.copy().open().0);
    assert_eq!(kept.record(id, at(2)).await.groups, ["readers"]);
}

#[tokio::test]
async fn an_ended_session_of_which_the_snapshot_knew_nothing_cannot_be_made_again() {
    let place = Place::new();
    let store = place.open_journalled().0;
    let kept = subject(&store);
    let (one, of_user) = (Draft::of("ada"), Draft::of("bob"));
    for draft in [&one, &of_user] {
        kept.add(draft.clone()).await;
    }
    end(&store, one.clone().build().record.id, at(1)).await;
    kept.end(logout(Selector::User(user("bob")), at(1))).await;
    let kept = subject(&place.copy().open().0);
    for draft in [one, of_user] {
        assert_eq!(kept.insert(draft.epoch(9).build()).await, Inserted::Conflict);
    }
}

#[tokio::test]
async fn what_was_being_written_when_the_process_died_is_passed_over() {
    let place = Place::new();
    let store = place.open_journalled().0;
    let kept = subject(&store);
    let first = kept.add(Draft::of("ada").idle(ABSOLUTE)).await;
    let second = kept.add(Draft::of("bob").idle(ABSOLUTE)).await;
    store.snapshot().unwrap();
    end(&store, first, at(1)).await;
    let after_one = fs::metadata(place.journal()).unwrap().len() as usize;
    end(&store, second, at(2)).await;
    let bytes = fs::read(place.journal()).unwrap();
    for length in after_one..bytes.len() {
        assert_torn(&place, &bytes[..length], &[second]).await;
    }
    let zeros = [&bytes[..after_one], &[0; 300][..]].concat();
    assert_torn(&place, &zeros, &[second]).await;
    assert_torn(&place, &bytes, &[]).await;
}

async fn assert_torn(place: &Place, journal: &[u8], live: &[cloakroom_core::SessionId]) {
    let crashed = place.copy();
    fs::write(crashed.journal(), journal).unwrap();
    let (store, report) = crashed.open();
    assert_eq!(report.set_aside, None, "a journal of {} bytes", journal.len());
    assert_eq!(subject(&store).live_ids(at(3)).await, live);
}

#[tokio::test]
async fn every_single_bit_that_flips_in_a_journal_is_noticed() {
    let place = Place::new();
    let store = place.open_journalled().0;
    let kept = subject(&store);
    let first = kept.add(Draft::of("ada")).await;
    let second = kept.add(Draft::of("bob")).await;
    end(&store, first, at(1)).await;
    end(&store, second, at(2)).await;
    let bytes = fs::read(place.journal()).unwrap();
    for bit in 0..bytes.len() * 8 {
        let crashed = place.copy();
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(crashed.journal(), flipped).unwrap();
        let (store, report) = crashed.open();
        assert!(report.set_aside.is_some(), "bit {bit} of {}", bytes.len() * 8);
        assert_eq!(store.usage().sessions, 0);
        let aside = crashed.names();
        assert_eq!(aside.len(), 2, "the snapshot and its journal are both kept: {aside:?}");
    }
}

#[tokio::test]
async fn a_snapshot_without_its_journal_or_with_another_ones_is_set_aside() {
    let place = Place::new();
    let store = place.open_journalled().0;
    subject(&store).add(Draft::of("ada")).await;
    store.snapshot().unwrap();
    let alone = place.copy();
    fs::remove_file(alone.journal()).unwrap();
    let reason = alone.open().1.set_aside.unwrap().reason;
    assert_eq!(reason, "the journal of the ends since is missing");

    let other = Place::new();
    let other_store = other.open_journalled().0;
    other_store.snapshot().unwrap();
    let mixed = place.copy();
    fs::copy(other.journal(), mixed.journal()).unwrap();
    let reason = mixed.open().1.set_aside.unwrap().reason;
    assert_eq!(reason, "the journal belongs to another snapshot");
}

#[tokio::test]
async fn a_crash_between_a_new_journal_and_its_snapshot_loses_no_end() {
    let place = Place::new();
    let store = place.open_journalled().0;
    let kept = subject(&store);
    let first = kept.add(Draft::of("ada").idle(ABSOLUTE)).await;
    let second = kept.add(Draft::of("bob").idle(ABSOLUTE)).await;
    store.snapshot().unwrap();
    end(&store, first, at(1)).await;
    // The snapshot cannot be written, but a journal was begun for it.
    let blocker = place.directory.join("sessions.new");
    fs::create_dir(&blocker).unwrap();
    store.snapshot().unwrap_err();
    end(&store, second, at(2)).await;
    let journals = place.names().into_iter().filter(|name| name.contains("journal")).count();
    assert_eq!(journals, 2);
    fs::remove_dir(blocker).unwrap();
    let (store, report) = place.copy().open_journalled();
    assert_eq!((report.replayed, report.sessions), (Some(2), 0));
    assert_eq!(subject(&store).live_ids(at(3)).await, []);
}

#[tokio::test]
async fn a_journal_that_could_not_be_made_leaves_no_number_out() {
    let place = Place::new();
    let store = place.open_journalled().0;
    let kept = subject(&store);
    let id = kept.add(Draft::of("ada").idle(ABSOLUTE)).await;
    let ended = kept.add(Draft::of("bob").idle(ABSOLUTE)).await;
    store.snapshot().unwrap();
    // Neither a journal nor a snapshot can take the place of a directory.
    let blockers = ["sessions.journal-3", "sessions.new"].map(|name| place.directory.join(name));
    fs::create_dir(&blockers[0]).unwrap();
    store.snapshot().unwrap_err();
    fs::remove_dir(&blockers[0]).unwrap();
    fs::create_dir(&blockers[1]).unwrap();
    store.snapshot().unwrap_err();
    fs::remove_dir(&blockers[1]).unwrap();
    end(&store, ended, at(1)).await;
    let (store, report) = place.copy().open();
    assert_eq!((report.set_aside, report.replayed), (None, Some(1)));
    assert_eq!(subject(&store).live_ids(at(2)).await, [id]);
}

#[tokio::test]
async fn a_journal_without_its_head_is_passed_over_only_if_it_was_being_made() {
    let place = Place::new();
    let store = place.open_journalled().0;
    let kept = subject(&store);
    let id = kept.add(Draft::of("ada").idle(ABSOLUTE)).await;
    store.snapshot().unwrap();
    end(&store, id, at(1)).await;
    let bytes = fs::read(place.journal()).unwrap();
    for length in [0, 1, 67] {
        let crashed = place.copy();
        fs::write(crashed.directory.join("sessions.journal-3"), &bytes[..length]).unwrap();
        let (store, report) = crashed.open();
        assert_eq!((report.set_aside, report.replayed), (None, Some(1)));
        assert_eq!(subject(&store).live_ids(at(2)).await, []);
        let cut = place.copy();
        fs::write(cut.journal(), &bytes[..length]).unwrap();
        let (store, report) = cut.open();
        assert_eq!(report.set_aside.unwrap().reason, "the journal is cut short");
        assert_eq!(subject(&store).live_ids(at(2)).await, []);
    }
}

#[tokio::test]
async fn after_an_orderly_end_no_journal_counts_and_positions_stay_good() {
    let place = Place::new();
    let store = place.open_journalled().0;
    let kept = subject(&store);
    let id = kept.add(Draft::of("ada").idle(ABSOLUTE)).await;
    let ended = kept.add(Draft::of("bob")).await;
    end(&store, ended, at(1)).await;
    let position = kept.log_after(None, 10).await.next;
    store.save().unwrap();
    assert_eq!(place.names(), ["sessions"]);
    drop((store, kept));
    let (store, report) = place.open_journalled();
    assert_eq!((report.sessions, report.replayed), (1, None));
    let kept = subject(&store);
    assert!(kept.is_live(id, at(2)).await);
    assert!(!kept.log_after(Some(position.clone()), 10).await.gap);
    // A crash sets the log back, which whoever follows it has to learn.
    let crashed = place.copy().open_journalled().0;
    assert!(subject(&crashed).log_after(Some(position), 10).await.gap);
}

#[tokio::test]
async fn parallel_ends_share_their_syncs() {
    let place = Place::new();
    let store = place.open_journalled().0;
    let kept = subject(&store);
    let mut ids = Vec::new();
    for number in 0..200 {
        ids.push(kept.add(Draft::of(&format!("u{number}"))).await);
    }
    // They are all ordered before the first answer is waited for.
    let ends: Vec<_> =
        ids.iter().map(|id| store.end(logout(Selector::Session(*id), at(1)))).collect();
    for end in ends {
        assert_eq!(end.await.unwrap().count, 1);
    }
    // Every frame takes 40 bytes; 200 of them would take 8 000 more.
    let alone = 200 * (40 + 34);
    let length = fs::metadata(place.journal()).unwrap().len();
    assert!(length < alone, "{length} bytes for 200 ends: each was synced alone");
    assert_eq!(subject(&place.copy().open().0).live_ids(at(2)).await, []);
}

#[tokio::test]
async fn an_end_whose_answer_is_dropped_still_happens() {
    let place = Place::new();
    let store = place.open_journalled().0;
    let kept = subject(&store);
    let id = kept.add(Draft::of("ada")).await;
    drop(store.end(logout(Selector::Session(id), at(1))));
    cloakroom_testkit::eventually("it ended", async || !kept.is_live(id, at(1)).await).await;
}

#[tokio::test]
async fn durability_is_the_interval_of_the_snapshots() {
    let place = Place::new();
    assert_eq!(place.open().0.durability(), Durability::LostOnCrash);
    let hour = Duration::from_secs(3_600);
    let store = place.open_at(START, Some(hour)).0;
    assert_eq!(store.durability(), Durability::UpTo(hour));
}

#[tokio::test]
async fn snapshots_come_by_themselves() {
    let place = Place::new();
    let store = place.open_at(START, Some(Duration::from_millis(20))).0;
    let kept = subject(&store);
    let id = kept.add(Draft::of("ada").idle(ABSOLUTE).data("k", "1")).await;
    kept.update(guard(id, START), vec![write("k", "2")]).await;
    let restored = async || {
        let copy = place_copied(&place);
        let Some(copy) = copy else { return false };
        let (store, _) = copy.open();
        let kept: Subject = subject(&store);
        kept.is_live(id, START).await && kept.value(id, START, "k").await.as_deref() == Some("2")
    };
    cloakroom_testkit::eventually("a snapshot holds the session", restored).await;
    assert!(store.saved_at().is_some());
}

/// A copy, unless a file went away while it was made.
fn place_copied(place: &Place) -> Option<Place> {
    let copy = Place::new();
    // The snapshot first: the journal that goes with it is there before and after.
    let mut names = place.names();
    names.retain(|name| !name.ends_with(".new"));
    for name in names {
        fs::copy(place.directory.join(&name), copy.directory.join(&name)).ok()?;
    }
    Some(copy)
}

#[tokio::test]
async fn an_end_by_the_cap_is_in_the_journal_too() {
    let place = Place::new();
    let store = place.open_small(1);
    let kept = subject(&store);
    let first = kept.add(Draft::of("ada").idle(ABSOLUTE)).await;
    store.snapshot().unwrap();
    let inserted = store.insert(Draft::of("bob").at(at(1)).build()).await.unwrap();
    assert_eq!(inserted, crowded(Inserted::Done { ended: vec![] }, &[first]));
    let kept = subject(&place.copy().open().0);
    assert_eq!(kept.ended(first).await.unwrap().reason, EndReason::Capacity);
    let by = kept.end(End { by: Some("x".to_owned()), ..logout(Selector::Session(first), at(2)) });
    assert_eq!(by.await.count, 0);
}

/// Its user is ended while the end that makes room for the login is being written.
#[tokio::test]
async fn a_login_that_comes_too_late_names_those_that_it_pushed_out() {
    let place = Place::new();
    let store = place.open_small(1);
    let kept = subject(&store);
    let first = kept.add(Draft::of("ada")).await;
    let stalled = Stalled::new(&store);
    let login = store.insert(Draft::of("bob").at(at(1)).build());
    let end = store.end(logout(Selector::User(user("bob")), at(1)));
    drop(stalled);
    assert_eq!(login.await.unwrap(), crowded(Inserted::Superseded, &[first]));
    assert_eq!(end.await.unwrap().count, 0);
    assert_eq!(kept.ended(first).await.unwrap().reason, EndReason::Capacity);
}
