use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use cloakroom_core::{
    Carry, EndReason, Inserted, MemoryStore, Position, Selector, SessionId, Store, StoreError,
    Touch,
};
use cloakroom_testkit::Subject;
use cloakroom_testkit::fixtures::{
    ABSOLUTE, Draft, IDLE, START, at, guard, logout, offer, portrait, promote, rotation, sweep,
    user, write,
};

use crate::support::{Place, Stalled, end, subject};

/// Sessions of every kind, some ended.
async fn populate(store: &Subject) -> Vec<SessionId> {
    let mut ids = Vec::new();
    for number in 0..40_u64 {
        let draft = Draft::of(&format!("user-{number}")).at(at(number)).idle(ABSOLUTE);
        let draft = draft.named(&format!("Name {number}")).data("k", &number.to_string());
        ids.push(
            store
                .add(draft.with(|record| {
                    record.groups = vec![format!("group-{}", number % 3)];
                    record.client.address = Some(format!("192.0.2.{number}"));
                    record.client.user_agent = Some(format!("Browser {}", number % 4));
                }))
                .await,
        );
    }
    let visitor = store.add(Draft::anonymous().data("cart", "[1]")).await;
    ids.push(visitor);
    store.renew(guard(ids[1], at(60)), offer(0, "next")).await;
    store.renew(guard(ids[1], at(60)), promote("next")).await;
    store.renew(guard(ids[2], at(60)), offer(0, "offered")).await;
    store.rotate(guard(ids[3], at(60)), rotation(1, "rotated")).await;
    store.touch(at(90), vec![Touch { id: ids[4], seen_at: at(90) }]).await;
    store.update(guard(ids[5], at(60)), vec![write("other", "{\"ä\":1}")]).await;
    store.end_session(ids[6], at(70)).await;
    store.end(logout(Selector::User(user("user-7")), at(71))).await;
    store.end(logout(Selector::UserExcept(user("user-8"), ids[8]), at(72))).await;
    store.add(Draft::of("user-9").at(at(73)).replacing(ids[9], Carry::Everything)).await;
    ids
}

/// All that can be seen of a store, a line for each thing.
async fn seen(store: &Subject, ids: &[SessionId]) -> Vec<String> {
    let now = at(100);
    let mut lines = Vec::new();
    for id in ids {
        let record = store.load(*id, now).await.map(|record| portrait(&record));
        let data = store.read(*id, now, cloakroom_core::Keys::All).await;
        lines.push(format!("{id}: {record:?} {data:?} {:?}", store.ended(*id).await));
    }
    for number in 0..12 {
        lines.push(store.epoch(user(&format!("user-{number}"))).await.to_string());
    }
    lines.push(format!("{:?}", store.listed(None, 7, now).await));
    let named = Some(cloakroom_core::NameMatch::Prefix("Name 1".to_owned()));
    lines.push(format!("{:?}", store.listed(named, 3, now).await));
    lines.push(format!("{:?}", store.counts(now).await));
    lines.push(format!("{:?}", store.log_after(None, 1_000).await));
    lines
}

#[tokio::test]
async fn what_was_saved_is_restored_field_by_field() {
    let place = Place::new();
    let store = place.open().0;
    let kept = subject(&store);
    let ids = populate(&kept).await;
    let before = seen(&kept, &ids).await;
    let bytes = store.usage().bytes;
    let live = store.usage().sessions;
    assert_eq!(store.save().unwrap(), live);
    let (restored, report) = place.open();
    assert_eq!((report.sessions, report.replayed), (live, None));
    assert!(report.saved_at.is_some() && report.set_aside.is_none());
    let after = seen(&subject(&restored), &ids).await;
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before, after);
    }
    assert_eq!((before.len(), bytes), (after.len(), restored.usage().bytes));
    // It goes on as if nothing had been.
    let kept = subject(&restored);
    kept.end(logout(Selector::Everyone, at(101))).await;
    let mut all = sweep(at(100_000_000), 10_000);
    all.history_before = all.now;
    kept.sweep(all).await;
    let left = restored.usage();
    let epochs = kept.epoch(user("user-7")).await;
    assert_eq!((left.sessions, epochs), (0, 2));
}

