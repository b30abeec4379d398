//! A fill of the cache that read the state before a change.

use std::fmt;
use std::sync::Arc;

use cloakroom_core::{Answer, Record, Selector, SessionId, SessionStore, StoreAnswer, Timestamp};
use cloakroom_redis::Backed;
use cloakroom_testkit::fixtures::{Draft, at, guard, logout, offer, rotation, user};
use cloakroom_testkit::{Random, SharedStore, Subject, Wrap, Wrapped, eventually, rounds, seeds};
use tokio::sync::watch;

use crate::scene::{Node, Scene};
use crate::support::options;

/// Holds each load back after it was read.
struct ReadsThenWaits {
    store: SharedStore,
    gate: watch::Sender<Gate>,
}

#[derive(Default)]
struct Gate {
    closed: bool,
    waiting: u64,
}

impl fmt::Debug for ReadsThenWaits {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ReadsThenWaits")
    }
}

impl Wrap for ReadsThenWaits {
    fn inner(&self) -> &dyn SessionStore {
        &*self.store
    }

    fn load(&self, id: SessionId, now: Timestamp) -> StoreAnswer<'_, Option<Arc<Record>>> {
        Answer::pending(async move {
            let read = self.store.load(id, now).await;
            self.gate.send_modify(|gate| gate.waiting += 1);
            let _ = self.gate.subscribe().wait_for(|gate| !gate.closed).await;
            read
        })
    }
}

/// A node whose reads of the backing store can be held back.
struct Slow {
    store: Backed,
    gate: watch::Sender<Gate>,
}

impl Slow {
    async fn on(scene: &Scene) -> Self {
        let gate = watch::Sender::new(Gate::default());
        let backing = ReadsThenWaits { store: scene.sqlite(), gate: gate.clone() };
        let backing = Wrapped::shared(backing);
        let store = Backed::open(options(&scene.redis), backing).await.expect("it is opened");
        let caching = store.clone();
        eventually("the cache is in use", || async { caching.is_caching() }).await;
        Self { store, gate }
    }

    /// Begins a load that has read the backing store and not yet filled the cache.
    async fn begin(&self, id: SessionId) -> tokio::task::JoinHandle<bool> {
        self.gate.send_modify(|gate| *gate = Gate { closed: true, waiting: 0 });
        let subject = Subject::new(self.store.clone());
        let load = tokio::spawn(async move { subject.is_live(id, at(1)).await });
        let _ = self.gate.subscribe().wait_for(|gate| gate.waiting == 1).await;
        load
    }

    fn release(&self) {
        self.gate.send_modify(|gate| gate.closed = false);
    }
}

/// Every way in which a record changes.
async fn change(which: usize, node: &Node, id: SessionId) {
    let subject = &node.subject;
    match which {
        0 => drop(subject.end_session(id, at(1)).await),
        1 => drop(subject.end(logout(Selector::User(user("ada")), at(1))).await),
        2 => drop(subject.end(logout(Selector::Everyone, at(1))).await),
        3 => drop(subject.rotate(guard(id, at(1)), rotation(1, "rotated")).await),
        4 => drop(subject.renew(guard(id, at(1)), offer(0, "next")).await),
        5 => drop(subject.regroup(user("ada"), vec!["fewer".to_owned()], at(1)).await),
        6 => drop(subject.touch(at(1), vec![cloakroom_core::Touch { id, seen_at: at(1) }]).await),
        _ => {
            let carry = cloakroom_core::Carry::Nothing;
            let epoch = subject.epoch(user("eve")).await;
            let login = Draft::of("eve").at(at(1)).epoch(epoch).replacing(id, carry);
            // Another change may have ended its user meanwhile.
            drop(subject.insert(login.build()).await);
        }
    }
}

const CHANGES: usize = 8;

async fn seen(store: &Subject, id: SessionId) -> Option<String> {
    let record = store.load(id, at(1)).await;
    record.map(|record| cloakroom_testkit::fixtures::portrait(&record))
}

#[tokio::test]
async fn a_fill_that_read_before_a_change_comes_to_nothing() {
    let Some(scene) = Scene::new() else { return };
    let (node, slow) = (scene.node().await, Slow::on(&scene).await);
    let truth = Subject::from(scene.sqlite());
    for which in 0..CHANGES {
        let epoch = node.subject.epoch(user("ada")).await;
        let id = node.subject.add(Draft::of("ada").epoch(epoch)).await;
        let load = slow.begin(id).await;
        change(which, &node, id).await;
        slow.release();
        assert!(load.await.unwrap(), "it was read before the change");
        let expected = seen(&truth, id).await;
        for store in [&node.subject, &Subject::new(slow.store.clone())] {
            assert_eq!(seen(store, id).await, expected, "after change {which}");
        }
    }
    assert!(node.store.is_caching(), "the cache was not used");
}

#[tokio::test]
async fn of_many_who_miss_the_first_fills() {
    let Some(scene) = Scene::new() else { return };
    let node = scene.node().await;
    let (first, second) = (Slow::on(&scene).await, Slow::on(&scene).await);
    let id = node.subject.add(Draft::of("ada")).await;
    let loads = [first.begin(id).await, second.begin(id).await];
    first.release();
    let [one, other] = loads;
    assert!(one.await.unwrap());
    let hits = node.store.counts_of_reads().hits;
    assert!(node.is_live(id).await);
    assert_eq!(node.store.counts_of_reads().hits, hits + 1, "it is not in the cache");
    second.release();
    assert!(other.await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn in_any_order_of_reads_and_changes_on_two_nodes_the_last_read_sees_the_truth() {
    let Some(scene) = Scene::new() else { return };
    let nodes = [Arc::new(scene.node().await), Arc::new(scene.node().await)];
    let truth = Subject::from(scene.sqlite());
    for seed in seeds(rounds(60, 5_000)) {
        let mut random = Random::new(seed);
        let epoch = truth.epoch(user("ada")).await;
        let id = nodes[0].subject.add(Draft::of("ada").epoch(epoch)).await;
        let mut tasks = Vec::new();
        for _ in 0..12 {
            let node = Arc::clone(random.pick(&nodes));
            let (which, is_read) = (random.below(CHANGES), !random.once_in(4));
            tasks.push(tokio::spawn(async move {
                match is_read {
                    true => drop(node.subject.load(id, at(1)).await),
                    false => change(which, &node, id).await,
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        let expected = seen(&truth, id).await;
        for node in &nodes {
            for _ in 0..2 {
                assert_eq!(seen(&node.subject, id).await, expected, "CLOAKROOM_SEED={seed}");
            }
        }
    }
    assert!(nodes.iter().any(|node| node.store.counts_of_reads().hits > 0));
}
