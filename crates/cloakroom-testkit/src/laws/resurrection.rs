use cloakroom_core::{
    Carry, EndReason, Inserted, Selector, SessionId, Sweep, Timestamp, Touch, Updated,
};

use super::scene::{Event, Scene, Tally, actor};
use crate::fixtures::{
    Draft, IDLE, START, at, guard, logout, offer, promote, rotation, user, write,
};
use crate::steps::{Actor, yield_point};
use crate::subject::Subject;

pub(super) async fn law_1_a_late_write_never_outlives_an_end(mut scene: Scene) {
    let id = scene.store.add(scene.login().await.data("k", "0")).await;
    let acknowledged = Event::default();
    let mut actors = vec![ender(&scene, id, &acknowledged)];
    for step in [data_write, touch, renewal, rotate] {
        actors.push(late(&scene.store, id, &acknowledged, step));
    }
    scene.race(actors).await;
    assert_dead(&scene.store, id).await;
}

fn ender(scene: &Scene, id: SessionId, acknowledged: &Event) -> Actor {
    let (store, acknowledged) = (scene.store.clone(), acknowledged.clone());
    let selector = match scene.random.clone().below(3) {
        0 => Selector::User(user(scene.name())),
        1 => Selector::UserExcept(user(scene.name()), SessionId::new(None, START)),
        _ => Selector::Session(id),
    };
    let pause = scene.random.clone().below(6);
    actor(async move {
        for _ in 0..pause {
            yield_point().await;
        }
        store.end(logout(selector, at(1))).await;
        acknowledged.happen();
    })
}

/// Writes again and again; what begins after the end was acknowledged must not be done.
fn late<F>(
    store: &Subject,
    id: SessionId,
    acknowledged: &Event,
    step: fn(Subject, SessionId, u32) -> F,
) -> Actor
where
    F: Future<Output = bool> + Send + 'static,
{
    let (store, acknowledged) = (store.clone(), acknowledged.clone());
    actor(async move {
        for count in 0..4 {
            let too_late = acknowledged.has_happened();
            let done = step(store.clone(), id, count).await;
            assert!(!(too_late && done), "a write was done after the end was acknowledged");
        }
    })
}

type Stepping = std::pin::Pin<Box<dyn Future<Output = bool> + Send>>;

fn data_write(store: Subject, id: SessionId, count: u32) -> Stepping {
    Box::pin(async move {
        let changes = vec![write("k", &count.to_string()), write("new", "1")];
        matches!(store.update(guard(id, at(2)), changes).await, Updated::Done { .. })
    })
}

fn touch(store: Subject, id: SessionId, count: u32) -> Stepping {
    Box::pin(async move {
        let seen_at = at(u64::from(count) + 2);
        store.touch(seen_at, vec![Touch { id, seen_at }]).await > 0
    })
}

fn renewal(store: Subject, id: SessionId, count: u32) -> Stepping {
    Box::pin(async move {
        let word = format!("renewed {}", count / 2);
        let step = if count.is_multiple_of(2) { offer(count / 2, &word) } else { promote(&word) };
        matches!(store.renew(guard(id, at(2)), step).await, Updated::Done { .. })
    })
}

fn rotate(store: Subject, id: SessionId, count: u32) -> Stepping {
    Box::pin(async move {
        let Some(record) = store.load(id, at(2)).await else { return false };
        let next = rotation(record.renewal.counter + 1, &format!("rotated {count}"));
        let guard = cloakroom_core::Guard { id, generation: record.generation, now: at(2) };
        matches!(store.rotate(guard, next).await, Updated::Done { .. })
    })
}

async fn assert_dead(store: &Subject, id: SessionId) {
    assert!(!store.is_live(id, at(1)).await, "the session came back");
    assert_eq!(store.read(id, at(1), cloakroom_core::Keys::All).await, None);
    let ended = store.ended(id).await.expect("it is in the history");
    assert!(matches!(ended.reason, EndReason::Logout | EndReason::Replaced), "{ended:?}");
}