#[tokio::test]
async fn the_file_is_private_and_gone_before_anything_is_served() {
    let place = Place::new();
    let store = place.open().0;
    assert_eq!(place.names(), [] as [&str; 0]);
    subject(&store).add(Draft::of("ada")).await;
    store.save().unwrap();
    assert_eq!(place.names(), ["sessions"]);
    let mode = fs::metadata(place.snapshot()).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let (_store, report) = place.open();
    assert_eq!((report.sessions, place.names().len()), (1, 0));
    let (_store, report) = place.open();
    assert_eq!((report.sessions, report.saved_at), (0, None), "it is restored once");
}

#[tokio::test]
async fn nothing_can_be_written_behind_a_snapshot() {
    let place = Place::new();
    let store = place.open().0;
    let id = subject(&store).add(Draft::of("ada")).await;
    store.save().unwrap();
    let ends = [Selector::Session(id), Selector::User(user("ada")), Selector::Everyone];
    for selector in ends {
        assert_is_closed(store.end(logout(selector, at(1))).await);
    }
    assert_is_closed(store.insert(Draft::of("bob").build()).await);
    assert_is_closed(store.update(guard(id, at(1)), vec![], Default::default()).await);
    assert_is_closed(store.rotate(guard(id, at(1)), rotation(1, "new")).await);
    assert_is_closed(store.renew(guard(id, at(1)), offer(0, "next")).await);
    assert_is_closed(store.touch(at(1), vec![Touch { id, seen_at: at(1) }]).await);
    assert_is_closed(store.regroup(user("ada"), vec![], at(1)).await);
    assert_is_closed(store.sweep(sweep(at(1), 1)).await);
    assert!(store.load(id, at(1)).await.unwrap().is_some(), "reads go on");
}

fn assert_is_closed<T: std::fmt::Debug>(answer: Result<T, StoreError>) {
    match answer {
        Err(StoreError::Failed { source, .. }) => {
            assert!(source.to_string().contains("saved"), "{source}");
        }
        other => panic!("a write behind a snapshot came to {other:?}"),
    }
}

/// Two logins wait for an end that makes room for them, when the sessions are saved.
#[tokio::test]
async fn no_login_that_waits_for_the_journal_passes_by_the_saving() {
    let place = Place::new();
    let store = place.open_small(2);
    let kept = subject(&store);
    let ids = [kept.add(Draft::of("ada")).await, kept.add(Draft::of("bob")).await];
    let stalled = Stalled::new(&store);
    let logins = ["eve", "joe"].map(|name| Draft::of(name).at(at(1)).build());
    let waiting = logins.map(|login| (login.record.id, store.insert(login)));
    let saving = std::thread::spawn({
        let store = store.clone();
        move || store.save().unwrap()
    });
    let touches = waiting.each_ref().map(|(id, _)| vec![Touch { id: *id, seen_at: at(1) }]);
    for touch in touches {
        let closed = async || store.touch(at(1), touch.clone()).await.is_err();
        cloakroom_testkit::eventually("the sessions are closed", closed).await;
    }
    drop(stalled);
    for (_, login) in waiting {
        assert_is_closed(login.await);
    }
    assert_eq!(saving.join().unwrap(), 2);
    for id in ids {
        assert!(subject(&place.copy().open().0).is_live(id, at(2)).await);
    }
}

