//! What outlives the process: a snapshot at the end, or snapshots and a journal all the while.

mod disk;
mod restore;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::journal::{Journal, JournalFile};
use super::snapshot::{self, Header};
use super::{Inner, MemoryOptions, MemoryStore, unpoisoned};
use crate::{Bucket, Chain, Clock, SystemClock, Timestamp};

use disk::NotReplaced;
pub(super) use disk::{create_private, sync_directory};

/// How soon a snapshot is tried again after one that failed, and while the journal is broken.
const MENDING: Duration = Duration::from_secs(5);

/// Where sessions in memory are kept while there is no process, and how often they are written.
/// One process uses a path at a time.
#[derive(Clone, Debug)]
pub struct MemoryFiles {
    /// The snapshot. Journals are beside it, with `.journal-` and a number behind its name.
    pub path: PathBuf,
    /// `None`: [`MemoryStore::save`] writes it at the end, and a crash takes everything. Else it
    /// is written this often, and what ends sessions, changes privileges or replaces credentials
    /// is in a journal on disk before it is done: a crash takes what else was written since the last snapshot, and
    /// brings no ended session back.
    pub every: Option<Duration>,
}

/// What was there when a store was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Restored {
    /// Sessions that are back, with those that expired meanwhile until they are swept.
    pub sessions: u64,
    /// When they were saved; `None` when there was no snapshot.
    pub saved_at: Option<Timestamp>,
    /// Acts from the journal, where the process before did not save at its end. What was written
    /// between that snapshot and the crash, and is not in the journal, is lost.
    pub replayed: Option<u64>,
    /// How far the clock was set back since they were saved, if by a second or more. They live so
    /// much longer.
    pub set_back: Option<Duration>,
    /// A snapshot that could not be used. Nothing of it was restored.
    pub set_aside: Option<SetAside>,
}

/// A snapshot that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Where it is now.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// A file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}", path.display())]
pub struct SnapshotError {
    action: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl SnapshotError {
    fn at(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { action, path, source }
    }
}

/// Writes the files of a store.
pub(super) struct Keeper {
    files: MemoryFiles,
    lineage: [u8; 16],
    /// Of the journal in use. Held while a snapshot is written.
    generation: Mutex<u64>,
    saved_at: AtomicI64,
    /// Begun with the store, as the one that sessions are judged by.
    clock: SystemClock,
    /// The thread that writes snapshots ends when this is dropped.
    _running: mpsc::Sender<()>,
}

impl Keeper {
    pub(super) fn interval(&self) -> Option<Duration> {
        self.files.every
    }

    /// Makes a journal. Its number counts only once it is there: with one left out, a snapshot is
    /// of no use.
    fn next_journal(&self, generation: &mut u64) -> io::Result<JournalFile> {
        let next = *generation + 1;
        let path = disk::journal(&self.files.path, next);
        let journal = JournalFile::create(&path, self.lineage, next)?;
        *generation = next;
        Ok(journal)
    }

    /// Writes a snapshot whole, then puts it in the place of the one before.
    fn write(&self, inner: &Inner, generation: u64, is_final: bool) -> Result<(), NotReplaced> {
        let saved_at = self.clock.now();
        let header = Header { lineage: self.lineage, generation, is_final, saved_at };
        disk::replace(&self.files.path, |file| {
            let shards =
                Bucket::all().map(|bucket| snapshot::copy_shard(bucket, &inner.shard(bucket)));
            let log = std::iter::once_with(|| snapshot::copy_log(&inner.log()));
            snapshot::write(file, header, shards.chain(log))
        })?;
        self.saved_at.store(saved_at.unix_millis(), Ordering::Relaxed);
        Ok(())
    }
}

impl MemoryStore {
    /// A store with what was saved at `files`. `now` is of the clock that sessions are judged by;
    /// it is compared with that of the saving ([`Restored::set_back`]). A snapshot is read and checked as a whole before anything of it counts. One that is
    /// damaged, or of a newer version, is set aside, and the store is empty.
    ///
    /// When this returns, no file is left that could bring back a session which ends from now on:
    /// without periodic snapshots the file is gone, with them a journal has begun. It blocks, for
    /// some seconds with a million sessions.
    ///
    /// # Errors
    /// A file cannot be read, removed or written.
    pub fn open(
        files: MemoryFiles,
        options: MemoryOptions,
        now: Timestamp,
    ) -> Result<(Self, Restored), SnapshotError> {
        let found = restore::find(&files.path, options, now)?;
        let store = Self(Arc::new(found.inner));
        let (running, stop) = mpsc::channel();
        let (path, every) = (files.path.clone(), files.every);
        let keeper = Keeper {
            files,
            lineage: found.lineage,
            generation: Mutex::new(found.generation),
            saved_at: AtomicI64::new(0),
            clock: SystemClock::new(),
            _running: running,
        };
        let keeper = store.0.files.get_or_init(|| keeper);
        match every {
            None => disk::discard(&path).map_err(SnapshotError::at("remove", &path))?,
            Some(every) => {
                let begun = begin(&store.0, keeper).and_then(|()| {
                    let (inner, name) = (Arc::downgrade(&store.0), "cloakroom-snapshots");
                    let builder = thread::Builder::new().name(name.to_owned());
                    builder.spawn(move || keep(&inner, every, &stop)).map(drop)
                });
                begun.map_err(SnapshotError::at("begin snapshots at", &path))?;
            }
        }
        Ok((store, found.restored))
    }

