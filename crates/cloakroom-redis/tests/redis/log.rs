use std::time::Duration;

use cloakroom_core::{
    Bucket, Change, LimitPolicy, LogEntry, Position, RevocationLog, Selector, Store,
};
use cloakroom_redis::RedisStore;
use cloakroom_testkit::fixtures::{
    ABSOLUTE, Draft, START, at, guard, logout, rotation, sweep, user,
};
use cloakroom_testkit::servers::{Flavor, Redis};
use cloakroom_testkit::{Subject, eventually};

use crate::alone::open;

async fn all(store: &RedisStore, mut after: Option<Position>, limit: u32) -> Vec<LogEntry> {
    let mut entries = Vec::new();
    loop {
        let page = store.log_after(after, limit).await.expect("the server answers");
        assert!(!page.gap);
        entries.extend(page.entries);
        if !page.more {
            return entries;
        }
        after = Some(page.next);
    }
}

async fn changes(store: &RedisStore) -> Vec<Change> {
    all(store, None, 100).await.into_iter().map(|entry| entry.change).collect()
}

#[tokio::test]
async fn every_end_and_change_of_privilege_enters_the_log_and_nothing_else_does() {
    let Some(redis) = Redis::start(Flavor::Redis) else { return };
    let store = open(&redis).await;
    let subject = Subject::new(store.clone());
    let first = subject.add(Draft::of("ada")).await;
    subject.set(first, at(1), "k", "1").await;
    assert_eq!(changes(&store).await, []);
    let login = Draft::of("ada").at(at(1)).limit(1, LimitPolicy::EndOldest);
    let second = subject.add(login).await;
    subject.rotate(guard(second, at(2)), rotation(1, "new")).await;
    subject.regroup(user("ada"), vec!["staff".to_owned()], at(3)).await;
    subject.end(logout(Selector::UserExcept(user("ada"), second), at(4))).await;
    subject.end(logout(Selector::Session(second), at(5))).await;
    subject.end(logout(Selector::Session(second), at(6))).await;
    subject.end(logout(Selector::User(user("ada")), at(7))).await;
    let expected = [
        Change::Ended(first),
        Change::Rotated(second, 1),
        Change::UserChanged(user("ada")),
        Change::UserEnded { user: user("ada"), epoch: 1, except: Some(second) },
        Change::Ended(second),
        Change::UserEnded { user: user("ada"), epoch: 2, except: None },
    ];
    assert_eq!(changes(&store).await, expected);
    subject.end(logout(Selector::Everyone, at(8))).await;
    let everyone = changes(&store).await.into_iter().filter(|it| *it == Change::EveryoneEnded(1));
    assert_eq!(everyone.count(), Bucket::COUNT, "one in each bucket");
}

#[tokio::test]
async fn pages_of_any_size_hold_each_entry_once_and_later_ones_are_behind_them() {
    let Some(redis) = Redis::start(Flavor::Redis) else { return };
    let store = open(&redis).await;
    let subject = Subject::new(store.clone());
    for number in 0..60 {
        let id = subject.add(Draft::of(&format!("user-{}", number % 9))).await;
        subject.end_session(id, at(1)).await;
    }
    let whole = all(&store, None, 1_000).await.len();
    assert_eq!(whole, 60);
    for limit in [0, 1, 7, 59, 60, 61] {
        assert_eq!(all(&store, None, limit).await.len(), 60, "pages of {limit}");
    }
    let end = store.log_after(None, 1_000).await.unwrap().next;
    let id = subject.add(Draft::of("ada")).await;
    subject.end_session(id, at(1)).await;
    let later = store.log_after(Some(end.clone()), 1_000).await.unwrap();
    assert_eq!(later.entries.len(), 1);
    assert!(later.next.covers(&end) && !end.covers(&later.next));
    let again: Position = later.next.to_string().parse().unwrap();
    assert_eq!(all(&store, Some(again), 10).await, []);
}

#[tokio::test]
async fn a_sweep_drops_entries_that_no_credential_can_need() {
    let Some(redis) = Redis::start(Flavor::Redis) else { return };
    let store = open(&redis).await;
    let subject = Subject::new(store.clone());
    for lifetime in [Duration::from_secs(900), ABSOLUTE] {
        let id = subject.add(Draft::of("ada").absolute(lifetime)).await;
        subject.end_session(id, START).await;
    }
    let before = store.log_after(None, 100).await.unwrap().next;
    subject.sweep(sweep(at(899), 10)).await;
    assert_eq!(changes(&store).await.len(), 2);
    subject.sweep(sweep(at(900), 10)).await;
    assert_eq!(changes(&store).await.len(), 1);
    assert!(!store.log_after(Some(before), 10).await.unwrap().gap);
}

