//! A proxy on loopback TCP that does to connections what networks do.

mod carry;
mod state;

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;

use super::{free_port, wait_until};
use state::{Mode, Shared, Trigger};

const TIME_TO_ACT: Duration = Duration::from_secs(10);

/// Forwards every connection to a port of this machine, until it is told to do worse.
///
/// It works in threads of its own, so a test may block while it does. One thing is wrong at a
/// time: each call replaces what was wrong before.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
}

impl Proxy {
    /// Starts one before this port of 127.0.0.1, where nobody needs to listen yet.
    #[track_caller]
    pub fn before(target: u16) -> Self {
        let (port, shared) = (free_port(), Arc::new(Shared::new(target)));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("proxy")
            .enable_all()
            .build()
            .unwrap_or_else(|fault| panic!("cannot start a proxy: {fault}"));
        runtime.spawn(carry::listen(port, Arc::clone(&shared)));
        let proxy = Self { port, shared, runtime: Some(runtime) };
        proxy.wait_until_listening();
        proxy
    }

    /// Its own port at 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A URL with its own port in the place of the target's.
    pub fn instead_in(&self, url: &str) -> String {
        let (theirs, ours) = (format!(":{}", self.shared.target()), format!(":{}", self.port));
        url.replacen(&theirs, &ours, 1)
    }

    /// Leads to another port of this machine from now on, and resets the connections there are.
    #[track_caller]
    pub fn lead_to(&self, target: u16) {
        self.shared.lead_to(target);
        self.reset();
    }

    /// Resets all connections and refuses new ones, and returns when that is done.
    #[track_caller]
    pub fn cut(&self) {
        self.shared.set(Mode::Cut);
        wait_until("the proxy has cut all", TIME_TO_ACT, || {
            self.open() == 0 && !self.shared.is_listening()
        });
    }

    /// Resets the connections there are, and takes new ones at once.
    #[track_caller]
    pub fn reset(&self) {
        self.cut();
        self.heal();
    }

    /// Keeps each piece for this long before it goes on, either way.
    pub fn delay(&self, by: Duration) {
        self.shared.set(Mode::Delay(by));
    }

    /// Nothing goes on, nothing is lost and nothing is closed; new connections are taken, and
    /// stay silent. As when a cable is pulled: what waits goes on when all is well again.
    pub fn stall(&self) {
        self.shared.set(Mode::Stall);
    }

    /// Swallows everything either way and closes nothing; new connections are taken, and stay
    /// silent. As when a router has forgotten them: connections from that time, and those that
    /// lost something, are reset when all is well again.
    pub fn half_open(&self) {
        self.shared.set(Mode::HalfOpen);
    }

    /// Requests go on, answers are swallowed. A connection that lost an answer is reset when all
    /// is well again.
    pub fn drop_answers(&self) {
        self.shared.set(Mode::DropAnswers);
    }

    /// Lets a request that holds `part` through, and resets its connection in the place of the
    /// answer: the client cannot know what became of it. Once; an empty `part` means the next
    /// request. Works on what is not encrypted.
    pub fn lose_answer_to(&self, part: impl AsRef<[u8]>) {
        self.shared.arm(Trigger::LoseAnswer(part.as_ref().to_vec()));
    }

    /// The same, and from that moment on it is as after [`Proxy::cut`]: asking again does not help.
    pub fn cut_before_answer_to(&self, part: impl AsRef<[u8]>) {
        self.shared.arm(Trigger::CutBeforeAnswer(part.as_ref().to_vec()));
    }

    /// Resets a connection in the place of a request that holds `part`, which the target never
    /// sees. Once; an empty `part` means the next request.
    pub fn lose_request(&self, part: impl AsRef<[u8]>) {
        self.shared.arm(Trigger::LoseRequest(part.as_ref().to_vec()));
    }

    /// Resets the connection that carries the byte after the next `count` towards the target. Once.
    pub fn cut_after_bytes(&self, count: usize) {
        self.shared.arm(Trigger::AfterBytes(count));
    }

    /// Whether what was armed to happen once has happened, or nothing was.
    pub fn has_struck(&self) -> bool {
        !self.shared.is_armed()
    }

    /// All is well again, for new connections at once.
    #[track_caller]
    pub fn heal(&self) {
        self.shared.disarm();
        self.shared.set(Mode::Forward);
        self.wait_until_listening();
    }

    /// The connections that it has taken so far.
    pub fn taken(&self) -> u64 {
        self.shared.taken()
    }

    /// The connections that are open now.
    pub fn open(&self) -> u64 {
        self.shared.open()
    }

    /// The bytes that have gone on to the target.
    pub fn bytes_to_target(&self) -> u64 {
        self.shared.bytes_to_target()
    }

    /// The bytes that have gone on to clients.
    pub fn bytes_to_clients(&self) -> u64 {
        self.shared.bytes_to_clients()
    }

    #[track_caller]
    fn wait_until_listening(&self) {
        wait_until("the proxy listens", TIME_TO_ACT, || self.shared.is_listening());
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Without waiting, which a value dropped in an async test must not do.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests;
