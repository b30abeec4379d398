//! Slow requests racing a logout, in random interleavings.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cloakroom::{EndReason, Error, Session, SessionId};
use cloakroom_testkit::{Random, rounds, seeds};

use crate::support::{Browser, Reply, Scene, on_every_store};

on_every_store!(
    a_slow_write_racing_a_logout_revives_nothing,
    a_slow_update_racing_a_logout_revives_nothing,
    a_slow_touch_racing_a_logout_revives_nothing,
    a_slow_renewal_racing_a_logout_revives_nothing,
    a_slow_first_write_racing_a_logout_begins_no_session,
    a_slow_request_racing_the_end_of_all_sessions_revives_nothing,
);

/// What the slow request does, and the end that it races.
#[derive(Clone, Copy)]
struct Race {
    act: Act,
    end: &'static str,
    /// Minutes that the session has been unused.
    unused: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum Act {
    /// Looks who it is, and writes later.
    Write,
    Update,
    /// Looks who it is; the use is noted, the renewal is due.
    Look,
    /// Does not look before it writes.
    FirstWrite,
}

/// Laws 1, 2 and 9: 10 000 interleavings with `CLOAKROOM_TORTURE=1`.
async fn a_slow_write_racing_a_logout_revives_nothing(scene: Scene) {
    run(&scene, Race { act: Act::Write, end: "/logout", unused: 0 }).await;
}

/// Laws 1 and 3: an update retries, but not into another life.
async fn a_slow_update_racing_a_logout_revives_nothing(scene: Scene) {
    run(&scene, Race { act: Act::Update, end: "/logout", unused: 0 }).await;
}

/// Law 1: "last seen" of an ended session is of no interest.
async fn a_slow_touch_racing_a_logout_revives_nothing(scene: Scene) {
    run(&scene, Race { act: Act::Look, end: "/logout", unused: 2 }).await;
}

/// Laws 1 and 8: a successor that was offered in time is as dead as its parent.
async fn a_slow_renewal_racing_a_logout_revives_nothing(scene: Scene) {
    run(&scene, Race { act: Act::Look, end: "/logout", unused: 61 }).await;
}

/// Law 1: in the eyes of the user a new cookie would undo the logout.
async fn a_slow_first_write_racing_a_logout_begins_no_session(scene: Scene) {
    run(&scene, Race { act: Act::FirstWrite, end: "/logout", unused: 0 }).await;
}

/// Laws 1 and 2: one end for many sessions.
async fn a_slow_request_racing_the_end_of_all_sessions_revives_nothing(scene: Scene) {
    run(&scene, Race { act: Act::Write, end: "/end-all", unused: 61 }).await;
}

async fn run(scene: &Scene, race: Race) {
    let all = seeds(rounds(500, 10_000));
    let (mut late, mut dead, count) = (0, 0, all.len());
    for seed in all {
        let reply = one(scene, race, seed).await;
        late += usize::from(reply.status == 401);
        dead += usize::from(reply.credential().is_some());
    }
    println!("{count} interleavings, 0 resurrections, 0 live credentials handed out");
    println!("{late} requests came too late, {dead} successors came in time and died");
}

/// One race. The seed names the interleaving, exactly in memory and as far as the store's own
/// threads allow elsewhere.
async fn one(scene: &Scene, race: Race, seed: u64) -> Reply {
    let what = format!("replay it with CLOAKROOM_SEED={seed}");
    let user = format!("user-{seed}");
    let mut browser = scene.browser();
    let id: SessionId = browser.log_in(&user).await.body.parse().unwrap();
    scene.advance_minutes(race.unused);
    let mut random = Random::new(seed);
    scene.probe.detour(random.clone());

    let ended = Arc::new(AtomicBool::new(false));
    let (was_ended, mut slow, mut other) = (Arc::clone(&ended), browser.copy(), browser.copy());
    let (slow_starts_after, end_starts_after) = (random.below(8), random.below(30));
    let slow = tokio::spawn(async move {
        pause(slow_starts_after).await;
        let handler =
            async move |session: Session| late(session, race.act, random, was_ended).await;
        (slow.act(handler).await, slow)
    });
    let end = tokio::spawn(async move {
        pause(end_starts_after).await;
        let reply = other.post(race.end).await;
        ended.store(true, Ordering::SeqCst);
        reply
    });
    let ((reply, slow), end) = (slow.await.expect(&what), end.await.expect(&what));
    assert_eq!(end.status, 200, "{what}");
    assert_dead(scene, &browser, id, &what).await;
    check(&reply, slow, race, &what).await;
    reply
}

async fn pause(steps: usize) {
    for _ in 0..steps {
        tokio::task::yield_now().await;
    }
}

/// A handler that says, where it succeeded, whether the end was acknowledged before it began its
/// last step.
async fn late(
    session: Session,
    act: Act,
    mut random: Random,
    ended: Arc<AtomicBool>,
) -> Result<String, Error> {
    if act != Act::FirstWrite {
        session.user().await?;
    }
    pause(random.below(8)).await;
    let too_late = ended.load(Ordering::SeqCst).to_string();
    match act {
        Act::Write | Act::FirstWrite => session.insert("late", 1).await?,
        Act::Update => {
            session.update("late", |n: Option<u8>| n.unwrap_or(0)).await?;
        }
        Act::Look => {}
    }
    Ok(too_late)
}

async fn assert_dead(scene: &Scene, browser: &Browser, id: SessionId, what: &str) {
    browser.cloakroom.close().await.expect(what);
    let now = browser.cloakroom.sessions().now();
    assert!(scene.store().load(id, now).await.unwrap().is_none(), "it came back; {what}");
    assert_eq!(scene.rows().await, 0, "something else came; {what}");
    assert_eq!(scene.end_reason(id).await, Some(EndReason::Logout), "{what}");
    assert_eq!(browser.clone().who().await, "nobody", "{what}");
}

async fn check(reply: &Reply, mut slow: Browser, race: Race, what: &str) {
    if let Some(token) = reply.credential() {
        let renewed = race.unused > 60;
        assert!(renewed && !token.is_empty(), "a credential was handed out; {what}");
        assert_ne!(reply.body, "true", "it was handed out after the end; {what}");
        slow.cookie = Some(token);
        assert_eq!(slow.who().await, "nobody", "{what}");
    }
    match reply.status.as_u16() {
        200 if race.act == Act::Look => {}
        200 => assert_eq!(reply.body, "false", "a write after the end was acknowledged; {what}"),
        status => assert_eq!((status, reply.code().as_str()), (401, "session-ended"), "{what}"),
    }
}
