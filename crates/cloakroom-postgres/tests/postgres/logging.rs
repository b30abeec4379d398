use std::sync::Arc;

use cloakroom_core::{Change, Position, RevocationLog, Selector, SessionId, Store};
use cloakroom_postgres::PostgresStore;
use cloakroom_testkit::fixtures::{Draft, START, at, logout, rotation, user};
use cloakroom_testkit::{Subject, eventually};

use super::support::{Place, patient, runtime};

async fn follow(store: &PostgresStore, at: &mut Option<Position>) -> Vec<Change> {
    let mut changes = Vec::new();
    loop {
        let page = store.log_after(at.take(), 3).await.expect("it answers");
        assert!(!page.gap);
        changes.extend(page.entries.into_iter().map(|entry| entry.change));
        *at = Some(page.next);
        if !page.more {
            return changes;
        }
    }
}

#[test]
fn each_act_leaves_its_entry() {
    let Some(place) = Place::start() else { return };
    runtime().block_on(async {
        let store = place.store().await;
        let subject = Subject::new(store.clone());
        let mut position = None;
        assert_eq!(follow(&store, &mut position).await, []);
        let (first, second) =
            (subject.add(Draft::of("ada")).await, subject.add(Draft::of("ada")).await);
        let guard = subject.guard(first, START).await;
        subject.rotate(guard, rotation(1, "new")).await;
        subject.regroup(user("ada"), vec!["a".to_owned()], START).await;
        subject.end_session(second, at(1)).await;
        subject.end_session(second, at(1)).await;
        let ended = subject.end(logout(Selector::UserExcept(user("ada"), first), at(1))).await;
        subject.end(logout(Selector::Everyone, at(1))).await;
        let expected = [
            Change::Rotated(first, 1),
            Change::UserChanged(user("ada")),
            Change::Ended(second),
            Change::UserEnded { user: user("ada"), epoch: ended.epoch, except: Some(first) },
            Change::EveryoneEnded(1),
        ];
        assert_eq!(follow(&store, &mut position).await, expected);
        assert_eq!(follow(&store, &mut position).await, []);
    });
}

#[test]
fn a_follower_misses_nothing_that_commits_while_it_reads() {
    let Some(place) = Place::start() else { return };
    runtime().block_on(async {
        let store = place.two_nodes().await;
        let nodes = store.0.nodes.clone();
        let mut ids: Vec<SessionId> = Vec::new();
        for _ in 0..120 {
            ids.push(Subject::new(nodes[0].clone()).add(Draft::of("ada")).await);
        }
        let enders = ids.chunks(20).enumerate().map(|(number, ids)| {
            let (node, ids) = (Subject::new(nodes[number % 2].clone()), ids.to_vec());
            tokio::spawn(async move {
                for id in ids {
                    node.end_session(id, at(1)).await;
                }
            })
        });
        let enders: Vec<_> = enders.collect();
        let (mut position, mut seen) = (None, Vec::new());
        while !enders.iter().all(tokio::task::JoinHandle::is_finished) {
            seen.extend(follow(&nodes[1], &mut position).await);
        }
        seen.extend(follow(&nodes[1], &mut position).await);
        let ended = seen.into_iter().map(|change| match change {
            Change::Ended(id) => id,
            other => panic!("nobody did {other:?}"),
        });
        let mut ended: Vec<_> = ended.collect();
        ended.sort_unstable();
        ids.sort_unstable();
        assert_eq!(ended, ids);
    });
}

#[test]
fn after_a_failover_a_follower_is_told_to_begin_anew() {
    let Some(place) = Place::start() else { return };
    runtime().block_on(async {
        let store = PostgresStore::within(patient().connect(&place.url()).await.expect("opens"));
        let store = store.await.expect("the schema is made");
        let subject = Subject::new(store.clone());
        let id = subject.add(Draft::of("ada")).await;
        subject.end_session(id, at(1)).await;
        let mut position = None;
        follow(&store, &mut position).await;
        let standby = place.server.standby();
        standby.run("postgres", "SELECT pg_promote()");
        let promoted = &patient().connect(&standby.url()).await.expect("it is a primary now");
        let promoted = PostgresStore::within(promoted.clone()).await.expect("the schema is there");
        let promoted = Arc::new(promoted);
        eventually("it has all", || async { promoted.epoch(user("ada")).await.is_ok() }).await;
        let page = promoted.log_after(position, 10).await.expect("it answers");
        assert!(page.gap, "numbers may be given again on another timeline");
        assert_eq!(page.entries.len(), 1);
    });
}
