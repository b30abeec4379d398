use std::error::Error;
use std::path::PathBuf;

/// Why a database could not be opened. Nothing in it was changed then, and no text here holds
/// the password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file of root certificates is not usable.
    #[error("sslrootcert: {path} {detail}", path = .path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// Text is not kept as UTF-8.
    #[error(
        "{at} keeps text as {found}; make a database that keeps it as UTF-8: \
         CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
    )]
    Encoding {
        /// Which database.
        at: String,
        /// The encoding.
        found: String,
    },
    /// Transactions are not isolated as the statements here need.
    #[error(
        "{at} begins transactions as {found}; the functions of the sessions need read committed: \
         ALTER ROLE {user} SET default_transaction_isolation = 'read committed'"
    )]
    Isolation {
        /// Which database.
        at: String,
        /// Who connects.
        user: String,
        /// The isolation.
        found: String,
    },
    /// No server has this name.
    #[error("{at}: there is no host of this name; check the host in the URL")]
    NoHost {
        /// Which database.
        at: String,
        /// What the system said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The server has no such database.
    #[error("{at}: there is no such database; make it with CREATE DATABASE")]
    NoDatabase {
        /// Which database.
        at: String,
    },
    /// The user may not do there what is needed.
    #[error("{at}: {user} may not {what}; as its owner: {remedy}")]
    NoRight {
        /// Which database.
        at: String,
        /// Who connects.
        user: String,
        /// What is needed.
        what: String,
        /// The SQL that gives the right.
        remedy: String,
    },
    /// The tables were made by a newer version of this program.
    #[error(
        "{at} has version {found} of the {component} tables; this program knows versions up to \
         {known}. Nothing was changed; start the newer program"
    )]
    Newer {
        /// Which database.
        at: String,
        /// Whose tables.
        component: &'static str,
        /// The version there.
        found: u32,
        /// The newest version known here.
        known: u32,
    },
    /// The server takes no writes.
    #[error(
        "{at} is read-only: a standby, or a primary that was made so. Name the primary, or all of \
         them with target_session_attrs=read-write"
    )]
    ReadOnly {
        /// Which database.
        at: String,
    },
    /// The server refused to let the user in.
    #[error("{at}: the server refused {user}: {detail}. Check user and password, and pg_hba.conf")]
    Refused {
        /// Which database.
        at: String,
        /// Who connects.
        user: String,
        /// What the server said.
        detail: String,
    },
    /// A schema of this name cannot be used.
    #[error("{0:?} cannot be the name of a schema: lower-case letters, digits and _, at most 48")]
    Schema(String),
    /// The server is too old.
    #[error("{at} is PostgreSQL {found}; at least 13 is needed")]
    TooOld {
        /// Which database.
        at: String,
        /// Its version.
        found: String,
    },
    /// No encrypted connection came about.
    #[error("{at}: no TLS connection: {detail}. See sslmode and sslrootcert in the URL")]
    Tls {
        /// Which database.
        at: String,
        /// Why.
        detail: String,
    },
    /// Nobody answers there.
    #[error("{at}: no server answers there; is it running, and does a firewall let us through?")]
    Unreachable {
        /// Which database.
        at: String,
        /// What the system said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The URL cannot be used. The text does not quote it, as it may hold a password.
    #[error(
        "the database URL cannot be used: {detail}. \
         It looks like postgres://user@host:5432/database?sslmode=verify-full"
    )]
    Url {
        /// What is wrong.
        detail: String,
    },
    /// Anything else that the server said.
    #[error("{at} cannot be opened: {detail}")]
    Postgres {
        /// Which database.
        at: String,
        /// The server's words.
        detail: String,
        /// The driver's error.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}
