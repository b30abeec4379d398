use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use cloakroom_core::{Answer, StoreAnswer, StoreError};
use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;

use super::Activity;
use super::connect::beside;
use super::job::{Fate, Job, Outcome, Pending, execute};

/// Most writes in one transaction.
const MOST_TOGETHER: usize = 256;

/// Above this, the WAL is written back and cut even if that makes writers wait.
const WAL_TOO_LARGE_BYTES: u64 = 64 * 1024 * 1024;

type Queued = Box<dyn Job>;

/// The one thread that writes.
pub(super) struct Writer {
    queue: Option<SyncSender<Queued>>,
    thread: Option<JoinHandle<()>>,
    counters: Arc<Counters>,
}

#[derive(Default)]
struct Counters {
    writes: AtomicU64,
    transactions: AtomicU64,
}

impl Writer {
    pub(super) fn start(connection: Connection, path: &Path, queue: usize) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(queue.max(1));
        let counters = Arc::new(Counters::default());
        let mut work =
            Work { connection, wal: beside(path, "-wal"), counters: Arc::clone(&counters) };
        let thread = std::thread::Builder::new()
            .name("cloakroom-sqlite".to_owned())
            .spawn(move || work.run(&receiver))?;
        Ok(Self { queue: Some(sender), thread: Some(thread), counters })
    }

    /// Queues a write; never waits for room.
    pub(super) fn submit<T: Send + Unpin + 'static>(
        &self,
        operation: &'static str,
        act: impl FnOnce(&mut Connection) -> rusqlite::Result<Outcome<T>> + Send + 'static,
    ) -> StoreAnswer<'static, T> {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Pending::new(operation, act, reply));
        let refusal = match self.queue.as_ref().map(|queue| queue.try_send(job)) {
            Some(Ok(())) => return wait(operation, answer),
            Some(Err(TrySendError::Full(_))) => "busy: too many writes are waiting",
            Some(Err(TrySendError::Disconnected(_))) | None => "the writer has stopped",
        };
        Answer::ready(Err(StoreError::failed(operation, refusal)))
    }

    pub(super) fn activity(&self) -> Activity {
        Activity {
            writes: self.counters.writes.load(Ordering::Relaxed),
            transactions: self.counters.transactions.load(Ordering::Relaxed),
        }
    }
}

fn wait<T: Send + 'static>(
    operation: &'static str,
    answer: oneshot::Receiver<Result<T, StoreError>>,
) -> StoreAnswer<'static, T> {
    Answer::pending(async move {
        answer.await.unwrap_or_else(|gone| Err(StoreError::unknown(operation, gone)))
    })
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Without senders the thread drains the queue and returns.
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the writer of the session database panicked");
        }
    }
}

/// What the thread owns.
struct Work {
    connection: Connection,
    wal: PathBuf,
    counters: Arc<Counters>,
}

impl Work {
    fn run(&mut self, queue: &Receiver<Queued>) {
        while let Ok(first) = queue.recv() {
            let mut waiting: VecDeque<_> =
                std::iter::once(first).chain(queue.try_iter()).take(MOST_TOGETHER).collect();
            while !waiting.is_empty() {
                self.together(&mut waiting);
            }
            self.keep_wal_small();
        }
    }

    /// One transaction with as many of `waiting` as it survives; they are answered after it.
    fn together(&mut self, waiting: &mut VecDeque<Queued>) {
        let mut done = Vec::with_capacity(waiting.len());
        let fate = match begin(&self.connection) {
            Err(error) => {
                done.extend(waiting.drain(..));
                Fate::RolledBack(Arc::new(error))
            }
            Ok(()) => match self.run_all(waiting, &mut done) {
                Ok(()) => commit(&self.connection),
                Err(fate) => fate,
            },
        };
        self.count(done.len(), &fate);
        for job in done {
            job.answer(&fate);
        }
    }

    fn run_all(
        &mut self,
        waiting: &mut VecDeque<Queued>,
        done: &mut Vec<Queued>,
    ) -> Result<(), Fate> {
        while let Some(mut job) = waiting.pop_front() {
            job.run(&mut self.connection);
            done.push(job);
            // Some errors (disk full, no memory, I/O) make SQLite roll the transaction back.
            if self.connection.is_autocommit() {
                let error = rusqlite::Error::SqliteFailure(
                    rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT_ROLLBACK),
                    Some("another write made the database roll the transaction back".to_owned()),
                );
                return Err(Fate::RolledBack(Arc::new(error)));
            }
        }
        Ok(())
    }

    fn count(&self, writes: usize, fate: &Fate) {
        self.counters.writes.fetch_add(writes as u64, Ordering::Relaxed);
        self.counters.transactions.fetch_add(1, Ordering::Relaxed);
        if let Fate::RolledBack(error) | Fate::Unknown(error) = fate {
            tracing::error!(writes, %error, "a transaction of the session database failed");
        }
    }

    /// SQLite writes the WAL back by itself, but readers that overlap without a gap can keep it
    /// from ever starting again at the front.
    fn keep_wal_small(&self) {
        if file_bytes(&self.wal) > WAL_TOO_LARGE_BYTES {
            let cut = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            if let Err(error) = cut {
                tracing::warn!(%error, "the WAL of the session database could not be cut");
            }
        }
    }
}

fn begin(connection: &Connection) -> rusqlite::Result<()> {
    if !connection.is_autocommit() {
        // Left over from a commit that could not even be rolled back.
        execute(connection, "ROLLBACK")?;
    }
    execute(connection, "BEGIN IMMEDIATE")
}

fn commit(connection: &Connection) -> Fate {
    let Err(error) = execute(connection, "COMMIT") else {
        return Fate::Committed;
    };
    let undone = connection.is_autocommit() || execute(connection, "ROLLBACK").is_ok();
    if undone && came_before_writing(&error) {
        Fate::RolledBack(Arc::new(error))
    } else {
        // The commit record may have reached the disk: a crash now could bring it back.
        Fate::Unknown(Arc::new(error))
    }
}

fn came_before_writing(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::ConstraintViolation)
    )
}

fn file_bytes(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}
