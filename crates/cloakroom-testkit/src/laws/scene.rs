use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::runtime::{Builder, Runtime};

use crate::fixtures::{Draft, user};
use crate::random::Random;
use crate::steps::{Actor, interleave};
use crate::subject::Subject;

/// How the tasks of a race are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// On one thread; a seed chooses who goes on.
    Stepped,
    /// On four threads.
    Parallel,
}

impl Pace {
    pub(super) fn runtime(self) -> io::Result<Runtime> {
        match self {
            Self::Stepped => Builder::new_current_thread().enable_all().build(),
            Self::Parallel => Builder::new_multi_thread().worker_threads(4).enable_all().build(),
        }
    }
}

/// One round of a law: a store, tasks that race on it, and the random choices of the round.
#[derive(Debug)]
pub struct Scene {
    /// The store, with a yield point before and after each operation.
    pub store: Subject,
    /// The choices of this round.
    pub random: Random,
    pace: Pace,
    name: String,
}

impl Scene {
    /// A round. Rounds on one store do not meet: each has users of its own.
    pub fn new(store: Subject, mut random: Random, pace: Pace) -> Self {
        let name = format!("user-{:016x}", random.number());
        Self { store, random, pace, name }
    }

    /// The name of this round's user.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A login of this round's user under the epoch of this moment.
    pub async fn login(&self) -> Draft {
        let epoch = self.store.epoch(user(&self.name)).await;
        Draft::of(&self.name).epoch(epoch)
    }

    /// Runs the actors against each other to their ends.
    pub async fn race(&mut self, mut actors: Vec<Actor>) {
        for last in (1..actors.len()).rev() {
            actors.swap(last, self.random.below(last + 1));
        }
        match self.pace {
            Pace::Stepped => interleave(actors, Random::new(self.random.number())).await,
            Pace::Parallel => in_parallel(actors).await,
        }
    }
}

async fn in_parallel(actors: Vec<Actor>) {
    let tasks: Vec<_> = actors.into_iter().map(tokio::spawn).collect();
    for task in tasks {
        if let Err(error) = task.await {
            std::panic::resume_unwind(error.into_panic());
        }
    }
}

/// Something that has happened, as all actors see it.
#[derive(Clone, Debug, Default)]
pub(super) struct Event(Arc<AtomicBool>);

impl Event {
    pub(super) fn happen(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    pub(super) fn has_happened(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// A count that all actors add to.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally(Arc<AtomicU64>);

impl Tally {
    pub(super) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::SeqCst);
    }

    pub(super) fn total(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Makes an actor of a task that gets a store of its own and more.
pub(super) fn actor<F>(task: F) -> Actor
where
    F: Future<Output = ()> + Send + 'static,
{
    Box::pin(task)
}
