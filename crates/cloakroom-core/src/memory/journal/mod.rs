//! The journal of ends: what must not come back after a crash, on disk before it is done.

mod entry;
mod file;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::thread;

use super::unpoisoned;
use crate::StoreError;

pub(super) use entry::Entry;
pub(super) use file::{JournalFile, Unfit, read};

const WHAT: &str = "write the journal of ends";

/// A thread that writes entries. Those that wait together are written and synced together.
pub(super) struct Journal(Arc<Queue>);

struct Queue {
    orders: Mutex<Orders>,
    wake: Condvar,
    broken: AtomicBool,
}

#[derive(Default)]
struct Orders {
    waiting: Vec<Order>,
    stopped: bool,
}

enum Order {
    Write(Vec<u8>, Then),
    /// What comes after goes into this file.
    Turn(Box<JournalFile>, mpsc::Sender<()>),
    /// Everything before is done.
    Settle(mpsc::Sender<()>),
}

type Then = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// The journal's thread is gone.
#[derive(Debug, thiserror::Error)]
#[error("the thread of the journal has stopped")]
struct Stopped;

impl Journal {
    pub(super) fn start(file: JournalFile) -> io::Result<Self> {
        let queue = Arc::new(Queue {
            orders: Mutex::default(),
            wake: Condvar::new(),
            broken: AtomicBool::new(false),
        });
        let writer = Arc::clone(&queue);
        let name = "cloakroom-journal".to_owned();
        thread::Builder::new().name(name).spawn(move || writer.run(file))?;
        Ok(Self(queue))
    }

    /// Does `then` once `entry` is on disk, or with the reason why it may not be. Entries are
    /// written, and what follows them is done, in the order of these calls.
    pub(super) fn write(
        &self,
        entry: Vec<u8>,
        then: impl FnOnce(Result<(), StoreError>) + Send + 'static,
    ) {
        self.order(Order::Write(entry, Box::new(then)));
    }

    /// Goes over to another file. Everything ordered before is done when this returns.
    pub(super) fn turn(&self, file: JournalFile) -> io::Result<()> {
        self.wait(|done| Order::Turn(Box::new(file), done))
    }

    /// Waits until everything ordered before is done.
    pub(super) fn settle(&self) -> io::Result<()> {
        self.wait(Order::Settle)
    }

    /// Whether nothing can be written until the next turn.
    pub(super) fn is_broken(&self) -> bool {
        self.0.broken.load(Ordering::Relaxed)
    }

    fn wait(&self, order: impl FnOnce(mpsc::Sender<()>) -> Order) -> io::Result<()> {
        let (done, waiting) = mpsc::channel();
        self.order(order(done));
        waiting.recv().map_err(|_| io::Error::other(Stopped))
    }

    fn order(&self, order: Order) {
        unpoisoned(&self.0.orders).waiting.push(order);
        self.0.wake.notify_one();
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        unpoisoned(&self.0.orders).stopped = true;
        self.0.wake.notify_one();
    }
}

impl Queue {
    fn run(&self, mut file: JournalFile) {
        while let Some(orders) = self.next() {
            let mut together = Vec::new();
            for order in orders {
                match order {
                    Order::Write(entry, then) => together.push((entry, then)),
                    Order::Turn(next, done) => {
                        self.commit(&mut file, &mut together);
                        file = *next;
                        self.broken.store(false, Ordering::Relaxed);
                        let _ = done.send(());
                    }
                    Order::Settle(done) => {
                        self.commit(&mut file, &mut together);
                        let _ = done.send(());
                    }
                }
            }
            self.commit(&mut file, &mut together);
        }
    }

    /// All that waits; `None` when nothing does and nothing will.
    fn next(&self) -> Option<Vec<Order>> {
        let mut orders = unpoisoned(&self.orders);
        while orders.waiting.is_empty() {
            if orders.stopped {
                return None;
            }
            orders = self.wake.wait(orders).unwrap_or_else(PoisonError::into_inner);
        }
        Some(std::mem::take(&mut orders.waiting))
    }

    fn commit(&self, file: &mut JournalFile, together: &mut Vec<(Vec<u8>, Then)>) {
        if together.is_empty() {
            return;
        }
        let (entries, thens): (Vec<_>, Vec<_>) = together.drain(..).unzip();
        let written =
            if self.is_broken() { Err(None) } else { file.append(&entries).map_err(Some) };
        if let Err(Some(error)) = &written {
            tracing::error!(%error, "the journal of ends cannot be written; ends are refused until \
                 the next snapshot");
            self.broken.store(true, Ordering::Relaxed);
        }
        for then in thens {
            let durable = match &written {
                Ok(()) => Ok(()),
                Err(None) => Err(StoreError::failed(WHAT, "an earlier write failed")),
                Err(Some(error)) => Err(StoreError::unknown(WHAT, error.to_string())),
            };
            // Whoever waits for one act learns that it is not known; the others go on.
            let _ = catch_unwind(AssertUnwindSafe(|| then(durable)));
        }
    }

    fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }
}