pub(super) async fn law_1_a_replacing_login_and_an_end_revive_nothing(mut scene: Scene) {
    let old = scene.store.add(Draft::anonymous().data("a", "1").data("b", "2")).await;
    let login = scene.login().await.at(at(1)).replacing(old, Carry::Everything).build();
    let new = login.record.id;
    let (login_store, end_store, write_store) =
        (scene.store.clone(), scene.store.clone(), scene.store.clone());
    let login = actor(async move {
        assert_eq!(login_store.insert(login).await, Inserted::Done { ended: vec![] });
    });
    let end = actor(async move {
        end_store.end_session(old, at(1)).await;
    });
    let late = actor(async move {
        let changes = vec![write("a", "3"), write("b", "4")];
        write_store.update(guard(old, at(1)), changes).await;
    });
    scene.race(vec![login, end, late]).await;
    assert_dead(&scene.store, old).await;
    let data = scene.store.data(new, at(1)).await;
    let shown: Vec<&str> = data.iter().filter_map(|entry| entry.json.as_deref()).collect();
    assert!([&[][..], &["1", "2"], &["3", "4"]].contains(&&shown[..]), "carried {shown:?}");
}

pub(super) async fn law_1_of_logins_that_replace_one_session_one_carries_its_data(
    mut scene: Scene,
) {
    let old = scene.store.add(Draft::anonymous().data("cart", "[1]")).await;
    let mut actors = Vec::new();
    let mut logins = Vec::new();
    for _ in 0..4 {
        let new = scene.login().await.at(at(1)).replacing(old, Carry::Everything).build();
        logins.push(new.record.id);
        let store = scene.store.clone();
        actors.push(actor(async move {
            assert_eq!(store.insert(new).await, Inserted::Done { ended: vec![] });
        }));
    }
    scene.race(actors).await;
    let mut carried = 0;
    for id in logins {
        carried += scene.store.data(id, at(1)).await.len();
    }
    assert_eq!(carried, 1, "one session's data went to so many");
    assert_dead(&scene.store, old).await;
}

pub(super) async fn law_1_a_login_begun_before_its_user_was_ended_is_not_live(mut scene: Scene) {
    let kept = scene.store.add(scene.login().await).await;
    let name = scene.name().to_owned();
    let selector = match scene.random.below(3) {
        0 => Selector::User(user(&name)),
        1 => Selector::UserExcept(user(&name), kept),
        _ => Selector::Everyone,
    };
    let spares = matches!(selector, Selector::UserExcept(..));
    let mut actors = Vec::new();
    for _ in 0..3 {
        let (store, draft) = (scene.store.clone(), scene.login().await);
        actors.push(actor(async move {
            match store.insert(draft.build()).await {
                Inserted::Done { .. } | Inserted::Superseded => {}
                other => panic!("a login came to {other:?}"),
            }
        }));
    }
    let store = scene.store.clone();
    actors.push(actor(async move {
        store.end(logout(selector, at(1))).await;
    }));
    scene.race(actors).await;
    let live = scene.store.sessions_of(user(&name), at(1)).await;
    let live: Vec<SessionId> = live.into_iter().map(|session| session.id).collect();
    let expected = if spares { vec![kept] } else { vec![] };
    assert_eq!(live, expected, "a login from before the end is live after it");
}

pub(super) async fn law_1_of_a_touch_and_a_sweep_exactly_one_wins(mut scene: Scene) {
    let deadline = START.after(IDLE);
    let id = scene.store.add(scene.login().await).await;
    let moved = Tally::default();
    let used = deadline.before(std::time::Duration::from_millis(1));
    let (store, count) = (scene.store.clone(), moved.clone());
    let touch = actor(async move {
        count.add(store.touch(used, vec![Touch { id, seen_at: used }]).await);
    });
    let store = scene.store.clone();
    let sweep = actor(async move {
        let history_before = Timestamp::from_unix_millis(0);
        store.sweep(Sweep { now: deadline, history_before, limit: 100_000 }).await;
    });
    scene.race(vec![touch, sweep]).await;
    let live = scene.store.is_live(id, deadline).await;
    let swept = scene.store.ended(id).await.is_some();
    assert_eq!((live, swept), (moved.total() == 1, moved.total() == 0));
}
