use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Forward,
    Cut,
    Delay(Duration),
    Stall,
    HalfOpen,
    DropAnswers,
}

/// What goes wrong once.
#[derive(Clone, Debug)]
pub(super) enum Trigger {
    LoseAnswer(Vec<u8>),
    CutBeforeAnswer(Vec<u8>),
    LoseRequest(Vec<u8>),
    AfterBytes(usize),
}

/// What becomes of a piece on its way to the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    GoesOn,
    /// It goes on, and nothing that comes after it reaches the client.
    LosesItsAnswer,
    /// It goes on, and everything is cut when its answer comes.
    CutsAtItsAnswer,
    /// So many of its bytes go on, and its connection ends.
    EndsAfter(usize),
}

/// What the proxy and its connections share.
#[derive(Debug)]
pub(super) struct Shared {
    target: AtomicU16,
    mode: watch::Sender<Mode>,
    trigger: Mutex<Option<Trigger>>,
    listening: AtomicBool,
    taken: AtomicU64,
    open: AtomicU64,
    to_target: AtomicU64,
    to_clients: AtomicU64,
}

impl Shared {
    pub(super) fn new(target: u16) -> Self {
        Self {
            target: AtomicU16::new(target),
            mode: watch::Sender::new(Mode::Forward),
            trigger: Mutex::default(),
            listening: AtomicBool::default(),
            taken: AtomicU64::default(),
            open: AtomicU64::default(),
            to_target: AtomicU64::default(),
            to_clients: AtomicU64::default(),
        }
    }

    pub(super) fn target(&self) -> u16 {
        self.target.load(Ordering::SeqCst)
    }

    pub(super) fn lead_to(&self, target: u16) {
        self.target.store(target, Ordering::SeqCst);
    }

    pub(super) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    pub(super) fn mode(&self) -> watch::Receiver<Mode> {
        self.mode.subscribe()
    }

    pub(super) fn arm(&self, trigger: Trigger) {
        *self.trigger() = Some(trigger);
    }

    pub(super) fn disarm(&self) {
        *self.trigger() = None;
    }

    pub(super) fn is_armed(&self) -> bool {
        self.trigger().is_some()
    }

    /// Decides on a piece on its way to the target; what happens once is then done.
    pub(super) fn fate_of(&self, piece: &[u8]) -> Fate {
        let mut armed = self.trigger();
        let fate = match armed.as_mut() {
            Some(Trigger::LoseAnswer(part)) if holds(piece, part) => Fate::LosesItsAnswer,
            Some(Trigger::CutBeforeAnswer(part)) if holds(piece, part) => Fate::CutsAtItsAnswer,
            Some(Trigger::LoseRequest(part)) if holds(piece, part) => Fate::EndsAfter(0),
            Some(Trigger::AfterBytes(left)) if *left < piece.len() => Fate::EndsAfter(*left),
            Some(Trigger::AfterBytes(left)) => {
                *left -= piece.len();
                return Fate::GoesOn;
            }
            _ => return Fate::GoesOn,
        };
        *armed = None;
        fate
    }

    pub(super) fn listens(&self, listening: bool) {
        self.listening.store(listening, Ordering::SeqCst);
    }

    pub(super) fn is_listening(&self) -> bool {
        self.listening.load(Ordering::SeqCst)
    }

    pub(super) fn taken(&self) -> u64 {
        self.taken.load(Ordering::SeqCst)
    }

    pub(super) fn open(&self) -> u64 {
        self.open.load(Ordering::SeqCst)
    }

    pub(super) fn bytes_to_target(&self) -> u64 {
        self.to_target.load(Ordering::SeqCst)
    }

    pub(super) fn bytes_to_clients(&self) -> u64 {
        self.to_clients.load(Ordering::SeqCst)
    }

    pub(super) fn count_to_target(&self, bytes: usize) {
        self.to_target.fetch_add(bytes as u64, Ordering::SeqCst);
    }

    pub(super) fn count_to_clients(&self, bytes: usize) {
        self.to_clients.fetch_add(bytes as u64, Ordering::SeqCst);
    }

    /// Counts a connection from now until the value is dropped.
    pub(super) fn take(&self) -> Taken<'_> {
        self.taken.fetch_add(1, Ordering::SeqCst);
        self.open.fetch_add(1, Ordering::SeqCst);
        Taken(self)
    }

    fn trigger(&self) -> MutexGuard<'_, Option<Trigger>> {
        self.trigger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that is open.
#[derive(Debug)]
pub(super) struct Taken<'a>(&'a Shared);

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

fn holds(piece: &[u8], part: &[u8]) -> bool {
    part.is_empty() || piece.windows(part.len()).any(|window| window == part)
}
