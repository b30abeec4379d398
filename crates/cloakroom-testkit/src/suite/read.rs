use cloakroom_core::{DataChange, Entry, Keys, SessionId, Updated};

use crate::fixtures::{Draft, IDLE, START, at, guard, remove, write};
use crate::subject::Subject;

fn these(keys: &[&str]) -> Keys {
    Keys::These(keys.iter().map(ToString::to_string).collect())
}

fn names(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.key.as_str()).collect()
}

pub(super) async fn a_read_of_all_keys_comes_in_the_order_of_the_keys(store: Subject) {
    let id = store.add(Draft::of("ada").data("b", "1").data("aa", "2").data("B", "3")).await;
    store.set(id, START, "a", "4").await;
    store.set(id, START, "ä", "5").await;
    assert_eq!(names(&store.data(id, START).await), ["B", "a", "aa", "b", "ä"]);
}

pub(super) async fn a_read_of_some_keys_comes_in_the_order_asked(store: Subject) {
    let id = store.add(Draft::of("ada").data("a", "1").data("b", "2").data("c", "3")).await;
    let entries = store.read(id, START, these(&["c", "x", "a"])).await.expect("it is live");
    assert_eq!(names(&entries), ["c", "x", "a"]);
    assert_eq!(store.read(id, START, these(&[])).await, Some(vec![]));
}

pub(super) async fn an_absent_key_reads_as_version_zero(store: Subject) {
    let id = store.add(Draft::of("ada").data("was", "1")).await;
    store.update(guard(id, START), vec![remove("was")]).await;
    for key in ["never", "was"] {
        let expected = Entry { key: key.to_owned(), json: None, version: 0 };
        assert_eq!(store.entry(id, START, key).await, expected);
    }
    assert_eq!(store.data(id, START).await, []);
}

pub(super) async fn a_read_of_a_session_that_is_not_live_is_none(store: Subject) {
    let expired = store.add(Draft::of("ada").data("k", "1")).await;
    let ended = store.add(Draft::of("ada").data("k", "1")).await;
    store.end_session(ended, START).await;
    let unknown = SessionId::new(None, START);
    for (id, now) in [(expired, START.after(IDLE)), (ended, at(1)), (unknown, at(1))] {
        for keys in [Keys::All, these(&["k"]), these(&[])] {
            assert_eq!(store.read(id, now, keys).await, None);
        }
    }
}

pub(super) async fn data_of_any_text_comes_back_as_it_was(store: Subject) {
    let id = store.add(Draft::of("ada")).await;
    let long_key = "k".repeat(128);
    let long_json = format!("\"{}\"", "z".repeat(60_000));
    let rows = [
        ("it's", "\"O'Brien; DROP TABLE sessions; --\""),
        ("\"%_\\?*", "\"\\u0000\\n \u{1f9e5} \u{feff}\""),
        ("naïve 🎩", " { \"spaces\" : \"stay\" } "),
        (long_key.as_str(), "-0.10e-7"),
        ("long", long_json.as_str()),
    ];
    let changes: Vec<DataChange> = rows.iter().map(|(key, json)| write(key, json)).collect();
    let written = store.update(guard(id, START), changes).await;
    assert!(matches!(written, Updated::Done { .. }), "{written:?}");
    for (key, json) in rows {
        assert_eq!(store.value(id, START, key).await.as_deref(), Some(json));
    }
}

pub(super) async fn a_read_sees_the_data_of_one_session_only(store: Subject) {
    let ada = store.add(Draft::of("ada").data("k", "1")).await;
    let bob = store.add(Draft::of("bob")).await;
    assert_eq!(store.data(bob, START).await, []);
    store.set(bob, START, "k", "2").await;
    assert_eq!(store.value(ada, START, "k").await.as_deref(), Some("1"));
}
