//! Records that vanish without an end, by their time to live or by eviction.

use cloakroom_core::{LimitPolicy, NameMatch, SessionId};
use cloakroom_testkit::fixtures::{Draft, IDLE, START, at, sweep, user};
use cloakroom_testkit::servers::{Flavor, Redis, Reply};
use cloakroom_testkit::{Subject, eventually};

use crate::alone::open;

fn key(id: SessionId, kind: &str) -> String {
    format!("cloakroom:{{{:02}}}:{kind}:{id}", id.bucket().index())
}

fn size(redis: &Redis, id: SessionId, set: &str) -> Reply {
    redis.run(&["ZCARD", &format!("cloakroom:{{{:02}}}:{set}", id.bucket().index())])
}

#[tokio::test]
async fn every_record_has_a_time_to_live_beyond_its_deadline() {
    let Some(redis) = Redis::start(Flavor::Redis) else { return };
    let store = Subject::new(open(&redis).await);
    let id = store.add(Draft::of("ada").data("k", "1")).await;
    for kind in ["s", "d"] {
        let Reply::Integer(left) = redis.run(&["PTTL", &key(id, kind)]) else { panic!("no TTL") };
        let margin = 7 * 24 * 3_600 * 1_000;
        let most = margin + IDLE.as_millis() as i64;
        assert!((margin..=most).contains(&left), "{left}");
    }
    let bare = store.add(Draft::of("ada")).await;
    store.set(bare, START, "late", "1").await;
    let late = redis.run(&["PTTL", &key(bare, "d")]);
    assert!(matches!(late, Reply::Integer(left) if left > 0), "{late:?}");
}

#[tokio::test]
async fn what_names_a_vanished_record_is_dropped_by_whoever_sees_it() {
    let Some(redis) = Redis::start(Flavor::Redis) else { return };
    let store = Subject::new(open(&redis).await);
    let looks: [(&str, Option<NameMatch>); 3] =
        [("users", None), ("names", Some(NameMatch::Exact("ada".to_owned()))), ("ids", None)];
    for (set, search) in looks {
        let id = store.add(Draft::of("ada")).await;
        redis.run(&["DEL", &key(id, "s")]);
        match set {
            "users" => drop(store.sessions_of(user("ada"), at(1)).await),
            _ => assert!(store.listed(search, 10, at(1)).await.is_empty()),
        }
        let redis = &redis;
        eventually(set, || async move { size(redis, id, set) == Reply::Integer(0) }).await;
        eventually("it is not counted", || async { store.counts(at(1)).await.sessions == 0 }).await;
    }
}

#[tokio::test]
async fn what_a_user_has_of_vanished_records_is_dropped_by_logins_and_changes_of_groups() {
    let Some(redis) = Redis::start(Flavor::Redis) else { return };
    let store = Subject::new(open(&redis).await);
    for by_login in [true, false] {
        let id = store.add(Draft::of("ada")).await;
        redis.run(&["DEL", &key(id, "s")]);
        match by_login {
            true => drop(store.add(Draft::of("ada").limit(9, LimitPolicy::Refuse)).await),
            false => drop(store.regroup(user("ada"), Vec::new(), at(1)).await),
        }
        assert_eq!(size(&redis, id, "users"), Reply::Integer(1));
        assert_eq!(store.counts(at(1)).await.sessions, 1);
    }
}

#[tokio::test]
async fn a_sweep_passes_over_vanished_records_and_frees_their_places() {
    let Some(redis) = Redis::start(Flavor::Redis) else { return };
    let store = Subject::new(open(&redis).await);
    let id = store.add(Draft::anonymous().anonymous_cap(1)).await;
    redis.run(&["DEL", &key(id, "s")]);
    let swept = store.sweep(sweep(START.after(IDLE), 10)).await;
    assert_eq!((swept.sessions, swept.backlog), (0, 0));
    assert_eq!(store.counts(at(1)).await.anonymous, 0);
    store.add(Draft::anonymous().anonymous_cap(1)).await;
}