    /// Removes a snapshot and its journals, so that nothing comes back from them: for a start
    /// that keeps nothing. Sessions might end unseen meanwhile.
    ///
    /// # Errors
    /// A file cannot be removed.
    pub fn discard(path: &Path) -> Result<(), SnapshotError> {
        disk::discard(path).map_err(SnapshotError::at("remove", path))
    }

    /// Writes everything to the files that the store was opened with; the last act before the
    /// process ends. From its beginning every write fails, because it would be lost; if it cannot
    /// be saved, writes are possible again. It blocks.
    ///
    /// # Errors
    /// The snapshot cannot be written, or the store was not opened with files.
    pub fn save(&self) -> Result<u64, SnapshotError> {
        let Some(keeper) = self.0.files.get() else {
            let source = io::Error::other("the store was not opened with files");
            return Err(SnapshotError { action: "save to", path: PathBuf::new(), source });
        };
        let generation = unpoisoned(&keeper.generation);
        self.0.set_closed(true);
        // Its thread stops only with the store; then there is nothing left to wait for.
        let _ = self.0.journal.get().map(Journal::settle);
        let path = &keeper.files.path;
        if let Err(NotReplaced { error, in_place }) = keeper.write(&self.0, *generation, true) {
            // A file that may be there must not undo what would be written from now on.
            self.0.set_closed(in_place);
            return Err(SnapshotError::at("save to", path)(error));
        }
        disk::remove_journals(path, u64::MAX).map_err(SnapshotError::at("tidy", path))?;
        Ok(self.0.account.sessions())
    }

    /// Writes a snapshot now, as it is done periodically.
    ///
    /// # Errors
    /// It cannot be written. The one before still stands, with the journals since.
    pub fn snapshot(&self) -> Result<(), SnapshotError> {
        let (Some(keeper), Some(journal)) = (self.0.files.get(), self.0.journal.get()) else {
            return Ok(());
        };
        let path = &keeper.files.path;
        turn(&self.0, keeper, journal).map_err(SnapshotError::at("write the snapshot", path))
    }

    /// When the last snapshot was written, if any was.
    pub fn saved_at(&self) -> Option<Timestamp> {
        let millis = self.0.files.get()?.saved_at.load(Ordering::Relaxed);
        (millis != 0).then_some(Timestamp::from_unix_millis(millis))
    }
}

impl Inner {
    fn set_closed(&self, closed: bool) {
        let _turn = unpoisoned(&self.everyone);
        Bucket::all().for_each(|bucket| self.shard(bucket).closed = closed);
    }

    fn is_closed(&self) -> bool {
        Bucket::all().next().is_some_and(|bucket| self.shard(bucket).closed)
    }
}

/// The first journal and snapshot of a process.
fn begin(inner: &Inner, keeper: &Keeper) -> io::Result<()> {
    let mut generation = unpoisoned(&keeper.generation);
    let journal = Journal::start(keeper.next_journal(&mut generation)?)?;
    keeper.write(inner, *generation, false)?;
    inner.journal.get_or_init(|| journal);
    disk::remove_journals(&keeper.files.path, *generation)
}

/// A new journal, then a snapshot of what is done until then at least.
fn turn(inner: &Inner, keeper: &Keeper, journal: &Journal) -> io::Result<()> {
    let mut generation = unpoisoned(&keeper.generation);
    if inner.is_closed() {
        return Ok(());
    }
    journal.turn(keeper.next_journal(&mut generation)?)?;
    keeper.write(inner, *generation, false)?;
    disk::remove_journals(&keeper.files.path, *generation)
}

/// Writes snapshots until the store is dropped.
fn keep(inner: &Weak<Inner>, every: Duration, stop: &mpsc::Receiver<()>) {
    let mut due = Instant::now() + every;
    while stop.recv_timeout(MENDING.min(every)) == Err(RecvTimeoutError::Timeout) {
        let Some(store) = inner.upgrade().map(MemoryStore) else { return };
        let broken = store.0.journal.get().is_some_and(Journal::is_broken);
        if Instant::now() < due && !broken {
            continue;
        }
        match store.snapshot() {
            Ok(()) => due = Instant::now() + every,
            Err(error) => {
                tracing::error!(error = %Chain(&error), "no snapshot of the sessions; retrying")
            }
        }
    }
}
