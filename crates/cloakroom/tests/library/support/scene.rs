use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cloakroom::{
    Builder, Cloakroom, EndReason, ManualClock, SecretKey, SessionId, SessionStore, Summary,
    UserId, testing,
};

use super::kept::{Fresh, Kept};
use super::{Browser, Probe};

/// The key that all applications of these tests share.
pub(crate) const KEY: [u8; 32] = *b"0 key of tests: 32 bytes, secret";

/// What opens without waiting: the store is there already.
pub(crate) fn opened(builder: Builder) -> Cloakroom {
    let mut open = std::pin::pin!(builder.open());
    let mut context = Context::from_waker(Waker::noop());
    match open.as_mut().poll(&mut context) {
        Poll::Ready(opened) => opened.unwrap(),
        Poll::Pending => panic!("a store that is open has to be waited for"),
    }
}

/// One store with a clock that stands, however many applications are opened on it.
pub(crate) struct Scene {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) probe: Probe,
    // Dropped after the store is closed.
    kept: Kept,
}

impl Scene {
    /// On a fresh store, if this machine can run it.
    pub(crate) fn on(fresh: Fresh) -> Option<Self> {
        let (store, kept) = fresh?;
        Some(Self { clock: testing::clock(), probe: Probe::around(store), kept })
    }

    /// How an application of this scene is built, until the test says otherwise.
    pub(crate) fn builder(&self) -> Builder {
        Cloakroom::store(self.probe.store())
            .key(SecretKey::from_bytes(KEY))
            .clock(self.clock.clone())
            .login_page("/login")
    }

    pub(crate) fn open(&self) -> Cloakroom {
        opened(self.builder())
    }

    /// A browser at the application of these tests.
    pub(crate) fn browser(&self) -> Browser {
        Browser::at(&self.open())
    }

    /// A browser in which a user is logged in.
    pub(crate) async fn logged_in(&self, user: &str) -> Browser {
        let mut browser = self.browser();
        browser.log_in(user).await;
        browser
    }

    pub(crate) fn advance(&self, duration: Duration) {
        self.clock.advance(duration);
    }

    pub(crate) fn advance_minutes(&self, minutes: u64) {
        self.clock.advance(Duration::from_secs(minutes * 60));
    }

    /// All bytes that the store has at rest.
    pub(crate) fn files(&self) -> Vec<u8> {
        self.kept.bytes()
    }

    /// The store behind the faults.
    pub(crate) fn store(&self) -> &dyn SessionStore {
        self.probe.behind()
    }

    pub(crate) async fn sessions_of(&self, user: &str) -> Vec<Summary> {
        let now = cloakroom::Clock::now(&*self.clock);
        self.store().sessions_of(UserId::new(user).unwrap(), now).await.unwrap()
    }

    /// Sessions of users and of strangers, expired ones included until they are swept.
    pub(crate) async fn rows(&self) -> u64 {
        let counts = self.store().counts(cloakroom::Clock::now(&*self.clock)).await.unwrap();
        counts.sessions + counts.anonymous
    }

    pub(crate) async fn end_reason(&self, id: SessionId) -> Option<EndReason> {
        self.store().ended(id).await.unwrap().map(|ended| ended.reason)
    }
}
