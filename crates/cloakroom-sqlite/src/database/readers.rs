use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::{Options, connect};
use crate::OpenError;

/// Read-only connections, lent to the calling thread for the time of a read.
pub(super) struct Readers {
    pool: Mutex<Pool>,
    returned: Condvar,
}

struct Pool {
    idle: Vec<Connection>,
    waiting: usize,
}

impl Readers {
    pub(super) fn open(path: &Path, options: &Options) -> Result<Self, OpenError> {
        let idle = (0..options.readers.max(1))
            .map(|_| connect::reader(path, options.busy_timeout))
            .collect::<Result<_, _>>()?;
        Ok(Self { pool: Mutex::new(Pool { idle, waiting: 0 }), returned: Condvar::new() })
    }

    pub(super) fn lend<T>(&self, read: impl FnOnce(&Connection) -> T) -> T {
        let lent = Lent { readers: self, connection: Some(self.take()) };
        read(lent.connection.as_ref().expect("it is given back only by the drop"))
    }

    fn take(&self) -> Connection {
        let mut pool = self.pool();
        loop {
            if let Some(connection) = pool.idle.pop() {
                return connection;
            }
            pool.waiting += 1;
            pool = self.returned.wait(pool).unwrap_or_else(PoisonError::into_inner);
            pool.waiting -= 1;
        }
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        // Nothing under this lock can panic half-way.
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives the connection back, also when the read panics.
struct Lent<'a> {
    readers: &'a Readers,
    connection: Option<Connection>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        if !connection.is_autocommit() {
            // An old snapshot would hide later writes. If it stays, reads fail at their BEGIN.
            let _ = connection.execute_batch("ROLLBACK");
        }
        let mut pool = self.readers.pool();
        pool.idle.push(connection);
        // A wake-up is a system call even when nobody waits.
        if pool.waiting > 0 {
            self.readers.returned.notify_one();
        }
    }
}
