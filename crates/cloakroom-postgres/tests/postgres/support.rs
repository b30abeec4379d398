use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use cloakroom_core::{SessionStore, StoreAnswer};
use cloakroom_postgres::{Options, PostgresStore};
use cloakroom_testkit::servers::{PgBouncer, Postgres};
use cloakroom_testkit::{Call, Operation, Wrap, Wrapped};
use tokio::runtime::Runtime;

/// A private server in which every store has a schema of its own, as a start takes seconds.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) server: Postgres,
    pooler: Option<PgBouncer>,
    schemas: AtomicU32,
}

impl Place {
    /// `None` where PostgreSQL is missing (a visible skip).
    pub(crate) fn start() -> Option<Self> {
        Some(Self { server: Postgres::start()?, pooler: None, schemas: AtomicU32::new(0) })
    }

    /// With commits that take a few milliseconds, as they do on a disk: what others may see of one
    /// another's work in the meantime is then seen.
    pub(crate) fn with_slow_commits() -> Option<Self> {
        let slow = [("fsync", "on"), ("commit_delay", "4000"), ("commit_siblings", "0")];
        let builder =
            slow.into_iter().fold(Postgres::builder(), |it, (key, value)| it.setting(key, value));
        let server = builder.start()?;
        Some(Self { server, pooler: None, schemas: AtomicU32::new(0) })
    }

    /// With PgBouncer in transaction mode before it.
    pub(crate) fn behind_a_pooler() -> Option<Self> {
        let mut place = Self::start()?;
        place.pooler = Some(PgBouncer::before(&place.server, 6)?);
        Some(place)
    }

    pub(crate) fn url(&self) -> String {
        let pooled = self.pooler.as_ref().map(|pooler| pooler.url_of("postgres"));
        pooled.unwrap_or_else(|| self.server.url())
    }

    /// Options that wait long, as a test's machine may be busy, with a schema of its own.
    pub(crate) fn options(&self) -> Options {
        let number = self.schemas.fetch_add(1, Ordering::Relaxed);
        let mut options = patient();
        options.schema = format!("sessions_{number}");
        options.pooler = self.pooler.is_some();
        options
    }

    pub(crate) async fn open(&self, options: Options) -> PostgresStore {
        let database = options.connect(&self.url()).await.expect("the server lets us in");
        PostgresStore::within(database).await.expect("the schema is made")
    }

    pub(crate) async fn store(&self) -> PostgresStore {
        self.open(self.options()).await
    }

    /// Two nodes on one schema, which take turns.
    pub(crate) async fn two_nodes(&self) -> Wrapped<TwoNodes> {
        let options = self.options();
        let nodes = [self.open(options.clone()).await, self.open(options).await];
        Wrapped(TwoNodes { nodes, next: AtomicUsize::new(0) })
    }

    /// What one statement says, as text.
    pub(crate) fn ask(&self, statement: &str) -> String {
        self.server.run("postgres", statement)[0][0].clone()
    }
}

/// The default options, but for time limits that a busy machine does not reach.
pub(crate) fn patient() -> Options {
    let mut options = Options::default();
    options.wait = Duration::from_secs(60);
    options.read_timeout = Duration::from_secs(60);
    options.statement_timeout = Duration::from_secs(60);
    options.lock_timeout = Duration::from_secs(60);
    options
}

pub(crate) fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(4).enable_all().build().expect("a test may make a runtime")
}

/// Two processes' worth of connections to one schema: each call goes to the other one.
#[derive(Debug)]
pub(crate) struct TwoNodes {
    pub(crate) nodes: [PostgresStore; 2],
    next: AtomicUsize,
}

impl Wrap for TwoNodes {
    fn inner(&self) -> &dyn SessionStore {
        &self.nodes[self.next.fetch_add(1, Ordering::Relaxed) % 2]
    }

    fn around<'a, T: Send + Unpin + 'a>(
        &'a self,
        _: Operation,
        call: Call<'a, T>,
    ) -> StoreAnswer<'a, T> {
        call(self.inner())
    }
}
