use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloakroom_core::{Carry, LimitPolicy, Selector, SessionId, Touch};
use cloakroom_testkit::fixtures::{Draft, IDLE, START, guard, logout, sweep, user, write};
use cloakroom_testkit::{Random, Subject, rounds, seeds};

use super::races::assert_sound;
use super::support::{Place, runtime};

const USERS: [&str; 5] = ["ada", "bob", "eve", "kay", "zoe"];

/// A login, a visit, a write, a touch of many, an end: whatever comes.
async fn act(store: &Subject, random: &mut Random, ids: &Mutex<Vec<SessionId>>) {
    let name = *random.pick(&USERS);
    let now = START.after(Duration::from_secs(random.below(7_000) as u64));
    let recent = recent(ids);
    let known = *random.pick(&recent);
    match random.below(12) {
        0..=3 => {
            let epoch = store.epoch(user(name)).await;
            let draft = Draft::of(name).at(now).epoch(epoch).data("k", "1");
            let draft = draft.idle(IDLE / 2).replacing(known, Carry::Everything);
            let new = draft.limit(3, LimitPolicy::EndLeastRecentlyUsed).build();
            add(ids, new.record.id);
            store.insert(new).await;
        }
        4 => {
            let new = Draft::anonymous().at(now).anonymous_cap(30).build();
            add(ids, new.record.id);
            store.insert(new).await;
        }
        5 | 6 => drop(store.update(guard(known, now), vec![write("k", "2")]).await),
        7 | 8 => {
            let touches = recent.into_iter().map(|id| Touch { id, seen_at: now });
            store.touch(now, touches.collect()).await;
        }
        9 => drop(store.end_session(known, now).await),
        10 => drop(store.end(logout(Selector::User(user(name)), now)).await),
        _ => drop(store.regroup(user(name), vec!["a".to_owned()], now).await),
    }
}

/// Sessions that all writers know.
fn recent(ids: &Mutex<Vec<SessionId>>) -> Vec<SessionId> {
    let ids = ids.lock().expect("nobody panics with it");
    let recent: Vec<_> = ids.iter().rev().take(30).copied().collect();
    if recent.is_empty() { vec![SessionId::new(None, START)] } else { recent }
}

fn add(ids: &Mutex<Vec<SessionId>>, id: SessionId) {
    ids.lock().expect("nobody panics with it").push(id);
}

#[test]
fn writers_ends_and_sweepers_of_two_nodes_never_wait_in_a_circle() {
    let Some(place) = Place::with_slow_commits() else { return };
    for seed in seeds(rounds(1, 20)) {
        let schema = runtime().block_on(storm(&place, seed));
        assert_sound(&place, &schema);
    }
}

/// Eight writers, four sweepers, and now and then the end of everyone.
async fn storm(place: &Place, seed: u64) -> String {
    let nodes = place.two_nodes().await.0.nodes;
    let ids: Arc<Mutex<Vec<SessionId>>> = Arc::default();
    let mut tasks = Vec::new();
    for number in 0..8 {
        let ids = Arc::clone(&ids);
        let store = Subject::new(nodes[number % 2].clone());
        let mut random = Random::new(seed ^ number as u64);
        tasks.push(tokio::spawn(async move {
            for _ in 0..80 {
                act(&store, &mut random, &ids).await;
            }
        }));
    }
    for number in 0..4 {
        let store = Subject::new(nodes[number % 2].clone());
        tasks.push(tokio::spawn(async move {
            for minute in 0..100 {
                let now = START.after(Duration::from_secs(60 * minute));
                store.sweep(sweep(now, 20)).await;
                if number == 0 && minute % 25 == 24 {
                    store.end(logout(Selector::Everyone, now)).await;
                }
            }
        }));
    }
    for task in tasks {
        task.await.expect("it does not panic");
    }
    nodes[0].database().schema().to_owned()
}
