use std::time::Duration;

use cloakroom_core::{ClientInfo, EndReason, Inserted, SecretDigest, Sweep, Timestamp};

use crate::fixtures::{Draft, IDLE, START, at, portrait};
use crate::subject::Subject;

pub(super) async fn an_inserted_session_is_loaded_field_by_field(store: Subject) {
    let full = Draft::of("ada").with(|record| {
        record.digest = SecretDigest::from_bytes([0xa5; 32]);
        record.user_name = Some("Ada Lovelace, née Byron 🎩".to_owned());
        record.groups = ["writers", "admins", "Ünï"].map(str::to_owned).to_vec();
        record.epoch = 4_000_000_000;
        record.generation = 7;
        record.renewal.counter = 3;
        record.renewal.since = at(1);
        record.renewal.next = Some(SecretDigest::from_bytes([1; 32]));
        record.renewal.previous = Some(SecretDigest::from_bytes([2; 32]));
        record.authenticated_at = Some(START.before(Duration::from_millis(1)));
        record.idle_timeout = Duration::from_millis(1_234_567);
        record.remembered = true;
        record.client = ClientInfo {
            address: Some("2001:db8::1".to_owned()),
            user_agent: Some("O'Brien \"Browser\" — 1\u{0}%_*".to_owned()),
        };
    });
    for draft in [full, Draft::anonymous(), Draft::of("bob")] {
        let expected = draft.clone().build().record;
        let id = store.add(draft).await;
        assert_eq!(portrait(&*store.record(id, START).await), portrait(&expected));
    }
}

pub(super) async fn an_inserted_session_holds_its_first_data(store: Subject) {
    let id = store.add(Draft::of("ada").data("b", "2").data("a", "{\"x\":[1]}")).await;
    let data = store.data(id, START).await;
    let shown: Vec<_> = data.iter().map(|e| (e.key.as_str(), e.json.as_deref())).collect();
    assert_eq!(shown, [("a", Some("{\"x\":[1]}")), ("b", Some("2"))]);
    assert!(data.iter().all(|entry| entry.version != 0), "a present key has no version");
}

pub(super) async fn an_insert_of_an_id_in_use_is_a_conflict_and_changes_nothing(store: Subject) {
    let id = store.add(Draft::of("ada").data("k", "1")).await;
    let before = portrait(&*store.record(id, START).await);
    let second = Draft::of("bob").id(id).data("k", "2").data("other", "3");
    assert_eq!(store.insert(second.build()).await, Inserted::Conflict);
    assert_eq!(portrait(&*store.record(id, START).await), before);
    assert_eq!(store.data(id, START).await.len(), 1);
    assert_eq!(store.value(id, START, "k").await.as_deref(), Some("1"));
    assert_eq!(store.counts(START).await.sessions, 1);
}

pub(super) async fn an_insert_of_an_id_that_ended_is_a_conflict(store: Subject) {
    for draft in [Draft::of("ada"), Draft::anonymous()] {
        let id = store.add(draft.clone()).await;
        store.end_session(id, at(1)).await;
        assert_eq!(store.insert(draft.build()).await, Inserted::Conflict);
        assert!(!store.is_live(id, at(1)).await);
    }
}

pub(super) async fn an_insert_of_an_id_that_expired_is_a_conflict(store: Subject) {
    let id = store.add(Draft::of("ada")).await;
    let later = START.after(IDLE);
    let again = || Draft::of("bob").at(later).id(id).build();
    assert_eq!(store.insert(again()).await, Inserted::Conflict);
    let history_before = Timestamp::from_unix_millis(0);
    store.sweep(Sweep { now: later, history_before, limit: 10 }).await;
    assert_eq!(store.insert(again()).await, Inserted::Conflict, "after it was swept");
    assert_eq!(store.ended(id).await.map(|ended| ended.reason), Some(EndReason::Idle));
}

pub(super) async fn of_parallel_inserts_of_one_id_exactly_one_is_done(store: Subject) {
    let draft = Draft::of("ada");
    let inserts = (0..16).map(|n| {
        let (store, new) = (store.clone(), draft.clone().data("n", &n.to_string()).build());
        tokio::spawn(async move { store.insert(new).await })
    });
    let mut done = 0;
    for insert in inserts.collect::<Vec<_>>() {
        match insert.await.expect("the insert does not panic") {
            Inserted::Done { .. } => done += 1,
            other => assert_eq!(other, Inserted::Conflict),
        }
    }
    assert_eq!(done, 1);
    assert_eq!(store.counts(START).await.sessions, 1);
}
