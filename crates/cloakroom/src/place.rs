#[cfg(any(feature = "sqlite", feature = "postgres"))]
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use cloakroom_core::SessionStore;

use crate::OpenError;

/// Where sessions live, until they are opened.
#[derive(Debug)]
pub(crate) enum Place {
    /// An SQLite file.
    #[cfg(feature = "sqlite")]
    Sqlite(PathBuf),
    /// A PostgreSQL database, by URL.
    #[cfg(feature = "postgres")]
    Postgres(Hidden),
    /// A Redis or Valkey server, by URL.
    #[cfg(feature = "redis")]
    Redis(Hidden),
    /// A store that is open.
    Store(Arc<dyn SessionStore>),
    /// An address that this build cannot open.
    #[cfg(all(
        any(feature = "sqlite", feature = "postgres"),
        not(all(feature = "sqlite", feature = "postgres"))
    ))]
    Unknown(&'static str),
}

/// A URL, which may hold a password.
#[cfg(any(feature = "postgres", feature = "redis"))]
pub(crate) struct Hidden(String);

#[cfg(any(feature = "postgres", feature = "redis"))]
impl std::fmt::Debug for Hidden {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Hidden")
    }
}

impl Place {
    /// A file, or a database at a URL.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn database(at: &Path) -> Self {
        let text = at.to_str().unwrap_or_default();
        if ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme)) {
            #[cfg(feature = "postgres")]
            return Self::Postgres(Hidden(text.to_owned()));
            #[cfg(not(feature = "postgres"))]
            return Self::Unknown("a PostgreSQL URL needs the feature `postgres` of cloakroom");
        }
        #[cfg(feature = "sqlite")]
        return Self::Sqlite(at.to_owned());
        #[cfg(not(feature = "sqlite"))]
        Self::Unknown("a file needs the feature `sqlite` of cloakroom")
    }

    #[cfg(feature = "redis")]
    pub(crate) fn redis(url: &str) -> Self {
        Self::Redis(Hidden(url.to_owned()))
    }

    pub(crate) async fn open(self) -> Result<Arc<dyn SessionStore>, OpenError> {
        Ok(match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(path) => Arc::new(beside_other_tables(&path)?),
            #[cfg(feature = "postgres")]
            Self::Postgres(url) => Arc::new(cloakroom_postgres::PostgresStore::open(&url.0).await?),
            #[cfg(feature = "redis")]
            Self::Redis(url) => Arc::new(
                cloakroom_redis::RedisStore::open(cloakroom_redis::Options::new(url.0)).await?,
            ),
            Self::Store(store) => store,
            #[cfg(all(
                any(feature = "sqlite", feature = "postgres"),
                not(all(feature = "sqlite", feature = "postgres"))
            ))]
            Self::Unknown(what) => return Err(OpenError::Unsupported(what)),
        })
    }

    /// The file of the key that credentials are made with, unless another is given: beside an
    /// SQLite file, in the working directory for a store elsewhere, none for one of the caller's.
    pub(crate) fn key_file(&self) -> Option<PathBuf> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(path) => {
                let mut name = path.clone().into_os_string();
                name.push(".key");
                Some(name.into())
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => Some(PathBuf::from("cloakroom.key")),
            #[cfg(feature = "redis")]
            Self::Redis(_) => Some(PathBuf::from("cloakroom.key")),
            Self::Store(_) => None,
            #[cfg(all(
                any(feature = "sqlite", feature = "postgres"),
                not(all(feature = "sqlite", feature = "postgres"))
            ))]
            Self::Unknown(_) => None,
        }
    }
}

#[cfg(feature = "sqlite")]
fn beside_other_tables(path: &Path) -> Result<cloakroom_sqlite::SqliteStore, OpenError> {
    use cloakroom_sqlite::{Options, SqliteStore};
    let options = Options { beside_other_tables: true, ..Options::default() };
    Ok(SqliteStore::within(options.open(path)?)?)
}
