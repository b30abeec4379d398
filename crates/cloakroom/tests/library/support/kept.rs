use std::path::Path;
use std::sync::Arc;

use cloakroom::MemoryStore;
use cloakroom_testkit::SharedStore;
use cloakroom_testkit::servers::TempDir;
#[cfg(feature = "redis")]
use cloakroom_testkit::servers::{Flavor, Redis};

/// The server or directory that a store needs; gone when the test is over.
pub(crate) enum Kept {
    /// Nothing.
    Nowhere,
    /// A directory.
    #[cfg(feature = "sqlite")]
    In(TempDir),
    /// A private server.
    #[cfg(feature = "postgres")]
    Postgres(cloakroom_testkit::servers::SharedPostgres),
    /// A private server, before files in a directory.
    #[cfg(feature = "redis")]
    Redis(Box<Redis>, TempDir),
}

/// A fresh store and what it needs; `None` where the machine lacks the server.
pub(crate) type Fresh = Option<(SharedStore, Kept)>;

pub(crate) async fn memory() -> Fresh {
    Some((Arc::new(MemoryStore::new()), Kept::Nowhere))
}

#[cfg(feature = "sqlite")]
pub(crate) async fn sqlite() -> Fresh {
    let directory = TempDir::new("library");
    let store = cloakroom::sqlite::SqliteStore::open(directory.join("app.db")).unwrap();
    Some((Arc::new(store), Kept::In(directory)))
}

#[cfg(feature = "postgres")]
pub(crate) async fn postgres() -> Fresh {
    let server = cloakroom_testkit::servers::SharedPostgres::database()?;
    let store = cloakroom::postgres::PostgresStore::open(&server.url()).await.unwrap();
    Some((Arc::new(store), Kept::Postgres(server)))
}

#[cfg(feature = "redis")]
pub(crate) async fn redis() -> Fresh {
    alone(Flavor::Redis).await
}

#[cfg(feature = "redis")]
pub(crate) async fn valkey() -> Fresh {
    alone(Flavor::Valkey).await
}

#[cfg(feature = "redis")]
async fn alone(flavor: Flavor) -> Fresh {
    let server = Redis::start(flavor)?;
    let options = cloakroom::redis::Options::new(server.url());
    let store = cloakroom::redis::RedisStore::open(options).await.unwrap();
    Some((Arc::new(store), Kept::Redis(Box::new(server), TempDir::new("library"))))
}

/// Redis before SQLite.
#[cfg(all(feature = "redis", feature = "sqlite"))]
pub(crate) async fn redis_backed() -> Fresh {
    backed(Flavor::Redis).await
}

/// Valkey before SQLite.
#[cfg(all(feature = "redis", feature = "sqlite"))]
pub(crate) async fn valkey_backed() -> Fresh {
    backed(Flavor::Valkey).await
}

#[cfg(all(feature = "redis", feature = "sqlite"))]
async fn backed(flavor: Flavor) -> Fresh {
    let (server, directory) = (Redis::start(flavor)?, TempDir::new("library"));
    let behind = cloakroom::sqlite::SqliteStore::open(directory.join("app.db")).unwrap();
    let options = cloakroom::redis::Options::new(server.url());
    let store = cloakroom::redis::Backed::open(options, Arc::new(behind)).await.unwrap();
    Some((Arc::new(store), Kept::Redis(Box::new(server), directory)))
}

impl Kept {
    /// All bytes at rest.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Nowhere => Vec::new(),
            #[cfg(feature = "sqlite")]
            Self::In(directory) => files(directory.path()),
            #[cfg(feature = "postgres")]
            Self::Postgres(server) => tables(server).into_bytes(),
            #[cfg(feature = "redis")]
            Self::Redis(server, directory) => {
                server.run(&["SAVE"]);
                [files(server.dir()), files(directory.path())].concat()
            }
        }
    }
}

fn files(directory: &Path) -> Vec<u8> {
    let files = std::fs::read_dir(directory).unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.is_file()).flat_map(|path| std::fs::read(path).unwrap()).collect()
}

#[cfg(feature = "postgres")]
fn tables(server: &cloakroom_testkit::servers::SharedPostgres) -> String {
    let names = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'cloakroom'";
    let names = server.run(names);
    assert!(!names.is_empty(), "the tables are there");
    let rows = names
        .iter()
        .flatten()
        .flat_map(|name| server.run(&format!("SELECT t::text FROM cloakroom.\"{name}\" AS t")));
    rows.flatten().collect()
}
