use cloakroom_core::{Guard, Keys, Selector, SessionId, Updated};

use super::scene::{Event, Scene, Tally, actor};
use crate::fixtures::{at, logout, user, write};
use crate::steps::Actor;
use crate::subject::Subject;

pub(super) async fn law_2_an_acknowledged_end_holds_for_every_later_read(mut scene: Scene) {
    let mut actors = Vec::new();
    let mut ids = Vec::new();
    for _ in 0..3 {
        let id = scene.store.add(scene.login().await).await;
        let acknowledged = Event::default();
        let (store, event) = (scene.store.clone(), acknowledged.clone());
        actors.push(actor(async move {
            store.end_session(id, at(1)).await;
            event.happen();
        }));
        actors.push(reader(&scene, id, acknowledged));
        ids.push(id);
    }
    scene.race(actors).await;
    for id in ids {
        assert!(!is_seen(&scene.store, scene.name(), id).await, "an end was forgotten");
        assert!(scene.store.ended(id).await.is_some(), "an end left no history");
    }
}

fn reader(scene: &Scene, id: SessionId, acknowledged: Event) -> Actor {
    let (store, name) = (scene.store.clone(), scene.name().to_owned());
    actor(async move {
        for _ in 0..3 {
            let ended = acknowledged.has_happened();
            let seen = is_seen(&store, &name, id).await;
            assert!(!(ended && seen), "a read after an acknowledged end saw the session");
        }
    })
}

/// Whether any way of looking still shows the session.
async fn is_seen(store: &Subject, name: &str, id: SessionId) -> bool {
    store.is_live(id, at(1)).await
        || store.read(id, at(1), Keys::All).await.is_some()
        || store.sessions_of(user(name), at(1)).await.iter().any(|session| session.id == id)
}

pub(super) async fn law_2_parallel_ends_count_each_session_once(mut scene: Scene) {
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(scene.store.add(scene.login().await).await);
    }
    let mut selectors: Vec<Selector> = ids.iter().copied().map(Selector::Session).collect();
    selectors.extend([Selector::Session(ids[0]), Selector::User(user(scene.name()))]);
    selectors.push(Selector::UserExcept(user(scene.name()), ids[1]));
    let ended = Tally::default();
    let actors = selectors.into_iter().map(|selector| {
        let (store, ended) = (scene.store.clone(), ended.clone());
        actor(async move { ended.add(store.end(logout(selector, at(1))).await.count) })
    });
    let actors = actors.collect();
    scene.race(actors).await;
    assert_eq!(ended.total(), 4);
}

pub(super) async fn law_11_a_write_begun_under_old_groups_never_lands(mut scene: Scene) {
    let id = scene.store.add(scene.login().await).await;
    let changed = Event::default();
    let (store, event, user) = (scene.store.clone(), changed.clone(), user(scene.name()));
    let regroup = actor(async move {
        assert_eq!(store.regroup(user, vec!["fewer".to_owned()], at(1)).await, 1);
        event.happen();
    });
    let mut actors = vec![regroup];
    for key in ["a", "b"] {
        let (store, changed) = (scene.store.clone(), changed.clone());
        actors.push(actor(async move {
            for _ in 0..3 {
                let too_late = changed.has_happened();
                let stale = Guard { id, generation: 0, now: at(1) };
                let done = store.update(stale, vec![write(key, "1")]).await != Updated::Gone;
                assert!(!(too_late && done), "a write under old groups landed");
            }
        }));
    }
    scene.race(actors).await;
    let record = scene.store.record(id, at(1)).await;
    assert_eq!((record.generation, record.groups.as_slice()), (1, &["fewer".to_owned()][..]));
}
