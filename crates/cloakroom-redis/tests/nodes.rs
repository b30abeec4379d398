//! The laws hold across two nodes on one server.

#[path = "support/alone.rs"]
mod alone_on;
mod support;
#[path = "support/two.rs"]
mod two;

use std::sync::Arc;

use cloakroom_core::{MemoryStore, SessionStore};
use cloakroom_redis::Backed;
use cloakroom_sqlite::SqliteStore;
use cloakroom_testkit::servers::{Flavor, Redis, TempDir};
use cloakroom_testkit::{Kept, SharedStore, eventually};
use two::Turns;

async fn alone(flavor: Flavor) -> impl SessionStore {
    let Some(redis) = Redis::start(flavor) else {
        let instead: SharedStore = Arc::new(MemoryStore::new());
        return Kept::shared(None::<Redis>, instead);
    };
    let nodes: [SharedStore; 2] =
        [Arc::new(alone_on::open(&redis).await), Arc::new(alone_on::open(&redis).await)];
    Kept::shared(Some(redis), Turns::of(nodes))
}

async fn backed(flavor: Flavor) -> impl SessionStore {
    let directory = TempDir::new("redis-nodes");
    let file = directory.join("sessions.db");
    let mut nodes: Vec<SharedStore> = Vec::new();
    let redis = Redis::start(flavor);
    for _ in 0..2 {
        let sqlite: SharedStore = Arc::new(SqliteStore::open(&file).expect("the file opens"));
        let Some(redis) = &redis else {
            nodes.push(sqlite);
            continue;
        };
        let node = Backed::open(support::options(redis), sqlite).await.expect("it is opened");
        let caching = node.clone();
        eventually("the cache is in use", || async { caching.is_caching() }).await;
        nodes.push(Arc::new(node));
    }
    let nodes = nodes.try_into().expect("there are two");
    Kept::shared((directory, redis), Turns::of(nodes))
}

macro_rules! keeps_the_laws {
    ($module:ident, $make:ident, $flavor:ident) => {
        mod $module {
            async fn fresh() -> impl cloakroom_core::SessionStore {
                super::$make(super::Flavor::$flavor).await
            }

            cloakroom_testkit::laws!(fresh);
        }
    };
}

keeps_the_laws!(redis, alone, Redis);
keeps_the_laws!(valkey, alone, Valkey);
keeps_the_laws!(redis_backed, backed, Redis);
