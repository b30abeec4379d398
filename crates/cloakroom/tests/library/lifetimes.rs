//! Idle and absolute timeout together, on the server's clock.

use std::time::Duration;

use cloakroom::{Cloakroom, EndReason, Lifetime, Policy, SessionId};
use cloakroom_core::granularity;
use cloakroom_testkit::{Operation, Random, eventually, rounds, seeds};

use crate::support::{Browser, Fault, Scene, on_every_store, opened};

on_every_store!(
    a_session_unused_for_its_idle_timeout_has_ended,
    a_session_that_is_used_goes_on_until_its_absolute_timeout,
    whichever_timeout_comes_first_ends_the_session,
    random_use_is_judged_exactly_to_the_granularity,
    a_use_shortly_before_the_deadline_counts_although_nothing_is_written_in_between,
    a_use_that_cannot_be_written_yet_still_counts,
    uses_within_the_granularity_cost_no_write,
    a_clock_that_is_behind_moves_no_deadline_backwards,
    the_sweeper_moves_expired_sessions_into_the_history_with_their_reason,
    the_sweeper_does_not_take_an_unwritten_use_for_idleness,
    the_sweeper_survives_errors_and_counts_them,
    the_sweeper_runs_by_itself_and_forgets_old_history,
);

const MILLI: Duration = Duration::from_millis(1);

fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

