/// Why a Redis server cannot be used. None of them tells the password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL cannot be understood.
    #[error("not the URL of a Redis server: {reason}")]
    Address {
        /// What is wrong with it.
        reason: String,
    },
    /// The server asks for a password or refuses the one given.
    #[error("Redis at {server} refuses the login: {reason}")]
    Login {
        /// Where it is.
        server: String,
        /// What it said.
        reason: String,
    },
    /// Sessions could be lost, and `require_durable` was asked for.
    #[error("Redis at {server} does not keep sessions safely: {}", reasons.join("; "))]
    NotDurable {
        /// Where it is.
        server: String,
        /// All that speaks against it.
        reasons: Vec<String>,
    },
    /// The version of the server is too old.
    #[error("Redis at {server} has version {found}; 7.0 or newer is needed")]
    Old {
        /// Where it is.
        server: String,
        /// Its version.
        found: String,
    },
    /// The server is a replica and takes no writes.
    #[error("Redis at {server} is a replica and takes no writes; give the address of the primary")]
    Replica {
        /// Where it is.
        server: String,
    },
    /// No connection came about, or the server did not answer what was asked.
    #[error("Redis at {server} cannot be used: {reason}")]
    Unreachable {
        /// Where it is.
        server: String,
        /// What happened.
        reason: String,
    },
    /// Nodes on another database cache their sessions under this prefix.
    #[error("Redis at {server} is the cache of another database")]
    OtherBacking {
        /// Where it is.
        server: String,
    },
    /// The prefix of keys cannot be used.
    #[error("the prefix of keys must be 1 to 64 visible characters without braces")]
    Prefix,
}
