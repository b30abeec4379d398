use cloakroom_core::{RenewalStep, SessionId, Updated};

use super::scene::{Scene, Tally, actor};
use crate::fixtures::{START, at, digest, guard, offer, promote, rotation};
use crate::steps::Actor;

fn renewal(scene: &Scene, id: SessionId, step: RenewalStep, done: &Tally) -> Actor {
    let (store, done) = (scene.store.clone(), done.clone());
    actor(async move {
        match store.renew(guard(id, at(1)), step).await {
            Updated::Done { .. } => done.add(1),
            Updated::Conflict { .. } | Updated::Gone => {}
            other => panic!("a renewal came to {other:?}"),
        }
    })
}

pub(super) async fn law_8_parallel_offers_give_one_successor(mut scene: Scene) {
    let id = scene.store.add(scene.login().await).await;
    let words = ["one", "two", "three"];
    let tallies: [Tally; 3] = Default::default();
    let mut actors = Vec::new();
    for (word, done) in words.iter().zip(&tallies) {
        actors.extend((0..3).map(|_| renewal(&scene, id, offer(0, word), done)));
    }
    scene.race(actors).await;
    let done = tallies.map(|done| done.total());
    let winner = done.iter().position(|count| *count > 0).expect("an offer is done");
    assert_eq!((done[winner], done.iter().sum()), (3, 3), "offers done: {done:?}");
    let renewal = scene.store.record(id, at(1)).await.renewal;
    assert_eq!((renewal.next, renewal.counter), (Some(digest(words[winner])), 0));
}

pub(super) async fn law_8_a_promotion_counts_once(mut scene: Scene) {
    let id = scene.store.add(scene.login().await).await;
    let first = scene.store.record(id, START).await.digest;
    scene.store.renew(guard(id, START), offer(0, "second")).await;
    let done = Tally::default();
    let mut actors: Vec<Actor> =
        (0..5).map(|_| renewal(&scene, id, promote("second"), &done)).collect();
    actors.push(renewal(&scene, id, offer(0, "second"), &Tally::default()));
    scene.race(actors).await;
    assert_eq!(done.total(), 5, "a step already taken is done");
    let record = scene.store.record(id, at(1)).await;
    assert_eq!((record.digest, record.renewal.counter), (digest("second"), 1));
    assert_eq!((record.renewal.previous, record.renewal.next), (Some(first), None));
}

pub(super) async fn law_8_of_a_promotion_and_a_rotation_exactly_one_wins(mut scene: Scene) {
    let id = scene.store.add(scene.login().await).await;
    scene.store.renew(guard(id, START), offer(0, "renewed")).await;
    let (promoted, rotated) = (Tally::default(), Tally::default());
    let promotion = renewal(&scene, id, promote("renewed"), &promoted);
    let (store, done) = (scene.store.clone(), rotated.clone());
    let rotate = actor(async move {
        match store.rotate(guard(id, at(1)), rotation(1, "rotated")).await {
            Updated::Done { .. } => done.add(1),
            other => assert_eq!(other, Updated::Conflict { key: String::new() }),
        }
    });
    scene.race(vec![promotion, rotate]).await;
    assert_eq!(promoted.total() + rotated.total(), 1);
    let record = scene.store.record(id, at(1)).await;
    let word = if rotated.total() == 1 { "rotated" } else { "renewed" };
    assert_eq!((record.digest, record.renewal.counter), (digest(word), 1));
    assert_eq!(record.renewal.previous.is_some(), promoted.total() == 1);
    assert_eq!(record.renewal.next, None, "a successor outlived the credential it was for");
}