#[tokio::test]
async fn a_server_that_was_emptied_or_started_again_shows_a_gap() {
    let builder = Redis::builder(Flavor::Redis).option("appendonly", "yes");
    let Some(mut redis) = builder.start() else { return };
    let store = open(&redis).await;
    let subject = Subject::new(store.clone());
    let id = subject.add(Draft::of("ada")).await;
    subject.end_session(id, START).await;
    let known = store.log_after(None, 10).await.unwrap().next;
    redis.run(&["FLUSHALL"]);
    let page = store.log_after(Some(known), 10).await.unwrap();
    assert!(page.gap && page.entries.is_empty());
    assert!(!store.log_after(Some(page.next.clone()), 10).await.unwrap().gap);
    redis.kill();
    redis.start_again();
    crate::outages::recovered(&store).await;
    assert!(store.log_after(Some(page.next), 10).await.unwrap().gap);
}

#[tokio::test]
async fn a_server_that_was_emptied_and_filled_up_to_where_it_was_shows_a_gap() {
    let Some(redis) = Redis::start(Flavor::Redis) else { return };
    let store = open(&redis).await;
    let subject = Subject::new(store.clone());
    let end = || async {
        let id = subject.add(Draft::of("ada")).await;
        subject.end_session(id, START).await;
    };
    end().await;
    let known = store.log_after(None, 10).await.unwrap().next;
    redis.run(&["FLUSHALL"]);
    end().await;
    assert!(store.log_after(Some(known), 10).await.unwrap().gap);
}

#[tokio::test]
async fn a_server_that_followed_another_one_meanwhile_shows_a_gap() {
    let Some(redis) = Redis::start(Flavor::Redis) else { return };
    let store = open(&redis).await;
    let subject = Subject::new(store.clone());
    let [mine, others] = [subject.add(Draft::of("ada")).await, subject.add(Draft::of("ada")).await];
    let other = redis.replica().unwrap();
    other.run(&["REPLICAOF", "NO", "ONE"]);
    subject.end_session(mine, START).await;
    let known = store.log_after(None, 10).await.unwrap().next;
    Subject::new(open(&other).await).end_session(others, START).await;
    redis.follow(&other);
    redis.run(&["REPLICAOF", "NO", "ONE"]);
    let (store, known) = (&store, &known);
    eventually("it shows a gap", || async move {
        let page = store.log_after(Some(known.clone()), 10).await;
        page.is_ok_and(|page| page.gap)
    })
    .await;
}

/// As an eviction that takes what has no time to live.
#[tokio::test]
async fn a_bucket_that_lost_its_counters_goes_on_behind_its_last_entry() {
    let Some(redis) = Redis::start(Flavor::Redis) else { return };
    let store = open(&redis).await;
    let subject = Subject::new(store.clone());
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(subject.add(Draft::of("ada")).await);
    }
    subject.end_session(ids[0], START).await;
    subject.end_session(ids[1], START).await;
    let key = |part| format!("cloakroom:{{{:02}}}:{part}", ids[0].bucket().index());
    for (count, id) in [(3, ids[2]), (1, ids[3])] {
        redis.run(&["DEL", &key("meta")]);
        assert_eq!(subject.end_session(id, START).await.count, 1);
        assert_eq!(changes(&store).await.len(), count);
        assert_eq!(changes(&store).await.last(), Some(&Change::Ended(id)));
        // The number is of the last that was written, not of the last that is there.
        redis.run(&["XTRIM", &key("log"), "MAXLEN", "0"]);
    }
}

#[tokio::test]
async fn the_bell_rings_for_each_entry() {
    let Some(redis) = Redis::start(Flavor::Redis) else { return };
    let store = open(&redis).await;
    let subject = Subject::new(store.clone());
    let id = subject.add(Draft::of("ada")).await;
    let mut listener = redis.connect().unwrap();
    listener.send(&["SUBSCRIBE", &store.channel()]).unwrap();
    let ended = store.end(logout(Selector::Session(id), START)).await.unwrap();
    assert_eq!(ended.count, 1);
    // In the place of an answer comes what was said.
    let said = listener.send(&["PING"]).unwrap();
    assert!(format!("{said:?}").contains("message"), "{said:?}");
}
