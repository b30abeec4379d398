//! A bounded number of connections, and who may wait for one.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use deadpool::managed::{Manager, Metrics, Object, Pool, PoolError, RecycleResult, Timeouts};
use deadpool_postgres::{ClientWrapper, ManagerConfig, RecyclingMethod};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Error, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::options::Options;
use super::target::Target;
use crate::Value;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The connections of a database.
pub(super) struct Connections {
    pool: Pool<Maker>,
    timeouts: Timeouts,
    most_waiting: usize,
    is_pooled: bool,
}

/// Why there is no connection. Nothing was sent then.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unavailable {
    #[error("busy: too many requests are waiting for a connection")]
    Busy,
    #[error("busy: no connection became free in time")]
    NotInTime,
    #[error("the server cannot be reached")]
    Connect(#[source] Error),
    #[error("connecting took too long")]
    Slow,
    #[error("the server could not be reached a moment ago")]
    Pausing,
}

impl Connections {
    pub(super) fn new(target: &Target, tls: MakeRustlsConnect, options: &Options) -> Self {
        let recycling_method = RecyclingMethod::Fast;
        let maker = deadpool_postgres::Manager::from_config(
            target.config.clone(),
            tls,
            ManagerConfig { recycling_method },
        );
        let maker = Maker { maker, pause: Mutex::default() };
        let pool = Pool::builder(maker)
            .max_size(options.connections.max(1))
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .expect("the runtime that waits need is named");
        let timeouts = Timeouts {
            wait: Some(options.wait),
            create: Some(options.connect_timeout),
            recycle: Some(options.connect_timeout),
        };
        Self { pool, timeouts, most_waiting: options.waiting, is_pooled: options.pooler }
    }

    /// Lends a connection. Refuses at once when too many wait already, so that a database that
    /// is slow or away does not gather requests that nobody waits for any more.
    pub(super) async fn lend(&self) -> Result<Lent, Unavailable> {
        if self.pool.status().waiting >= self.most_waiting {
            return Err(Unavailable::Busy);
        }
        let lent = self.pool.timeout_get(&self.timeouts).await.map_err(|error| match error {
            PoolError::Backend(NotMade::Connect(error)) => Unavailable::Connect(error),
            PoolError::Backend(NotMade::Pausing) => Unavailable::Pausing,
            PoolError::Timeout(deadpool::managed::TimeoutType::Create) => {
                self.pool.manager().failed();
                Unavailable::Slow
            }
            _ => Unavailable::NotInTime,
        })?;
        Ok(Lent { client: Some(lent), is_clean: AtomicBool::new(true), is_pooled: self.is_pooled })
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Connections")
    }
}

/// Makes connections, and after a failure not at once again.
struct Maker {
    maker: deadpool_postgres::Manager,
    pause: Mutex<Pause>,
}

#[derive(Default)]
struct Pause {
    length: Duration,
    until: Option<Instant>,
}

enum NotMade {
    Connect(Error),
    Pausing,
}

impl Maker {
    fn is_pausing(&self) -> bool {
        self.pause().until.is_some_and(|until| Instant::now() < until)
    }

    fn failed(&self) {
        let mut pause = self.pause();
        pause.length = (pause.length * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        pause.until = Some(Instant::now() + pause.length);
    }

    fn pause(&self) -> std::sync::MutexGuard<'_, Pause> {
        // Nothing under this lock can panic half-way.
        self.pause.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Manager for Maker {
    type Type = ClientWrapper;
    type Error = NotMade;

    async fn create(&self) -> Result<ClientWrapper, NotMade> {
        if self.is_pausing() {
            return Err(NotMade::Pausing);
        }
        match self.maker.create().await {
            Ok(client) => {
                *self.pause() = Pause::default();
                Ok(client)
            }
            Err(error) => {
                self.failed();
                Err(NotMade::Connect(error))
            }
        }
    }

    async fn recycle(
        &self,
        client: &mut ClientWrapper,
        metrics: &Metrics,
    ) -> RecycleResult<NotMade> {
        let again = self.maker.recycle(client, metrics).await;
        again.map_err(|_| deadpool::managed::RecycleError::message("the connection is closed"))
    }

    fn detach(&self, client: &mut ClientWrapper) {
        self.maker.detach(client);
    }
}

/// A connection on loan. Dropped while something is under way on it, it is closed, so that
/// nobody gets it with an open transaction or somebody else's answer.
pub(super) struct Lent {
    client: Option<Object<Maker>>,
    is_clean: AtomicBool,
    is_pooled: bool,
}

impl Lent {
    /// One statement. In a round trip of its own the first time, unless a pooler is between.
    pub(super) async fn prepare(&self, sql: &str, values: &[Value]) -> Result<Prepared, Error> {
        let kinds: Vec<Type> = values.iter().map(Value::kind).collect();
        if self.is_pooled {
            return Ok(Prepared::Unnamed(kinds));
        }
        self.busy(self.client().prepare_typed_cached(sql, &kinds)).await.map(Prepared::Named)
    }

    pub(super) async fn query(
        &self,
        sql: &str,
        prepared: &Prepared,
        values: &[Value],
    ) -> Result<Vec<Row>, Error> {
        match prepared {
            Prepared::Named(statement) => {
                self.busy(self.client().query(statement, &references(values))).await
            }
            Prepared::Unnamed(kinds) => {
                self.busy(self.client().query_typed(sql, &typed(values, kinds))).await
            }
        }
    }

    pub(super) async fn execute(
        &self,
        sql: &str,
        prepared: &Prepared,
        values: &[Value],
    ) -> Result<u64, Error> {
        match prepared {
            Prepared::Named(statement) => {
                self.busy(self.client().execute(statement, &references(values))).await
            }
            Prepared::Unnamed(kinds) => {
                self.busy(self.client().execute_typed(sql, &typed(values, kinds))).await
            }
        }
    }

    /// Statements without parameters, in one round trip.
    pub(super) async fn batch(&self, sql: &str) -> Result<(), Error> {
        self.busy(self.client().batch_execute(sql)).await
    }

    /// Whether it is known to be closed; what is sent now does not arrive.
    pub(super) fn is_closed(&self) -> bool {
        self.client().is_closed()
    }

    /// Has it closed when it is dropped, whatever comes.
    pub(super) fn discard(mut self) {
        drop(self.client.take().map(Object::take));
    }

    /// Marks a transaction as open or over.
    pub(super) fn set_clean(&self, is_clean: bool) {
        self.is_clean.store(is_clean, Ordering::Relaxed);
    }

    /// Not clean until `act` is done.
    async fn busy<T>(&self, act: impl Future<Output = T>) -> T {
        let before = self.is_clean.swap(false, Ordering::Relaxed);
        let done = act.await;
        self.is_clean.store(before, Ordering::Relaxed);
        done
    }

    fn client(&self) -> &ClientWrapper {
        self.client.as_ref().expect("it is given back only by the drop")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.is_clean.load(Ordering::Relaxed) {
            drop(self.client.take().map(Object::take));
        }
    }
}

/// A statement that can be sent.
pub(super) enum Prepared {
    Named(tokio_postgres::Statement),
    /// Sent with its text: behind a pooler the next statement may reach another connection.
    Unnamed(Vec<Type>),
}

fn references(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

fn typed<'a>(values: &'a [Value], kinds: &[Type]) -> Vec<(&'a (dyn ToSql + Sync), Type)> {
    references(values).into_iter().zip(kinds.iter().cloned()).collect()
}
