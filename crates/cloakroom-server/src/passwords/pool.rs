use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::gauge::{Gauge, Load};
use super::queue::{Queue, Work};
use super::{Argon, HashError, Hashing, Password, Verified};

/// Longest wait for a thread.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Too many passwords are being checked; the request is to be refused with 503.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many sign-ins at once; try again in {} s", retry_after.as_secs().max(1))]
pub struct Busy {
    /// How long to stay away: for the `Retry-After` header.
    pub retry_after: Duration,
}

/// How a pool works. The default is right for the server; tests choose their own.
#[derive(Clone, Copy, Debug)]
pub struct PoolOptions {
    /// Threads that hash: half the cores, at least one.
    pub threads: NonZeroUsize,
    /// Longest wait for a thread: 2 s.
    pub wait: Duration,
}

impl Default for PoolOptions {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let threads = NonZeroUsize::new(cores / 2).unwrap_or(NonZeroUsize::MIN);
        Self { threads, wait: LONGEST_WAIT }
    }
}

/// Threads of low priority that hash passwords, behind a queue of bounded wait.
///
/// Clones share the threads, which end when the last clone and the last permit are gone and all
/// waiting work is done.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    queue: Arc<Queue>,
    hashing: Arc<dyn Hashing>,
    /// What is verified when there is no user, so that the work is the same.
    dummy: Arc<str>,
}

impl Pool {
    /// Starts the threads. Makes one hash on the calling thread first, which measures how long one
    /// takes here (some 20 ms) and serves as the dummy.
    ///
    /// # Errors
    /// When that hash or the start of a thread fails.
    pub fn start() -> Result<Self, PoolError> {
        Self::start_with(PoolOptions::default(), Argon::owasp())
    }

    /// Starts a pool of another shape or with another way of hashing.
    ///
    /// # Errors
    /// As [`Pool::start`].
    pub fn start_with(options: PoolOptions, hashing: impl Hashing) -> Result<Self, PoolError> {
        let start = Instant::now();
        let dummy = hashing.hash(&Password::new("nobody's password".to_owned()))?;
        let gauge = Gauge::new(options.threads.get(), options.wait, start.elapsed());
        let queue = Arc::new(Queue::new(gauge));
        let inner =
            Inner { queue: Arc::clone(&queue), hashing: Arc::new(hashing), dummy: dummy.into() };
        // Built before the threads are: if one cannot start, dropping it ends the others.
        let pool = Self(Arc::new(inner));
        for number in 0..options.threads.get() {
            spawn(number, Arc::clone(&queue)).map_err(PoolError::Thread)?;
        }
        Ok(pool)
    }

    /// A place for one piece of work; ask for it before looking up who wants to log in.
    ///
    /// # Errors
    /// [`Busy`] when the wait would exceed the longest wait.
    pub fn admit(&self) -> Result<Permit, Busy> {
        self.0.queue.enter()?;
        Ok(Permit { pool: self.clone() })
    }

    /// How busy the pool is.
    pub fn load(&self) -> Load {
        self.0.queue.load()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Pool").field(&self.load()).finish()
    }
}

/// Why a pool did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// The first hash failed.
    #[error("passwords cannot be hashed on this machine")]
    Hash(#[from] HashError),
    /// A thread did not start.
    #[error("a thread for hashing passwords could not be started")]
    Thread(#[source] std::io::Error),
}

/// A place in the pool for one piece of work. Dropped unused, it is free at once; once used, it is
/// free when a thread is done with the work, whether or not anyone still waits for the answer.
#[derive(Debug)]
#[must_use = "dropping it gives the place back"]
pub struct Permit {
    pool: Pool,
}

impl Permit {
    /// Whether `hash` was made of `password`. Without a hash (unknown user) the same work is done
    /// on a dummy and the answer is wrong. The work is queued by the call, not by the first poll.
    ///
    /// For a hash that is outdated the work of a new one is done as well, whether the password is
    /// right or wrong, so that no user's answer is faster than that for an unknown one.
    ///
    /// Wrong also, with an error in the log, when the stored hash cannot be read.
    pub fn verify(
        self,
        password: Password,
        hash: Option<String>,
    ) -> impl Future<Output = Verified> + Send + use<> {
        let answer = self.queue(move |inner| inner.verify(&password, hash.as_deref()));
        async move { answer.await.unwrap_or(Verified::Wrong) }
    }

    /// A hash of `password` for storing.
    ///
    /// # Errors
    /// [`HashError`] when hashing failed. The work is queued by the call, not by the first poll.
    pub fn hash(
        self,
        password: Password,
    ) -> impl Future<Output = Result<String, HashError>> + Send + use<> {
        let answer = self.queue(move |inner| inner.hashing.hash(&password));
        async move { answer.await.unwrap_or(Err(HashError::Stopped)) }
    }

    fn queue<T: Send + 'static>(
        self,
        work: impl FnOnce(&Inner) -> T + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (reply, answer) = oneshot::channel();
        let queue = Arc::clone(&self.pool.0.queue);
        queue.push(Box::new(move || {
            let permit = self;
            if reply.is_closed() {
                return Work::Abandoned;
            }
            let done = work(&permit.pool.0);
            // Freed before the answer, so that who was answered finds the place free.
            drop(permit);
            // The asker may have gone meanwhile; then nobody needs the answer.
            let _ = reply.send(done);
            Work::Hashed
        }));
        answer
    }
}

impl Inner {
    fn verify(&self, password: &Password, hash: Option<&str>) -> Verified {
        let Some(hash) = hash else { return self.refuse(password) };
        let outdated = self.hashing.is_outdated(hash);
        match self.hashing.verify(password, hash) {
            Some(true) if outdated => self.renew(password),
            Some(true) => Verified::Right,
            Some(false) if outdated => self.refuse(password),
            Some(false) => Verified::Wrong,
            None => {
                tracing::error!("a stored password hash cannot be read");
                self.refuse(password)
            }
        }
    }

    fn refuse(&self, password: &Password) -> Verified {
        self.hashing.verify(password, &self.dummy);
        Verified::Wrong
    }

    fn renew(&self, password: &Password) -> Verified {
        match self.hashing.hash(password) {
            Ok(hash) => Verified::Outdated(hash),
            Err(error) => {
                tracing::error!(%error, "a password could not be hashed anew");
                Verified::Right
            }
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.pool.0.queue.leave();
    }
}

fn spawn(number: usize, queue: Arc<Queue>) -> std::io::Result<()> {
    let thread = thread::Builder::new().name(format!("password-{number}"));
    thread.spawn(move || {
        lower_priority();
        queue.work();
    })?;
    Ok(())
}

/// Requests of people who are logged in come before hashing. On Linux this concerns the calling
/// thread only; elsewhere it would slow the whole process and is not done.
fn lower_priority() {
    const NICE: i32 = 10;
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "hashing threads keep their priority");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = NICE;
}

#[cfg(test)]
mod tests;
