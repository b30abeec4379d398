use std::sync::Arc;

use cloakroom_core::SessionId;
use cloakroom_redis::Backed;
use cloakroom_redis::Options;
use cloakroom_sqlite::SqliteStore;
use cloakroom_testkit::fixtures::{Draft, at};
use cloakroom_testkit::servers::{Flavor, Redis, TempDir};
use cloakroom_testkit::{Faults, Operation, SharedStore, Subject, eventually};

use crate::support::options;

/// A file and a server that nodes share.
pub(crate) struct Scene {
    directory: TempDir,
    pub(crate) redis: Redis,
}

impl Scene {
    pub(crate) fn new() -> Option<Self> {
        Self::with(Redis::start(Flavor::Redis)?)
    }

    pub(crate) fn with(redis: Redis) -> Option<Self> {
        Some(Self { directory: TempDir::new("backed"), redis })
    }

    /// The store behind the cache, as another process has it.
    pub(crate) fn sqlite(&self) -> SharedStore {
        Arc::new(SqliteStore::open(self.directory.join("sessions.db")).expect("the file opens"))
    }

    pub(crate) async fn node(&self) -> Node {
        self.node_at(options(&self.redis)).await
    }

    pub(crate) async fn node_at(&self, options: Options) -> Node {
        let node = Node::open(options, self.sqlite()).await;
        node.caching().await;
        node
    }
}

/// One process.
pub(crate) struct Node {
    pub(crate) store: Backed,
    pub(crate) subject: Subject,
    /// What the backing store was asked.
    pub(crate) faults: Faults,
}

impl Node {
    pub(crate) async fn open(options: Options, backing: SharedStore) -> Self {
        let (backing, faults) = Faults::around(backing);
        let store = Backed::open(options, backing).await.expect("it is opened");
        Self { subject: Subject::new(store.clone()), store, faults }
    }

    pub(crate) async fn caching(&self) {
        eventually("the cache is in use", || async { self.store.is_caching() }).await;
    }

    /// Waits until the log was read and applied to the cache once more.
    pub(crate) async fn reads_the_log(&self) {
        let before = self.faults.calls(Operation::Log);
        let later = || async { self.faults.calls(Operation::Log) > before + 1 };
        eventually("the log is read", later).await;
    }

    /// A session whose record is in the cache.
    pub(crate) async fn cached(&self) -> SessionId {
        let id = self.subject.add(Draft::of("ada").data("k", "1")).await;
        self.warm(id).await;
        id
    }

    /// Reads until the cache has it.
    pub(crate) async fn warm(&self, id: SessionId) {
        eventually("the cache has it", || async {
            let before = self.store.counts_of_reads().hits;
            self.is_live(id).await && self.store.counts_of_reads().hits > before
        })
        .await;
    }

    pub(crate) async fn is_live(&self, id: SessionId) -> bool {
        self.subject.is_live(id, at(1)).await
    }
}
