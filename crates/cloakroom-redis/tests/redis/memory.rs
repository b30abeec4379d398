use std::error::Error;

use cloakroom_core::{Selector, Store, StoreError};
use cloakroom_testkit::Subject;
use cloakroom_testkit::fixtures::{Draft, START, at, guard, logout, sweep, user, write};
use cloakroom_testkit::servers::{Flavor, Redis};

use crate::alone::open;

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
