use std::time::Duration;

use cloakroom::{Lifetime, Timestamp};
use cloakroom_testkit::servers::wait_until;

use super::*;

async fn who(
    scene: &Scene,
    name: Option<&str>,
    after: Option<String>,
) -> (Vec<SessionId>, Option<String>) {
    match scene.order(Order::Who { name: name.map(str::to_owned), after }).await {
        Reply::Sessions { items, next } => {
            (items.into_iter().map(|session| session.id).collect(), next)
        }
        other => panic!("{other:?}"),
    }
}

async fn scene_of_three() -> (Scene, [SessionId; 3]) {
    let scene = Scene::new().await;
    scene.add("alice").await;
    scene.add("alan").await;
    let ids =
        [scene.log_in("alice").await, scene.log_in("alice").await, scene.log_in("alan").await];
    (scene, ids)
}

#[tokio::test]
async fn everyone_logged_in_is_shown_page_by_page_each_once() {
    let scene = Scene::new().await;
    scene.add("alice").await;
    let mut made = Vec::new();
    for _ in 0..101 {
        made.push(scene.log_in("alice").await);
    }
    let (first, next) = who(&scene, None, None).await;
    let (second, end) = who(&scene, None, next).await;
    assert_eq!((first.len(), second.len(), end), (100, 1, None));
    let mut seen = [first, second].concat();
    seen.sort();
    made.sort();
    assert_eq!(seen, made);
}

#[tokio::test]
async fn a_name_or_its_beginning_narrows_the_list() {
    let (scene, _) = scene_of_three().await;
    for (name, count) in [("Alice", 2), ("al*", 3), ("*", 3), ("ali*", 2), ("al", 0)] {
        assert_eq!(who(&scene, Some(name), None).await.0.len(), count, "{name}");
    }
    let bad = scene.order(Order::Who { name: Some(named("a b*")), after: None }).await;
    failed(&bad, "a login name has");
}

#[tokio::test]
async fn one_session_is_ended_and_ending_it_again_says_what_became_of_it() {
    let (scene, [one, other, _]) = scene_of_three().await;
    let end = || scene.order(Order::EndSession { id: one.to_string() });
    assert_eq!(end().await, Reply::Ended { count: 1, whose: Some(named("alice")) });
    assert!(!scene.is_live(one).await && scene.is_live(other).await);
    let Reply::Past(past) = end().await else { panic!("ended twice") };
    assert_eq!((past.id, past.reason.as_str()), (one, "admin"));
    assert_eq!(past.ended_by.as_deref(), Some("operator"));
}

#[tokio::test]
async fn all_sessions_of_a_user_are_ended_and_nobody_elses() {
    let (scene, [one, other, alans]) = scene_of_three().await;
    let end = || scene.order(Order::EndUser { name: named("Alice") });
    assert_eq!(end().await, Reply::Ended { count: 2, whose: Some(named("alice")) });
    assert_eq!(end().await, Reply::Ended { count: 0, whose: Some(named("alice")) });
    let live = [scene.is_live(one).await, scene.is_live(other).await, scene.is_live(alans).await];
    assert_eq!(live, [false, false, true]);
}

#[tokio::test]
async fn everyone_is_ended() {
    let (scene, _) = scene_of_three().await;
    assert_eq!(scene.order(Order::EndEveryone).await, Reply::Ended { count: 3, whose: None });
    assert!(who(&scene, None, None).await.0.is_empty());
}

#[tokio::test]
async fn a_live_session_is_told_with_its_deadlines() {
    let (scene, [one, ..]) = scene_of_three().await;
    let Reply::Live { session, refused: false } = scene.why(one).await else { panic!("not live") };
    assert_eq!(session.user_name.as_deref(), Some("alice"));
    assert_eq!(session.client_address.as_deref(), Some("192.0.2.7"));
    assert!(session.idle_deadline.0 > session.last_seen_at.0);
}

#[tokio::test]
async fn a_session_whose_user_is_refused_is_told_as_such_before_its_end_is_recorded() {
    let (scene, [one, ..]) = scene_of_three().await;
    let alice = scene.app.users.by_name("alice").await.unwrap().unwrap();
    scene.app.users.set_disabled(&alice.id, true, 0).await.unwrap();
    let why = scene.why(one).await;
    assert!(matches!(why, Reply::Live { refused: true, .. }), "{why:?}");
}

#[tokio::test]
async fn a_session_that_expired_is_told_before_any_sweep() {
    let short = Lifetime::new(Duration::from_millis(20), Duration::from_secs(60));
    let scene = Scene::with(|config| config.session.ordinary = short).await;
    scene.add("alice").await;
    let id = scene.log_in("alice").await;
    let sessions = scene.app.cloakroom.sessions().clone();
    let begun = sessions.now();
    let over = || sessions.now().since(begun) > Duration::from_millis(100);
    wait_until("the session has expired", Duration::from_secs(5), over);
    let Reply::Past(past) = scene.why(id).await else { panic!("live") };
    assert_eq!((past.reason.as_str(), past.ended_by), ("idle", None));
}

#[tokio::test]
async fn what_is_no_session_is_not_found_or_said_to_be_malformed() {
    let scene = Scene::new().await;
    let stranger = SessionId::new(None, Timestamp::default());
    let why = scene.why(stranger).await;
    assert!(matches!(why, Reply::NotFound { .. }), "{why:?}");
    failed(&why, "or it ended more than 90 days ago");
    for order in [Order::Why { id: named("x") }, Order::EndSession { id: named("x") }] {
        failed(&scene.order(order).await, "expected 36 characters like 0189");
    }
}