#[tokio::test]
async fn writes_go_on_when_saving_fails() {
    let place = Place::new();
    let store = place.open().0;
    let id = subject(&store).add(Draft::of("ada")).await;
    // A directory cannot be replaced by a file.
    fs::create_dir(place.snapshot()).unwrap();
    fs::write(place.snapshot().join("in the way"), "").unwrap();
    let error = store.save().unwrap_err();
    assert!(error.to_string().contains("sessions"), "{error}");
    fs::remove_dir_all(place.snapshot()).unwrap();
    assert_eq!(end(&store, id, at(1)).await, 1);
    assert_eq!(store.save().unwrap(), 0, "saving can be tried again");
    assert!(!subject(&place.open().0).is_live(id, at(1)).await);
}

#[tokio::test]
async fn what_expired_meanwhile_is_dead_and_is_swept_as_ever() {
    let place = Place::new();
    let store = place.open().0;
    let kept = subject(&store);
    let idle = kept.add(Draft::of("ada")).await;
    let visitor = kept.add(Draft::anonymous()).await;
    let live = kept.add(Draft::of("bob").idle(ABSOLUTE)).await;
    store.save().unwrap();
    let late = START.after(IDLE);
    let (store, report) = place.open_at(late, None);
    assert_eq!(report.sessions, 3);
    let kept = subject(&store);
    assert!(!kept.is_live(idle, late).await && !kept.is_live(visitor, late).await);
    let swept = kept.sweep(sweep(late, 10)).await;
    assert_eq!((swept.sessions, swept.idle, swept.backlog), (2, 2, 0));
    let ended = kept.ended(idle).await.unwrap();
    assert_eq!((ended.reason, ended.ended_at), (EndReason::Idle, late));
    assert!(kept.ended(visitor).await.is_none());
    assert!(kept.is_live(live, late).await);
    assert_eq!(store.usage().sessions, 1);
}

#[tokio::test]
async fn a_clock_that_was_set_back_since_the_saving_is_told() {
    let place = Place::new();
    let hour = Duration::from_secs(3_600);
    place.open().0.save().unwrap();
    let saved_at = place.copy().open().1.saved_at.unwrap();
    let set_back = |now| place.copy().open_at(now, None).1.set_back;
    assert_eq!(set_back(saved_at.before(hour)), Some(hour));
    assert_eq!(set_back(saved_at.before(Duration::from_millis(999))), None);
    assert_eq!(set_back(saved_at.after(hour)), None);
}

#[tokio::test]
async fn an_ended_session_stays_ended_and_its_id_used_over_a_restart() {
    let place = Place::new();
    let store = place.open().0;
    let draft = Draft::of("ada");
    let id = subject(&store).add(draft.clone()).await;
    end(&store, id, at(1)).await;
    store.save().unwrap();
    let store = place.open().0;
    assert_eq!(store.insert(draft.build()).await.unwrap(), Inserted::Conflict);
    assert!(!subject(&store).is_live(id, at(1)).await);
}

#[tokio::test]
async fn positions_in_the_log_are_good_over_an_orderly_restart() {
    let place = Place::new();
    let store = place.open().0;
    let id = subject(&store).add(Draft::of("ada")).await;
    end(&store, id, at(1)).await;
    let position: Position = subject(&store).log_after(None, 10).await.next;
    store.save().unwrap();
    let kept = subject(&place.open().0);
    let page = kept.log_after(Some(position.clone()), 10).await;
    assert_eq!((page.gap, page.entries.len()), (false, 0));
    let other = kept.add(Draft::of("bob")).await;
    kept.end_session(other, at(2)).await;
    assert_eq!(kept.log_after(Some(position), 10).await.entries.len(), 1);
}

#[tokio::test]
async fn a_store_without_files_cannot_be_saved_and_a_discarded_snapshot_is_gone() {
    assert!(MemoryStore::new().save().is_err());
    let place = Place::new();
    let store = place.open_journalled().0;
    subject(&store).add(Draft::of("ada")).await;
    store.snapshot().unwrap();
    drop(store);
    MemoryStore::discard(&place.snapshot()).unwrap();
    assert_eq!(place.names(), [] as [&str; 0]);
}
