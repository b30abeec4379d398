use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::gauge::{Gauge, Load};
use super::pool::Busy;

/// A piece of work; it holds its own place in the queue until it is dropped.
pub(super) type Job = Box<dyn FnOnce() -> Work + Send>;

/// What a job did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// One hash.
    Hashed,
    /// Nothing: nobody was waiting for it any more.
    Abandoned,
}

/// Jobs that wait, and how many may.
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    jobs: VecDeque<Job>,
    gauge: Gauge,
    admitted: usize,
    hashed: u64,
    refused: u64,
    closed: bool,
}

impl Queue {
    pub(super) fn new(gauge: Gauge) -> Self {
        let jobs = VecDeque::new();
        let state = State { jobs, gauge, admitted: 0, hashed: 0, refused: 0, closed: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Takes a place, or says how long to stay away.
    pub(super) fn enter(&self) -> Result<(), Busy> {
        let mut state = self.lock();
        if state.admitted >= state.gauge.capacity() {
            state.refused += 1;
            return Err(Busy { retry_after: state.gauge.wait() });
        }
        state.admitted += 1;
        Ok(())
    }

    /// Gives a place back.
    pub(super) fn leave(&self) {
        self.lock().admitted -= 1;
    }

    /// Adds a job whose place was taken before.
    pub(super) fn push(&self, job: Job) {
        self.lock().jobs.push_back(job);
        self.changed.notify_one();
    }

    /// Lets the threads end once nothing waits any more.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Does jobs until the queue is closed and empty.
    pub(super) fn work(&self) {
        while let Some(job) = self.next() {
            let start = Instant::now();
            // A thread that is lost would be missed by every later login; the asker sees a failure.
            match catch_unwind(AssertUnwindSafe(job)) {
                Ok(Work::Hashed) => self.note(start.elapsed()),
                Ok(Work::Abandoned) => {}
                Err(_) => tracing::error!("hashing a password panicked"),
            }
        }
    }

    pub(super) fn load(&self) -> Load {
        let state = self.lock();
        Load {
            threads: state.gauge.threads(),
            admitted: state.admitted,
            capacity: state.gauge.capacity(),
            average: state.gauge.average(),
            hashed: state.hashed,
            refused: state.refused,
        }
    }

    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn note(&self, took: Duration) {
        let mut state = self.lock();
        state.hashed += 1;
        state.gauge.note(took);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs under the lock, so the state is whole even then.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
