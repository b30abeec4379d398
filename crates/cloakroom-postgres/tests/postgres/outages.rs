use std::time::{Duration, Instant};

use cloakroom_core::{Selector, Store, StoreError};
use cloakroom_postgres::{Options, PostgresStore};
use cloakroom_testkit::fixtures::{Draft, START, at, guard, logout, user, write};
use cloakroom_testkit::servers::{Postgres, Proxy};
use cloakroom_testkit::{Subject, eventually};

use super::support::{Place, patient, runtime};

/// A store that is reached through a proxy.
async fn through(proxy: &Proxy, server: &Postgres, options: Options) -> PostgresStore {
    let database = options.connect(&proxy.instead_in(&server.url())).await.expect("it opens");
    PostgresStore::within(database).await.expect("the schema is made")
}

/// As few connections as there can be, and warm ones: what happens next happens to them.
fn one_connection() -> Options {
    let mut options = patient();
    options.connections = 1;
    options
}

#[test]
fn a_connection_lost_at_the_commit_is_reported_as_unknown() {
    let Some(server) = Postgres::start() else { return };
    let proxy = Proxy::before(server.port());
    runtime().block_on(async {
        let store = through(&proxy, &server, one_connection()).await;
        Subject::new(store.clone()).add(Draft::of("ada")).await;
        for is_done in [true, false] {
            let new = Draft::of("ada").build();
            let id = new.record.id;
            match is_done {
                true => proxy.lose_answer_to(id.as_bytes()),
                false => proxy.lose_request(id.as_bytes()),
            }
            let error = store.insert(new).await.expect_err("the answer was lost");
            assert!(proxy.has_struck());
            assert!(matches!(error, StoreError::Unknown { .. }), "{error:?}");
            let found = store.load(id, START).await.expect("it is reached again");
            assert_eq!(found.is_some(), is_done, "and one can look what became of it");
        }
    });
}

#[test]
fn a_transaction_is_unknown_from_its_commit_on_and_failed_before() {
    let Some(server) = Postgres::start() else { return };
    let proxy = Proxy::before(server.port());
    runtime().block_on(async {
        let database = through(&proxy, &server, one_connection()).await.database().clone();
        let sql = database.sql("UPDATE {schema}.everyone_epoch SET epoch = epoch + 1");
        let raise = || {
            let sql = sql.clone();
            database.write("raise", move |transaction| {
                let sql = sql.clone();
                async move { transaction.execute(&sql, &[]).await }
            })
        };
        raise().await.expect("all is well");
        proxy.lose_answer_to("COMMIT");
        let error = raise().await.expect_err("the answer was lost");
        assert!(matches!(error, StoreError::Unknown { .. }), "{error:?}");
        raise().await.expect("it is reached again");
        proxy.lose_answer_to("START TRANSACTION");
        raise().await.expect("a beginning that is lost is begun again");
    });
    assert_eq!(server.run("postgres", "SELECT epoch FROM cloakroom.everyone_epoch")[0][0], "4");
}

#[test]
fn a_read_on_a_connection_that_died_is_asked_again() {
    let Some(server) = Postgres::start() else { return };
    let proxy = Proxy::before(server.port());
    runtime().block_on(async {
        let store = through(&proxy, &server, one_connection()).await;
        let id = Subject::new(store.clone()).add(Draft::of("ada")).await;
        for _ in 0..5 {
            proxy.lose_answer_to(id.as_bytes());
            assert!(store.load(id, START).await.expect("it is asked again").is_some());
            proxy.reset();
            assert!(store.load(id, START).await.expect("it is asked again").is_some());
        }
    });
}

#[test]
fn law_2_a_killed_server_has_all_it_acknowledged_when_it_is_back() {
    let Some(mut server) = Postgres::builder().setting("fsync", "on").start() else { return };
    runtime().block_on(async {
        let store = PostgresStore::open(&server.url()).await.expect("it opens");
        let subject = Subject::new(store.clone());
        let mut kept = Vec::new();
        for round in 0..3 {
            let (live, ended) =
                (subject.add(Draft::of("ada")).await, subject.add(Draft::of("bob")).await);
            subject.end_session(ended, at(1)).await;
            kept.push((live, ended));
            server.kill();
            let begun = Instant::now();
            assert!(store.load(live, at(1)).await.is_err(), "round {round}: nobody is there");
            assert!(
                store
                    .update(guard(live, at(1)), vec![write("k", "1")], <_>::default())
                    .await
                    .is_err()
            );
            assert!(begun.elapsed() < Duration::from_secs(2), "and that is said at once");
            server.start_again();
            let back = Instant::now();
            let store = &store;
            eventually("it is reached", || async move { store.load(live, at(1)).await.is_ok() })
                .await;
            assert!(back.elapsed() < Duration::from_secs(5));
        }
        for (live, ended) in kept {
            assert!(subject.is_live(live, at(1)).await && !subject.is_live(ended, at(1)).await);
        }
    });
}

