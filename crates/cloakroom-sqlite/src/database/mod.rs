//! The file: one writer, several readers, migrations.

mod connect;
mod job;
mod migrations;
mod owner;
mod readers;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cloakroom_core::{StoreAnswer, StoreError};
use rusqlite::Connection;

use crate::OpenError;
pub(crate) use job::Outcome;
pub use migrations::Migrations;
use readers::Readers;
use writer::Writer;

/// How to open a [`Database`]. Every field has the default it states.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long to wait for a lock that another process holds: 5 s.
    pub busy_timeout: Duration,
    /// How many reads can run at once: twice the processors, at least 4.
    pub readers: usize,
    /// How many writes can wait; one more is refused at once: 8 192.
    pub queue: usize,
    /// Whether the file may be another program's, with its tables beside ours: no.
    ///
    /// All our names begin with `cloakroom_`. The file gets a write-ahead log, which it then has
    /// for everybody who opens it; its `application_id`, `user_version` and mode stay as they
    /// are, and what is not ours in it is neither read nor checked. A transaction of the other
    /// program that writes makes ours wait, up to the busy timeout.
    pub beside_other_tables: bool,
}

impl Default for Options {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            busy_timeout: Duration::from_secs(5),
            readers: (2 * processors).max(4),
            queue: 8192,
            beside_other_tables: false,
        }
    }
}

impl Options {
    /// Opens the database at `path` and makes it if it is not there, readable and writable by
    /// this user only (mode 0600, whatever the umask).
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong; nothing was overwritten then.
    pub fn open(self, path: impl AsRef<Path>) -> Result<Database, OpenError> {
        let path = path.as_ref().to_owned();
        let connection = connect::first(&path, &self)?;
        let readers = Readers::open(&path, &self)?;
        let writer = Writer::start(connection, &path, self.queue)
            .map_err(|source| OpenError::Io { path: path.clone(), source })?;
        Ok(Database(Arc::new(Inner { readers, writer, path, options: self })))
    }
}

/// An SQLite file with one writer and several readers. Clones share them.
///
/// A read sees every write that was answered before it began. When the last clone is dropped,
/// the writes that wait are still done.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

struct Inner {
    // Dropped first: the writer's connection is then the last one and tidies up the WAL.
    readers: Readers,
    writer: Writer,
    path: PathBuf,
    options: Options,
}

/// What a [`Database`] has done since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// Writes answered.
    pub writes: u64,
    /// Transactions they took.
    pub transactions: u64,
}

impl Database {
    /// Opens the database at `path` with the default [`Options`].
    ///
    /// # Errors
    /// As [`Options::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Options::default().open(path)
    }

    /// Brings a component's tables up to date, each step in a transaction of its own. Several
    /// processes may do so at once.
    ///
    /// # Errors
    /// [`OpenError::Newer`] when a newer program has been here; nothing was changed then.
    pub fn migrate(&self, migrations: &Migrations) -> Result<(), OpenError> {
        let mut connection = connect::again(&self.0.path, self.0.options.busy_timeout)?;
        migrations.apply(&mut connection, &self.0.path)
    }

    /// Reads, on the calling thread. `read` must be quick and must not call back into this
    /// database; what it does in several statements is one snapshot only within a transaction of
    /// its own.
    ///
    /// # Errors
    /// [`StoreError::Failed`] with the error of `read`.
    pub fn read<T>(
        &self,
        operation: &'static str,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let read = self.0.readers.lend(read);
        read.map_err(|error| StoreError::failed(operation, error))
    }

    /// Writes, on the writer's thread: all of `write`, or nothing if it fails or panics.
    ///
    /// It is queued at once and runs to its end even if the answer is dropped. The answer comes
    /// after the commit. `write` must be quick, must not begin or end transactions, and must not
    /// wait for this database.
    ///
    /// # Errors
    /// In the answer: [`StoreError::Failed`] when nothing was written, also because too many
    /// writes are waiting; [`StoreError::Unknown`] when the commit may or may not have happened.
    pub fn write<T: Send + Unpin + 'static>(
        &self,
        operation: &'static str,
        write: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> StoreAnswer<'static, T> {
        self.attempt(operation, |connection| write(connection).map(Outcome::Keep))
    }

    /// As [`Database::write`], for a write that may take back what it did and still answer.
    pub(crate) fn attempt<T: Send + Unpin + 'static>(
        &self,
        operation: &'static str,
        write: impl FnOnce(&Connection) -> rusqlite::Result<Outcome<T>> + Send + 'static,
    ) -> StoreAnswer<'static, T> {
        self.0.writer.submit(operation, |connection| write(connection))
    }

    /// As [`Database::write`], for a write that has the connection to itself, so that it can be
    /// sent to another thread with what it is lent to.
    ///
    /// # Errors
    /// As [`Database::write`].
    pub fn write_alone<T: Send + Unpin + 'static>(
        &self,
        operation: &'static str,
        write: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> StoreAnswer<'static, T> {
        self.0.writer.submit(operation, |connection| write(connection).map(Outcome::Keep))
    }

    /// What it has done since it was opened.
    pub fn activity(&self) -> Activity {
        self.0.writer.activity()
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.0.path
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Database").field("path", &self.0.path).finish_non_exhaustive()
    }
}