/// The three kinds of session, each with its way in and its default pair of timeouts.
fn kinds() -> [(&'static str, Lifetime); 3] {
    let policy = Policy::default();
    [
        ("/login/alice", policy.lifetime),
        ("/remember/alice", policy.remember),
        ("/data/x/1", policy.anonymous),
    ]
}

/// Whether the browser's session, of whatever kind, is live. Counts as a use.
async fn is_live(browser: &mut Browser) -> bool {
    let live = browser.look(async |session: cloakroom::Session| {
        session.id().await.map(|id| id.is_some().to_string())
    });
    live.await.body == "true"
}

#[test]
fn the_default_timeouts_are_those_documented() {
    let [login, remembered, anonymous] = kinds().map(|(_, lifetime)| lifetime);
    let hours = |count: u64| minutes(60 * count);
    assert_eq!(login, Lifetime::new(hours(24), hours(24 * 30)));
    assert_eq!(remembered, Lifetime::new(hours(24 * 30), hours(24 * 90)));
    assert_eq!(anonymous, Lifetime::new(minutes(30), hours(24)));
}

/// Law 6: unused for T is always refused.
async fn a_session_unused_for_its_idle_timeout_has_ended(scene: Scene) {
    for (way_in, Lifetime { idle, .. }) in kinds() {
        for (unused, live) in [(idle - MILLI, true), (idle, false), (idle * 2, false)] {
            let mut browser = scene.browser();
            browser.post(way_in).await;
            scene.advance(unused);
            assert_eq!(is_live(&mut browser).await, live, "{way_in} unused for {unused:?}");
        }
    }
}

/// Law 6: the absolute timeout holds whatever a client does.
async fn a_session_that_is_used_goes_on_until_its_absolute_timeout(scene: Scene) {
    for (way_in, Lifetime { idle, absolute }) in kinds() {
        let mut browser = scene.browser();
        browser.post(way_in).await;
        let step = idle - granularity(idle) - MILLI;
        let mut age = Duration::ZERO;
        while age + step < absolute {
            scene.advance(step);
            age += step;
            assert!(is_live(&mut browser).await, "{way_in} after {age:?}");
        }
        scene.advance(absolute - age - MILLI);
        assert!(is_live(&mut browser).await, "{way_in} just before the end");
        scene.advance(MILLI);
        assert!(!is_live(&mut browser).await, "{way_in} at the end");
    }
}

fn with_lifetime(scene: &Scene, lifetime: Lifetime) -> Cloakroom {
    opened(scene.builder().policy(Policy { lifetime, ..Policy::default() }))
}

/// Law 6: idle and absolute timeout hold together.
async fn whichever_timeout_comes_first_ends_the_session(scene: Scene) {
    for (idle, absolute, end, reason) in [
        (10, 60, 10, EndReason::Idle),
        (60, 10, 10, EndReason::Absolute),
        (10, 10, 10, EndReason::Absolute),
    ] {
        let cloakroom = with_lifetime(&scene, Lifetime::new(minutes(idle), minutes(absolute)));
        let mut browser = Browser::at(&cloakroom);
        let id: SessionId = browser.log_in("alice").await.body.parse().unwrap();
        let mut other = browser.clone();
        scene.advance(minutes(end) - MILLI);
        let live = scene.sessions_of("alice").await;
        assert_eq!(live.len(), 1, "idle {idle} absolute {absolute}");
        scene.advance(MILLI);
        assert!(!is_live(&mut other).await, "idle {idle} absolute {absolute}");
        cloakroom.sessions().sweep().await.unwrap();
        assert_eq!(scene.end_reason(id).await, Some(reason));
    }
}

/// Law 6: used within T − g is never refused, unused for T always is; and nothing but time and
/// use decides.
async fn random_use_is_judged_exactly_to_the_granularity(scene: Scene) {
    for seed in seeds(rounds(20, 500)) {
        let mut random = Random::new(seed);
        let idle = Duration::from_secs(20 + random.below(5_000) as u64);
        let absolute = idle.mul_f64(0.5 + random.below(60) as f64 / 10.0);
        let cloakroom = with_lifetime(&scene, Lifetime::new(idle, absolute));
        let mut browser = Browser::at(&cloakroom);
        browser.log_in("alice").await;
        let (mut age, mut live) = (Duration::ZERO, true);
        while live && age < absolute {
            let pause = idle.mul_f64(random.below(1_100) as f64 / 1_000.0);
            scene.advance(pause);
            age += pause;
            live = is_live(&mut browser).await;
            let what = format!("CLOAKROOM_SEED={seed}: {idle:?} {absolute:?} {age:?} {pause:?}");
            let may_live = pause < idle && age < absolute;
            let must_live = pause + granularity(idle) < idle && age < absolute;
            assert!(live || !must_live, "refused too early; {what}");
            assert!(!live || may_live, "accepted too late; {what}");
            if random.once_in(3) {
                cloakroom.close().await.unwrap();
            }
        }
    }
}

/// Law 6: the process that sweeps may be another one.
async fn a_use_shortly_before_the_deadline_counts_although_nothing_is_written_in_between(
    scene: Scene,
) {
    let (here, elsewhere) = (scene.open(), scene.open());
    let mut browser = Browser::at(&here);
    browser.log_in("alice").await;
    scene.advance(Policy::default().lifetime.idle - Duration::from_secs(1));
    assert_eq!(browser.who().await, "alice");
    scene.advance(Duration::from_secs(2));
    elsewhere.sessions().sweep().await.unwrap();
    assert_eq!(browser.moved_to(&elsewhere).who().await, "alice");
    assert_eq!(browser.who().await, "alice");
}

async fn a_use_that_cannot_be_written_yet_still_counts(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    scene.probe.fail(Operation::Touch, Fault::Failed, u32::MAX);
    scene.advance(minutes(23 * 60));
    assert_eq!(browser.who().await, "alice");
    assert!(browser.cloakroom.close().await.is_err());
    scene.advance(minutes(2 * 60));
    let unknown = browser.get("/who").await;
    assert_eq!(unknown.status, 503, "a fault is no logout");
    scene.probe.repair();
    assert_eq!(browser.who().await, "alice");
}

async fn uses_within_the_granularity_cost_no_write(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    for _ in 0..5 {
        scene.advance(Duration::from_secs(11));
        browser.who().await;
    }
    assert_eq!(browser.cloakroom.sessions().flush().await.unwrap(), 0);
    scene.advance(Duration::from_secs(5));
    browser.who().await;
    browser.who().await;
    let seen = scene.sessions_of("alice").await[0].last_seen_at;
    browser.cloakroom.sessions().flush().await.unwrap();
    let moved = scene.sessions_of("alice").await[0].last_seen_at.since(seen);
    assert_eq!(moved, Duration::from_secs(60));
}

/// Law 6: never backwards.
async fn a_clock_that_is_behind_moves_no_deadline_backwards(scene: Scene) {
    let behind = cloakroom::testing::clock();
    let late_node = scene.builder().clock(behind.clone()).open().await.unwrap();
    scene.advance(minutes(10));
    let mut browser = scene.logged_in("alice").await;
    let seen = scene.sessions_of("alice").await[0].clone();
    let mut elsewhere = browser.moved_to(&late_node);
    behind.advance(minutes(2));
    assert_eq!(elsewhere.who().await, "alice");
    late_node.close().await.unwrap();
    let now = scene.sessions_of("alice").await[0].clone();
    assert_eq!(now.last_seen_at, seen.last_seen_at);
    assert_eq!(now.idle_deadline, seen.idle_deadline);
    assert_eq!(browser.who().await, "alice");
}

async fn the_sweeper_moves_expired_sessions_into_the_history_with_their_reason(scene: Scene) {
    let lifetime = Lifetime::new(minutes(30), minutes(60));
    let cloakroom = with_lifetime(&scene, lifetime);
    let (mut used, mut unused) = (Browser::at(&cloakroom), Browser::at(&cloakroom));
    let absolute: SessionId = used.log_in("alice").await.body.parse().unwrap();
    let idle: SessionId = unused.log_in("bob").await.body.parse().unwrap();
    Browser::at(&cloakroom).post("/data/x/1").await;
    for _ in 0..3 {
        scene.advance(minutes(20));
        used.who().await;
    }
    assert_eq!(scene.rows().await, 3);
    cloakroom.sessions().sweep().await.unwrap();
    assert_eq!(scene.rows().await, 0);
    assert_eq!(scene.end_reason(absolute).await, Some(EndReason::Absolute));
    assert_eq!(scene.end_reason(idle).await, Some(EndReason::Idle));
    let ended = scene.store().ended(idle).await.unwrap().unwrap();
    assert_eq!(ended.ended_at.since(ended.created_at), minutes(30), "it ended at its deadline");
    let report = cloakroom.sessions().sweep_report();
    assert_eq!((report.sessions, report.backlog, report.errors), (3, 0, 0));
}

async fn the_sweeper_does_not_take_an_unwritten_use_for_idleness(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    scene.advance(minutes(23 * 60));
    browser.who().await;
    scene.advance(minutes(2 * 60));
    browser.cloakroom.sessions().sweep().await.unwrap();
    assert_eq!(browser.who().await, "alice");
}

async fn the_sweeper_survives_errors_and_counts_them(scene: Scene) {
    let cloakroom = scene.open();
    Browser::at(&cloakroom).log_in("alice").await;
    scene.advance(minutes(25 * 60));
    scene.probe.fail(Operation::Sweep, Fault::Failed, 1);
    assert!(cloakroom.sessions().sweep().await.is_err());
    cloakroom.sessions().sweep().await.unwrap();
    let report = cloakroom.sessions().sweep_report();
    assert_eq!((report.sessions, report.errors), (1, 1));
}

async fn the_sweeper_runs_by_itself_and_forgets_old_history(scene: Scene) {
    let policy = Policy {
        sweep_interval: Duration::from_millis(5),
        sweep_batch: 2,
        history: minutes(60),
        ..Policy::default()
    };
    let cloakroom = scene.builder().policy(policy).open().await.unwrap();
    let mut ids: Vec<SessionId> = Vec::new();
    for _ in 0..5 {
        ids.push(Browser::at(&cloakroom).log_in("alice").await.body.parse().unwrap());
    }
    scene.advance(minutes(24 * 60));
    eventually("all five are swept", || async { scene.rows().await == 0 }).await;
    assert_eq!(scene.end_reason(ids[4]).await, Some(EndReason::Idle));
    scene.advance(minutes(61));
    let all_forgotten = || async {
        for id in &ids {
            if scene.end_reason(*id).await.is_some() {
                return false;
            }
        }
        true
    };
    eventually("the history is forgotten", all_forgotten).await;
}