#[test]
fn a_server_that_stands_still_costs_its_time_limit_and_no_more() {
    let Some(server) = Postgres::start() else { return };
    runtime().block_on(async {
        let mut options = patient();
        options.read_timeout = Duration::from_millis(500);
        options.wait = Duration::from_millis(500);
        options.connect_timeout = Duration::from_millis(500);
        options.connections = 2;
        options.waiting = 10;
        let database = options.connect(&server.url()).await.expect("it opens");
        let store = PostgresStore::within(database).await.expect("the schema is made");
        let id = Subject::new(store.clone()).add(Draft::of("ada")).await;
        server.pause();
        let begun = Instant::now();
        let loads = (0..100).map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.load(id, START).await.map(drop) })
        });
        let mut refused_at_once = 0;
        for load in loads.collect::<Vec<_>>() {
            let error = load.await.expect("it does not panic").expect_err("nobody answers");
            assert!(matches!(error, StoreError::Failed { .. }), "{error:?}");
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            refused_at_once += usize::from(cause.is_some_and(|it| it.contains("too many")));
        }
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
        assert!(refused_at_once > 50, "few wait: {refused_at_once} of 100 were refused at once");
        server.resume();
        let store = &store;
        eventually("it answers again", || async move { store.load(id, START).await.is_ok() }).await;
    });
}

#[test]
fn a_network_that_swallows_everything_is_noticed_and_recovered_from() {
    let Some(server) = Postgres::start() else { return };
    let proxy = Proxy::before(server.port());
    runtime().block_on(async {
        let mut options = patient();
        options.read_timeout = Duration::from_millis(300);
        options.connect_timeout = Duration::from_millis(300);
        let store = through(&proxy, &server, options).await;
        let id = Subject::new(store.clone()).add(Draft::of("ada")).await;
        proxy.half_open();
        assert!(store.load(id, START).await.is_err());
        proxy.heal();
        let store = &store;
        eventually("it answers again", || async move { store.load(id, START).await.is_ok() }).await;
    });
}

#[test]
fn a_lock_that_somebody_keeps_is_waited_for_so_long_and_nothing_is_done() {
    let Some(place) = Place::start() else { return };
    runtime().block_on(async {
        let mut options = place.options();
        options.lock_timeout = Duration::from_millis(200);
        let store = place.open(options).await;
        let schema = store.database().schema().to_owned();
        let id = Subject::new(store.clone()).add(Draft::of("ada")).await;
        let mut other = place.server.connect("postgres").expect("it answers");
        let lock = format!("BEGIN; SELECT id FROM {schema}.session FOR UPDATE");
        other.query(&lock).expect("it locks");
        let end = logout(Selector::User(user("ada")), at(1));
        let error = store.end(end.clone()).await.expect_err("it is locked");
        assert!(matches!(error, StoreError::Failed { .. }), "{error:?}");
        assert!(store.load(id, at(1)).await.expect("reads do not wait").is_some());
        other.query("ROLLBACK").expect("it lets go");
        assert_eq!(store.end(end).await.expect("nobody holds it").count, 1);
    });
}

#[test]
fn a_statement_that_takes_too_long_is_given_up_by_the_server() {
    let Some(place) = Place::start() else { return };
    runtime().block_on(async {
        let mut options = place.options();
        options.statement_timeout = Duration::from_millis(200);
        let database = place.open(options).await.database().clone();
        let slow = database.sql("SELECT pg_sleep(30)");
        let error = database.call("sleep", &slow, Vec::new(), |_| Ok(())).await;
        let error = error.expect_err("it takes too long");
        assert!(matches!(error, StoreError::Failed { .. }), "it is known to be undone: {error:?}");
    });
}
