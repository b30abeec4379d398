//! Databases for tests.

use cloakroom::{postgres, sqlite};
use cloakroom_testkit::servers::{SharedPostgres, TempDir};

use super::Sql;

/// A database of one test, removed afterwards.
pub(crate) struct TestDatabase(At);

enum At {
    File(TempDir),
    Server(SharedPostgres),
}

impl TestDatabase {
    pub(crate) fn sqlite() -> Option<Self> {
        Some(Self(At::File(TempDir::new("sql"))))
    }

    /// `None` where PostgreSQL is missing.
    pub(crate) fn postgres() -> Option<Self> {
        SharedPostgres::database().map(|server| Self(At::Server(server)))
    }

    /// Opens it once more, with connections of its own, as another node does.
    pub(crate) async fn node(&self) -> Sql {
        match &self.0 {
            At::File(dir) => Sql::sqlite(sqlite::Database::open(dir.join("test.db")).unwrap()),
            At::Server(server) => {
                let mut options = postgres::Options::default();
                options.connections = 4;
                Sql::postgres(options.connect(&server.url()).await.unwrap())
            }
        }
    }
}

/// Runs each test on a database of either engine of its own.
macro_rules! on_every_database {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                let database = $crate::sql::testing::TestDatabase::sqlite();
                super::$test(&database.expect("a directory can be made")).await;
            })+
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                let Some(database) = $crate::sql::testing::TestDatabase::postgres() else { return };
                super::$test(&database).await;
            })+
        }
    };
}
pub(crate) use on_every_database;
