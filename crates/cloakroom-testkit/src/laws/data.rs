use cloakroom_core::{Keys, SessionId, Touch, Updated};

use super::scene::{Scene, Tally, actor};
use crate::fixtures::{START, at, guard, offer, promote, write, write_if};
use crate::steps::Actor;
use crate::subject::Subject;

/// Reads the counter and writes one more, if nobody was faster.
async fn increment(store: &Subject, id: SessionId) -> bool {
    let entry = store.entry(id, START, "n").await;
    let next = 1 + entry.json.map_or(0, |json| json.parse::<u64>().expect("it is a number"));
    let change = write_if("n", entry.version, &next.to_string());
    match store.update(guard(id, START), vec![change]).await {
        Updated::Done { .. } => true,
        Updated::Conflict { .. } => false,
        other => panic!("an increment came to {other:?}"),
    }
}

async fn count(store: &Subject, id: SessionId) -> String {
    store.value(id, START, "n").await.unwrap_or_else(|| "0".to_owned())
}

pub(super) async fn law_3_concurrent_increments_all_count(mut scene: Scene) {
    let id = scene.store.add(scene.login().await).await;
    let actors = (0..12).map(|_| {
        let store = scene.store.clone();
        actor(async move { while !increment(&store, id).await {} })
    });
    let actors = actors.collect();
    scene.race(actors).await;
    assert_eq!(count(&scene.store, id).await, "12");
}

pub(super) async fn law_3_plain_writes_count_exactly_as_acknowledged(mut scene: Scene) {
    let id = scene.store.add(scene.login().await).await;
    let acknowledged = Tally::default();
    let actors = (0..8).map(|_| {
        let (store, acknowledged) = (scene.store.clone(), acknowledged.clone());
        actor(async move { acknowledged.add(u64::from(increment(&store, id).await)) })
    });
    let actors = actors.collect();
    scene.race(actors).await;
    assert!(acknowledged.total() >= 1, "nobody was first");
    assert_eq!(count(&scene.store, id).await, acknowledged.total().to_string());
}

pub(super) async fn law_3_keys_written_together_are_read_together(mut scene: Scene) {
    let id = scene.store.add(scene.login().await.data("a", "0").data("b", "0")).await;
    let mut actors = Vec::new();
    for writer in 1..=3 {
        let (store, json) = (scene.store.clone(), writer.to_string());
        actors.push(actor(async move {
            let changes = vec![write("a", &json), write("b", &json)];
            store.update(guard(id, START), changes).await;
        }));
        let store = scene.store.clone();
        actors.push(actor(async move {
            for _ in 0..3 {
                let entries = store.read(id, START, Keys::All).await.expect("it is live");
                assert_eq!(entries[0].json, entries[1].json, "half of a commit was read");
            }
        }));
    }
    scene.race(actors).await;
}

pub(super) async fn law_3_writes_of_different_keys_all_survive(mut scene: Scene) {
    let id = scene.store.add(scene.login().await.data("a", "0").data("b", "0")).await;
    let mut actors: Vec<Actor> = ["a", "b", "c", "d"].map(|key| writer(&scene, id, key)).into();
    let store = scene.store.clone();
    actors.push(actor(async move {
        for second in 1..5 {
            store.touch(at(second), vec![Touch { id, seen_at: at(second) }]).await;
        }
    }));
    let store = scene.store.clone();
    actors.push(actor(async move {
        store.renew(guard(id, START), offer(0, "second")).await;
        store.renew(guard(id, START), promote("second")).await;
    }));
    scene.race(actors).await;
    for entry in scene.store.data(id, START).await {
        assert_eq!(entry.json.as_deref(), Some("4"), "an acknowledged write of {}", entry.key);
    }
    assert_eq!(scene.store.data(id, START).await.len(), 4);
}

fn writer(scene: &Scene, id: SessionId, key: &'static str) -> Actor {
    let store = scene.store.clone();
    actor(async move {
        for json in ["1", "2", "3", "4"] {
            let written = store.update(guard(id, START), vec![write(key, json)]).await;
            assert!(matches!(written, Updated::Done { .. }), "{written:?}");
        }
    })
}
