use std::fmt;
use std::time::Duration;

/// Where the server is and how it is spoken to.
#[derive(Clone)]
pub struct Options {
    pub(crate) url: String,
    pub(crate) password: Option<String>,
    pub(crate) prefix: String,
    pub(crate) require_durable: bool,
    pub(crate) connect_timeout: Duration,
    pub(crate) response_timeout: Duration,
    pub(crate) checks_keys: bool,
    pub(crate) backing_name: Option<String>,
}

impl Options {
    /// The server at `url`: `redis://[user[:password]@]host[:port][/database]`, `rediss://` for
    /// TLS, `redis+unix:///path` for a socket.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            password: None,
            prefix: "cloakroom".to_owned(),
            require_durable: false,
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_secs(2),
            checks_keys: false,
            backing_name: None,
        }
    }

    /// The password, instead of one in the URL.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// What the names of all keys begin with: `cloakroom`. Stores with different ones share a
    /// server without meeting.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Refuses a server that may drop sessions to make room, or lose them when it crashes.
    #[must_use]
    pub fn require_durable(mut self, require: bool) -> Self {
        self.require_durable = require;
        self
    }

    /// How long connecting may take: 1 s.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long an answer may take: 2 s. After it a read has failed, a write is unknown.
    #[must_use]
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout;
        self
    }

    /// A name that all nodes on one backing database have in common and no other database has
    /// ([`Backed`](crate::Backed)). A cache that nodes on another database use is refused then.
    #[must_use]
    pub fn backing_name(mut self, name: impl Into<String>) -> Self {
        self.backing_name = Some(name.into());
        self
    }

    /// Has every script check that it declared the keys it uses; for tests.
    #[doc(hidden)]
    #[must_use]
    pub fn checking_keys(mut self) -> Self {
        self.checks_keys = true;
        self
    }
}

impl From<&str> for Options {
    fn from(url: &str) -> Self {
        Self::new(url)
    }
}

impl From<String> for Options {
    fn from(url: String) -> Self {
        Self::new(url)
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may hold a password.
        formatter.debug_struct("Options").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
