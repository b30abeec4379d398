use cloakroom_core::{Carry, EndReason, Inserted, LimitPolicy, SessionId};

use crate::fixtures::{Draft, IDLE, START, at};
use crate::subject::Subject;

async fn visitor(store: &Subject) -> SessionId {
    store.add(Draft::anonymous().data("cart", "[1]").data("lang", "\"de\"").data("seen", "3")).await
}

async fn carried(store: &Subject, id: SessionId) -> Vec<(String, String)> {
    let data = store.data(id, at(1)).await;
    assert!(data.iter().all(|entry| entry.version != 0), "a carried key has no version");
    data.into_iter().map(|entry| (entry.key, entry.json.unwrap_or_default())).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(key, json)| (key.to_string(), json.to_string())).collect()
}

pub(super) async fn an_insert_ends_the_session_it_replaces(store: Subject) {
    for old in [Draft::anonymous(), Draft::of("ada")] {
        let old = store.add(old).await;
        let new = Draft::of("ada").at(at(1)).replacing(old, Carry::Nothing);
        let inserted = store.insert(new.build()).await;
        assert_eq!(inserted, Inserted::Done { ended: vec![] }, "only the limit's ends are listed");
        assert!(!store.is_live(old, at(1)).await);
        let ended = store.ended(old).await.expect("the replaced session is in the history");
        assert_eq!((ended.reason, ended.ended_at), (EndReason::Replaced, at(1)));
    }
}

pub(super) async fn a_login_carries_nothing_unless_asked(store: Subject) {
    let old = visitor(&store).await;
    let new = store.add(Draft::of("ada").at(at(1)).replacing(old, Carry::Nothing)).await;
    assert_eq!(carried(&store, new).await, pairs(&[]));
}

pub(super) async fn a_login_carries_everything_when_asked(store: Subject) {
    let old = visitor(&store).await;
    let new = store.add(Draft::of("ada").at(at(1)).replacing(old, Carry::Everything)).await;
    let expected = pairs(&[("cart", "[1]"), ("lang", "\"de\""), ("seen", "3")]);
    assert_eq!(carried(&store, new).await, expected);
}

pub(super) async fn a_login_carries_the_keys_asked_for_where_present(store: Subject) {
    let old = visitor(&store).await;
    let keys = ["lang", "missing"].map(str::to_owned).to_vec();
    let new = store.add(Draft::of("ada").at(at(1)).replacing(old, Carry::Keys(keys))).await;
    assert_eq!(carried(&store, new).await, pairs(&[("lang", "\"de\"")]));
}

pub(super) async fn an_own_key_wins_over_a_carried_one(store: Subject) {
    let old = visitor(&store).await;
    let new = Draft::of("ada").at(at(1)).replacing(old, Carry::Everything);
    let new = store.add(new.data("seen", "0").data("own", "1")).await;
    let expected = [("cart", "[1]"), ("lang", "\"de\""), ("own", "1"), ("seen", "0")];
    assert_eq!(carried(&store, new).await, pairs(&expected));
}

pub(super) async fn a_session_that_is_no_longer_live_carries_nothing(store: Subject) {
    let ended = visitor(&store).await;
    store.end_session(ended, START).await;
    let expired = visitor(&store).await;
    let unknown = SessionId::new(None, START);
    for old in [ended, expired, unknown] {
        let new = Draft::of("ada").at(START.after(IDLE)).replacing(old, Carry::Everything);
        let new = store.add(new).await;
        assert_eq!(store.data(new, START.after(IDLE)).await, []);
        let reason = store.ended(old).await.map(|ended| ended.reason);
        assert_ne!(reason, Some(EndReason::Replaced), "what was not live cannot be replaced");
    }
}

pub(super) async fn a_refused_insert_leaves_the_session_it_would_replace(store: Subject) {
    let old = visitor(&store).await;
    let taken = store.add(Draft::of("ada").at(at(1))).await;
    let login = || Draft::of("ada").at(at(2)).replacing(old, Carry::Everything);
    let conflict = store.insert(login().id(taken).build()).await;
    assert_eq!(conflict, Inserted::Conflict);
    let limited = store.insert(login().limit(1, LimitPolicy::Refuse).build()).await;
    assert_eq!(limited, Inserted::LimitReached);
    let full = Draft::anonymous().at(at(2)).replacing(taken, Carry::Everything).anonymous_cap(1);
    assert_eq!(store.insert(full.build()).await, Inserted::Full);
    assert!(store.is_live(old, at(2)).await);
    assert!(store.is_live(taken, at(2)).await);
    assert_eq!(store.data(old, at(2)).await.len(), 3);
}
