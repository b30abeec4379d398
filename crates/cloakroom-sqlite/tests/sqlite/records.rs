//! Values at the edge of what the columns hold.

use std::time::Duration;

use cloakroom_core::{
    Browse, EndReason, History, Keys, NameMatch, Query, Renewal, SecretDigest, Store, Sweep,
    Timestamp, Touch,
};
use cloakroom_sqlite::SqliteStore;

use crate::support::{START, Scratch, guard, logout, minutes, put, session};

#[tokio::test]
async fn every_field_of_a_record_comes_back() {
    let scratch = Scratch::new();
    let store = SqliteStore::open(scratch.file()).unwrap();
    let mut new = session(Some("ann"));
    new.record.renewal = Renewal {
        counter: 3,
        since: minutes(1),
        next: Some(SecretDigest::of(b"next")),
        previous: Some(SecretDigest::of(b"previous")),
    };
    (new.record.epoch, new.record.generation) = (4, 5);
    new.record.user_name = Some("Ann, \"the first\"\n".to_owned());
    let loaded = {
        store.insert(new.clone()).await.unwrap();
        store.load(new.record.id, START).await.unwrap().unwrap()
    };
    assert_eq!(format!("{loaded:?}"), format!("{:?}", new.record));
    assert!(loaded.digest == new.record.digest);
    assert!(loaded.renewal.next == new.record.renewal.next);
    assert!(loaded.renewal.previous == new.record.renewal.previous);
}

#[tokio::test]
async fn a_session_that_never_expires_saturates() {
    let scratch = Scratch::new();
    let store = SqliteStore::open(scratch.file()).unwrap();
    let mut new = session(Some("ann"));
    new.record.idle_timeout = Duration::MAX;
    new.record.absolute_deadline = Timestamp::from_unix_millis(i64::MAX);
    let id = new.record.id;
    store.insert(new).await.unwrap();
    let touches = vec![Touch { id, seen_at: minutes(1_000_000) }];
    assert_eq!(store.touch(START, touches).await.unwrap(), 1);
    let record = store.load(id, minutes(1_000_000)).await.unwrap().unwrap();
    assert_eq!(record.last_seen_at, minutes(1_000_000));
    assert_eq!(record.deadline(), Timestamp::from_unix_millis(i64::MAX));
}

#[tokio::test]
async fn moments_before_1970_are_moments_too() {
    let scratch = Scratch::new();
    let store = SqliteStore::open(scratch.file()).unwrap();
    let mut new = session(None);
    let old = Timestamp::from_unix_millis(-1_000);
    (new.record.created_at, new.record.last_seen_at) = (old, old);
    new.record.idle_timeout = Duration::MAX;
    let id = new.record.id;
    store.insert(new).await.unwrap();
    assert!(store.load(id, Timestamp::from_unix_millis(-1)).await.unwrap().is_some());
}

#[tokio::test]
async fn expired_sessions_are_swept_in_batches_with_the_reason_and_moment_of_their_expiry() {
    let scratch = Scratch::new();
    let store = SqliteStore::open(scratch.file()).unwrap();
    let idle = session(Some("ann"));
    let mut absolute = session(Some("bob"));
    absolute.record.absolute_deadline = minutes(10);
    let anonymous = session(None);
    let ids = [idle.record.id, absolute.record.id, anonymous.record.id];
    for new in [idle, absolute, anonymous] {
        store.insert(new).await.unwrap();
    }
    let sweep = Sweep { now: minutes(60), history_before: START, limit: 1 };
    let swept = store.sweep(sweep).await.unwrap();
    assert_eq!((swept.sessions, swept.backlog), (1, 2));
    assert_eq!(swept.oldest, Some(minutes(30)));
    let ended = store.ended(ids[1]).await.unwrap().unwrap();
    assert_eq!((ended.reason, ended.ended_at), (EndReason::Absolute, minutes(10)));
    assert_eq!(store.sweep(Sweep { limit: 9, ..sweep }).await.unwrap().sessions, 2);
    let ended = store.ended(ids[0]).await.unwrap().unwrap();
    assert_eq!((ended.reason, ended.ended_at), (EndReason::Idle, minutes(30)));
    assert!(store.ended(ids[2]).await.unwrap().is_none());
    let counts = store.counts(START).await.unwrap();
    assert_eq!((counts.sessions, counts.anonymous), (0, 0));
}

#[tokio::test]
async fn data_goes_with_its_session() {
    let scratch = Scratch::new();
    let store = SqliteStore::open(scratch.file()).unwrap();
    let new = session(Some("ann"));
    let id = new.record.id;
    store.insert(new).await.unwrap();
    store.update(guard(id), vec![put("a", "1")], Default::default()).await.unwrap();
    store.end(logout(id)).await.unwrap();
    assert!(store.read(id, START, Keys::All).await.unwrap().is_none());
    let rows = store.database().read("count", |connection| {
        connection.query_row("SELECT count(*) FROM cloakroom_session_data", [], |row| {
            row.get::<_, u32>(0)
        })
    });
    assert_eq!(rows.unwrap(), 0);
}

#[tokio::test]
async fn pages_by_prefix_cross_from_name_to_name_and_stop_behind_it() {
    let scratch = Scratch::new();
    let store = SqliteStore::open(scratch.file()).unwrap();
    for name in ["ann", "anna", "anna", "anna", "annz\u{10ffff}", "ano", "am"] {
        let mut new = session(Some("user"));
        new.record.user_name = Some(name.to_owned());
        store.insert(new).await.unwrap();
    }
    let name = Some(NameMatch::Prefix("ann".to_owned()));
    let mut query = Query { name, after: None, limit: 2, now: START };
    let mut pages = Vec::new();
    loop {
        let page = store.sessions(query.clone()).await.unwrap();
        pages.push(page.items.into_iter().filter_map(|item| item.user_name).collect::<Vec<_>>());
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    assert_eq!(pages, [vec!["ann", "anna"], vec!["anna", "anna"], vec!["annz\u{10ffff}"]]);
}

#[test]
fn debug_shows_where_the_file_is_and_nothing_in_it() {
    let scratch = Scratch::new();
    let store = SqliteStore::open(scratch.file()).unwrap();
    let expected =
        format!("SqliteStore {{ database: Database {{ path: {:?}, .. }} }}", scratch.file());
    assert_eq!(format!("{store:?}"), expected);
}
