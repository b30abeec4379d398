use std::path::{Path, PathBuf};
use std::sync::Arc;

use cloakroom_core::{
    Clock, MemoryStore, Observer, Policy, SessionStore, Sessions, StoreError, SystemClock,
};
use cloakroom_http::{ClientAddress, CookiePolicy, HttpConfig, SessionLayer};
use cloakroom_tokens::{OpaqueCodec, SecretKey};

use crate::key_file::{KeyFileError, key_file};
use crate::place::Place;

/// The sessions of one application. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Cloakroom {
    sessions: Sessions,
    http: HttpConfig,
}

/// Sessions could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The database could not be opened.
    #[cfg(feature = "sqlite")]
    #[error(transparent)]
    Sqlite(#[from] cloakroom_sqlite::OpenError),
    /// The PostgreSQL database could not be opened.
    #[cfg(feature = "postgres")]
    #[error(transparent)]
    Postgres(#[from] cloakroom_postgres::OpenError),
    /// The Redis server cannot be used.
    #[cfg(feature = "redis")]
    #[error(transparent)]
    Redis(#[from] cloakroom_redis::OpenError),
    /// This build cannot open such a place.
    #[error("{0}")]
    Unsupported(&'static str),
    /// The key file could not be used.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// No key could be made.
    #[error("no key could be made")]
    Random(#[source] StoreError),
}

impl Cloakroom {
    /// Sessions in an SQL database: the SQLite file at a path, made if it is missing, or the
    /// PostgreSQL database at a URL such as `postgres://user@host/database` (feature `postgres`).
    /// Either may be the application's own: our tables have a prefix, or a schema, of ours.
    ///
    /// Credentials are made with the key in `<path>.key`, for PostgreSQL in `cloakroom.key` in the
    /// working directory, which only the owner can read. Without it all sessions end, and every
    /// node needs the same.
    ///
    /// Ends take effect at once; nothing acknowledged is lost in a crash. Cost per request that
    /// uses its session: one indexed read of a local file, or one round trip.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub fn database(at: impl AsRef<Path>) -> Builder {
        Builder::new(Place::database(at.as_ref()))
    }

    /// Sessions in the Redis or Valkey server at a URL such as `redis://127.0.0.1:6379`. The key
    /// stands in `cloakroom.key` in the working directory, and every node needs the same.
    ///
    /// Ends take effect at once. What a crash of the server can take depends on its settings, and
    /// [`Sessions::durability`] says it. Cost per request that uses its session: one round trip.
    #[cfg(feature = "redis")]
    pub fn redis(url: impl AsRef<str>) -> Builder {
        Builder::new(Place::redis(url.as_ref()))
    }

    /// Sessions in the memory of this process, gone when it ends. One process only.
    pub fn memory() -> Builder {
        Builder::new(Place::Store(Arc::new(MemoryStore::new())))
    }

    /// Sessions in a store of your own; run the suite of `cloakroom-testkit` on it first. Give a
    /// [`Builder::key`], or every start makes another and ends all sessions.
    pub fn store(store: Arc<dyn SessionStore>) -> Builder {
        Builder::new(Place::Store(store))
    }

    /// The layer that gives every handler its [`Session`](crate::Session).
    pub fn layer(&self) -> SessionLayer {
        SessionLayer::new(self.sessions.clone(), self.http.clone())
    }

    /// As [`Cloakroom::layer`], for routes whose answers do not reach the browser, such as those
    /// that only a proxy asks: no credential is renewed there.
    pub fn layer_without_renewal(&self) -> SessionLayer {
        let http = HttpConfig { renewal: false, ..self.http.clone() };
        SessionLayer::new(self.sessions.clone(), http)
    }

    /// The sessions themselves: list them, end them, read their history.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// The session cookie.
    pub fn cookie(&self) -> &CookiePolicy {
        &self.http.cookie
    }

    /// Writes what is pending of "last seen"; call it when the server has shut down.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.sessions.flush().await.map(|_| ())
    }
}

#[derive(Debug)]
enum KeyFrom {
    Caller(SecretKey),
    File(PathBuf),
}

/// How sessions are kept. Every choice has a default; weaker ones are named so.
#[derive(Debug)]
#[must_use = "nothing happens before open"]
pub struct Builder {
    place: Place,
    policy: Policy,
    http: HttpConfig,
    key: Option<KeyFrom>,
    clock: Option<Arc<dyn Clock>>,
    observer: Option<Arc<dyn Observer>>,
}

impl Builder {
    fn new(place: Place) -> Self {
        let (policy, http) = (Policy::default(), HttpConfig::default());
        Self { place, policy, http, key: None, clock: None, observer: None }
    }

    /// Timeouts, limits and sweeping.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// The session cookie; `__Host-session` unless chosen otherwise.
    pub fn cookie(mut self, cookie: CookiePolicy) -> Self {
        self.http.cookie = cookie;
        self
    }

    /// Where browsers without a login are sent, with `?next=` and the address asked for.
    pub fn login_page(mut self, path: impl Into<String>) -> Self {
        self.http.login_page = Some(path.into());
        self
    }

    /// A further origin whose pages may send state-changing requests.
    pub fn trust_origin(mut self, origin: impl Into<String>) -> Self {
        self.http.trusted_origins.push(origin.into());
        self
    }

    /// Where the address of a client comes from when a proxy stands in front; by default the
    /// peer of the connection.
    pub fn client_address(mut self, address: ClientAddress) -> Self {
        self.http.client_address = address;
        self
    }

    /// Weaker: allows logins and logouts on GET, for the callback of an identity provider.
    pub fn weaker_credential_changes_on_get(mut self) -> Self {
        self.http.credential_changes_on_get = true;
        self
    }

    /// The key that credentials are made with, instead of the file beside the database.
    pub fn key(mut self, key: SecretKey) -> Self {
        self.key = Some(KeyFrom::Caller(key));
        self
    }

    /// The file that holds the key that credentials are made with; made with mode 0600 if it is
    /// missing.
    pub fn key_file(mut self, path: impl AsRef<Path>) -> Self {
        self.key = Some(KeyFrom::File(path.as_ref().to_owned()));
        self
    }

    /// The clock that deadlines are judged by; for tests.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Who is told of all that happens to sessions: logins, ends, rotations, rejections.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Opens the sessions and starts sweeping them.
    ///
    /// # Errors
    /// [`OpenError`], which says what to do.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub async fn open(self) -> Result<Cloakroom, OpenError> {
        let key = self.open_key()?;
        let store = self.place.open().await?;
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock::new()));
        let sessions = Sessions::new(store, Arc::new(OpaqueCodec::new(&key)), clock, self.policy);
        if let Some(observer) = self.observer {
            sessions.observe(observer);
        }
        sessions.start();
        Ok(Cloakroom { sessions, http: self.http })
    }

    fn open_key(&self) -> Result<SecretKey, OpenError> {
        match (&self.key, self.place.key_file()) {
            (Some(KeyFrom::Caller(key)), _) => Ok(key.clone()),
            (Some(KeyFrom::File(path)), _) => secret_key(path),
            (None, Some(path)) => secret_key(&path),
            (None, None) => SecretKey::generate().map_err(OpenError::Random),
        }
    }
}

fn secret_key(path: &Path) -> Result<SecretKey, OpenError> {
    let fresh = SecretKey::generate().map_err(OpenError::Random)?;
    let kept = key_file(path, fresh.reveal())?;
    let bytes = <[u8; 32]>::try_from(kept.as_slice());
    Ok(SecretKey::from_bytes(bytes.map_err(|_| KeyFileError::damaged(path, "32 bytes"))?))
}
