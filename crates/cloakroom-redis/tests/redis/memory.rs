use std::error::Error;

use cloakroom_core::{EndReason, Selector, Store, StoreError, Touch, Updated};
use cloakroom_redis::RedisStore;
use cloakroom_testkit::Subject;
use cloakroom_testkit::fixtures::{
    Draft, IDLE, START, at, guard, logout, offer, promote, rotation, sweep, user, write,
};
use cloakroom_testkit::servers::{Flavor, Redis};

use crate::alone::open;
use crate::support::options;

fn told(error: &StoreError) -> String {
    error.source().map(ToString::to_string).unwrap_or_default()
}

#[tokio::test]
async fn a_full_server_takes_no_logins_and_still_ends_sessions() {
    for flavor in [Flavor::Redis, Flavor::Valkey] {
        let Some(redis) = Redis::start(flavor) else { return };
        let store = open(&redis).await;
        let subject = Subject::new(store.clone());
        let ada = subject.add(Draft::of("ada")).await;
        let bob = subject.add(Draft::of("bob")).await;
        let visitor = subject.add(Draft::anonymous()).await;
        redis.run(&["CONFIG", "SET", "maxmemory", "1"]);
        for draft in [Draft::of("eve"), Draft::anonymous()] {
            let refused = store.insert(draft.build()).await.unwrap_err();
            assert!(matches!(refused, StoreError::Failed { .. }), "{refused:?}");
            assert!(told(&refused).contains("maxmemory"), "{}", told(&refused));
        }
        let limits = cloakroom_core::DataLimits::default();
        let refused = store.update(guard(ada, at(1)), vec![write("k", "1")], limits).await;
        assert!(matches!(refused, Err(StoreError::Failed { .. })), "{refused:?}");
        assert!(subject.data(ada, at(1)).await.is_empty());
        assert_eq!(subject.end_session(ada, at(1)).await.count, 1);
        assert_eq!(subject.end(logout(Selector::User(user("bob")), at(1))).await.count, 1);
        assert_eq!(subject.end(logout(Selector::User(user("nobody")), at(1))).await.epoch, 1);
        assert!(!subject.is_live(ada, at(1)).await && !subject.is_live(bob, at(1)).await);
        subject.sweep(sweep(at(2), 10)).await;
        assert!(subject.is_live(visitor, START).await);
        redis.run(&["CONFIG", "SET", "maxmemory", "0"]);
        subject.add(Draft::of("eve")).await;
        let counts = subject.counts(at(2)).await;
        assert_eq!((counts.sessions, counts.anonymous), (1, 1), "a refusal left something behind");
    }
}

#[tokio::test]
async fn changes_of_groups_rotation_and_renewal_go_on_on_a_full_server() {
    for flavor in [Flavor::Redis, Flavor::Valkey] {
        let Some(redis) = Redis::start(flavor) else { return };
        let store = Subject::new(open(&redis).await);
        let id = store.add(Draft::of("ada")).await;
        redis.run(&["CONFIG", "SET", "maxmemory", "1"]);
        let done = |updated| assert!(matches!(updated, Updated::Done { .. }), "{updated:?}");
        done(store.renew(guard(id, at(1)), offer(0, "next")).await);
        done(store.renew(guard(id, at(1)), promote("next")).await);
        done(store.rotate(guard(id, at(1)), rotation(2, "word")).await);
        assert_eq!(store.regroup(user("ada"), vec!["few".to_owned()], at(2)).await, 1);
        assert_eq!(store.load(id, at(2)).await.unwrap().groups, ["few"]);
    }
}

/// As the sweeper does it: it writes pending uses first.
#[tokio::test]
async fn a_full_server_gets_room_again_by_sweeps() {
    let Some(redis) = Redis::start(Flavor::Redis) else { return };
    let store = Subject::new(open(&redis).await);
    let (used, unused) = (store.add(Draft::of("ada")).await, store.add(Draft::of("bob")).await);
    let visitor = store.add(Draft::anonymous().anonymous_cap(1)).await;
    redis.run(&["CONFIG", "SET", "maxmemory", "1"]);
    let late = START.after(IDLE);
    let touches = [used, visitor].map(|id| Touch { id, seen_at: at(100) });
    assert_eq!(store.touch(at(100), touches.to_vec()).await, 2);
    // A place is looked at after a minute, and again when its visitor can have expired.
    assert_eq!(store.sweep(sweep(late, 10)).await.sessions, 1);
    assert_eq!(store.ended(unused).await.unwrap().reason, EndReason::Idle);
    assert!(store.is_live(used, late).await && store.is_live(visitor, late).await);
    assert_eq!(store.sweep(sweep(late.after(IDLE), 10)).await.sessions, 2);
    redis.run(&["CONFIG", "SET", "maxmemory", "0"]);
    store.add(Draft::anonymous().anonymous_cap(1)).await;
}

#[tokio::test]
async fn everyone_can_be_ended_on_a_full_server_by_a_node_that_was_just_started() {
    for flavor in [Flavor::Redis, Flavor::Valkey] {
        let Some(redis) = Redis::start(flavor) else { return };
        let store = open(&redis).await;
        assert_eq!(store.owned_by("us").await.unwrap(), "us");
        let id = Subject::new(store).add(Draft::of("ada")).await;
        redis.run(&["CONFIG", "SET", "maxmemory", "1"]);
        let node = RedisStore::open(options(&redis)).await.expect("it starts");
        assert_eq!(node.owned_by("others").await.unwrap(), "us");
        let subject = Subject::new(node);
        let start = subject.log_after(None, 100).await.next;
        for count in [1, 0] {
            assert_eq!(subject.end(logout(Selector::Everyone, at(1))).await.count, count);
        }
        assert!(!subject.is_live(id, at(1)).await);
        assert!(!subject.log_after(Some(start), 1_000).await.entries.is_empty());
    }
}
