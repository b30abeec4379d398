use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

/// How to open a [`Database`](crate::Database). Every field has the default it states.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The schema that holds everything of ours, made if it is not there: `cloakroom`.
    pub schema: String,
    /// How many connections there are at most: four times the processors, at least 8.
    pub connections: usize,
    /// Whether a pooler in transaction mode (PgBouncer) is between: no. Then nothing is kept on a
    /// connection: statements are sent with their text each time, and the server's time limits
    /// are those of the role.
    pub pooler: bool,
    /// The password, apart from the URL: none. It goes before one in the URL.
    pub password: Option<Password>,
    /// How long a connection may take to come about: 2 s.
    pub connect_timeout: Duration,
    /// How long a read may take: 2 s. Then it fails and its connection is closed.
    pub read_timeout: Duration,
    /// How long the server works at a statement: 10 s. Without a pooler it is the server that
    /// gives up, and nothing was done; if even that is not heard of, the outcome is unknown.
    pub statement_timeout: Duration,
    /// How long the server waits for a lock: 1.5 s. Without a pooler only.
    pub lock_timeout: Duration,
    /// How many requests may wait for a connection; one more is refused at once: 2 048.
    pub waiting: usize,
    /// How long one waits for a connection: 1 s.
    pub wait: Duration,
    /// The name the server shows for the connections: `cloakroom`.
    pub application_name: String,
}

impl Default for Options {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            schema: "cloakroom".to_owned(),
            connections: (4 * processors).max(8),
            pooler: false,
            password: None,
            connect_timeout: Duration::from_secs(2),
            read_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(10),
            lock_timeout: Duration::from_millis(1_500),
            waiting: 2_048,
            wait: Duration::from_secs(1),
            application_name: "cloakroom".to_owned(),
        }
    }
}

/// Said last, after what a URL says. Names without a schema are PostgreSQL's own: what others made
/// in a schema of an application's database is never taken for them. Behind a pooler our functions
/// say so themselves.
pub(super) const SEARCH: &str = "-c search_path=pg_catalog,pg_temp";

impl Options {
    /// What each connection is told when it begins. Behind a pooler it is not ours to tell.
    ///
    /// Every statement of ours has its index. Told so, the planner does not keep a plan that reads
    /// the whole table because the table was empty when the connection began.
    pub(super) fn of_connections(&self) -> String {
        format!(
            "-c statement_timeout={} -c lock_timeout={} \
             -c idle_in_transaction_session_timeout={} \
             -c default_transaction_isolation=read\\ committed \
             -c enable_seqscan=off -c jit=off",
            self.statement_timeout.as_millis(),
            self.lock_timeout.as_millis(),
            2 * self.statement_timeout.as_millis(),
        )
    }
}

/// A password. It is wiped when dropped, and no text shows it.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Wraps a password.
    pub fn new(password: impl Into<String>) -> Self {
        Self(Zeroizing::new(password.into()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password")
    }
}
