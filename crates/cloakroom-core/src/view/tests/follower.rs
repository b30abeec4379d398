use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::log::TestLog;
use super::{NOW, claims, entry, id};
use crate::view::{Denial, Follower, FollowerOptions, RevocationView};
use crate::{Change, Clock, Timestamp};

/// The clock of the paused runtime.
#[derive(Debug)]
struct Virtual(Instant);

impl Clock for Virtual {
    fn now(&self) -> Timestamp {
        NOW.after(self.0.elapsed())
    }
}

struct Scene {
    log: Arc<TestLog>,
    view: Arc<RevocationView>,
    clock: Arc<Virtual>,
    bell: Arc<Notify>,
    follower: Follower,
}

impl Scene {
    fn new() -> Self {
        let (log, view) = (Arc::new(TestLog::new(1, 1)), Arc::new(RevocationView::new()));
        let (clock, bell) = (Arc::new(Virtual(Instant::now())), Arc::new(Notify::new()));
        let follower = Follower::start(
            Arc::clone(&view),
            Arc::clone(&log) as _,
            Arc::clone(&clock) as _,
            Arc::clone(&bell),
            FollowerOptions::default(),
        );
        Self { log, view, clock, bell, follower }
    }

    fn end(&self, number: u64) {
        self.log.add([entry(Change::Ended(id(number)))]);
    }

    fn denies(&self, number: u64) -> bool {
        self.view.deny(&claims(id(number), None)) == Some(Denial::SessionEnded)
    }

    /// How long it takes until an end is denied.
    async fn until_denied(&self, number: u64) -> Duration {
        let start = Instant::now();
        while !self.denies(number) {
            pass(Duration::from_millis(1)).await;
        }
        start.elapsed()
    }
}

async fn pass(duration: Duration) {
    let _ = timeout(duration, pending::<()>()).await;
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn it_loads_and_then_polls_at_its_interval_or_at_the_bell() {
    let scene = Scene::new();
    assert_eq!(scene.follower.age(), None);
    scene.end(1);
    assert!(scene.follower.catch_up().await);
    assert!(scene.denies(1));
    // The bell that the call rang is heard once more.
    pass(Duration::from_millis(10)).await;
    scene.end(2);
    let waited = scene.until_denied(2).await;
    assert!((300..=560).contains(&waited.as_millis()), "{waited:?}");
    scene.end(3);
    scene.bell.notify_one();
    assert!(scene.until_denied(3).await.as_millis() <= 2);
}

#[tokio::test(start_paused = true)]
async fn its_age_counts_from_the_moment_a_good_poll_was_sent() {
    let scene = Scene::new();
    scene.log.set(|state| state.delay = Duration::from_millis(300));
    let sent = scene.clock.now();
    assert!(scene.follower.catch_up().await);
    // The first poll was on its way already when the call came or the second was sent for it.
    let read_at = scene.follower.read_at().unwrap();
    let later = read_at.since(sent).as_millis();
    assert!(later <= 310, "{later}");
    assert_eq!(scene.clock.now().since(read_at).as_millis() / 10, 30);
    assert_eq!(scene.follower.age(), Some(scene.clock.now().since(read_at)));
    pass(Duration::from_millis(100)).await;
    assert_eq!(scene.follower.age().map(|age| age.as_millis() / 10), Some(40));
}

#[tokio::test(start_paused = true)]
async fn an_outage_ages_it_and_it_is_back_within_a_second() {
    let scene = Scene::new();
    assert!(scene.follower.catch_up().await);
    scene.log.set(|state| (state.is_down, state.asked) = (true, 0));
    pass(30 * SECOND).await;
    assert!(scene.follower.age().unwrap() >= 29 * SECOND);
    let asked = scene.log.set(|state| state.asked);
    assert!((30..=90).contains(&asked), "{asked}");
    scene.end(1);
    scene.log.set(|state| state.is_down = false);
    assert!(scene.until_denied(1).await < SECOND);
    assert!(scene.follower.age().unwrap() < SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_bell_that_rings_in_an_outage_does_not_wake_it() {
    let scene = Scene::new();
    assert!(scene.follower.catch_up().await);
    scene.log.set(|state| (state.is_down, state.asked) = (true, 0));
    for _ in 0..1_000 {
        scene.bell.notify_one();
        pass(Duration::from_millis(10)).await;
    }
    let asked = scene.log.set(|state| state.asked);
    assert!(asked <= 40, "{asked}");
}

#[tokio::test(start_paused = true)]
async fn a_log_that_does_not_answer_has_failed_after_a_time() {
    let scene = Scene::new();
    assert!(scene.follower.catch_up().await);
    scene.log.set(|state| state.delay = 10_000 * SECOND);
    pass(SECOND).await;
    scene.log.set(|state| state.delay = Duration::ZERO);
    scene.end(1);
    let waited = scene.until_denied(1).await;
    assert!(waited <= 3 * SECOND, "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn catching_up_waits_for_a_poll_that_was_sent_afterwards() {
    let scene = Scene::new();
    assert!(scene.follower.catch_up().await);
    scene.log.set(|state| state.delay = Duration::from_millis(200));
    for number in 0..50 {
        pass(Duration::from_millis(number * 7 % 90)).await;
        // A poll may be under way that has passed this end already.
        scene.end(number);
        assert!(scene.follower.catch_up().await);
        assert!(scene.denies(number), "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn it_stops_when_it_is_dropped() {
    let Scene { log, view, follower, .. } = Scene::new();
    assert!(follower.catch_up().await);
    drop(follower);
    while Arc::strong_count(&log) > 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(Arc::strong_count(&view), 1);
}
