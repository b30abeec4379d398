use std::error::Error;
use std::fmt;

/// A fault of a store: never an answer about a session (law 5).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The store could not do it and did not.
    #[error("the session store failed to {operation}")]
    Failed {
        /// What was asked, as an infinitive.
        operation: &'static str,
        /// The driver's error.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The store may or may not have done it.
    #[error("whether the session store did {operation} is unknown")]
    Unknown {
        /// What was asked, as an infinitive.
        operation: &'static str,
        /// The driver's error.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

impl StoreError {
    /// A definite failure.
    pub fn failed(
        operation: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Failed { operation, source: source.into() }
    }

    /// A failure whose outcome is not known.
    pub fn unknown(
        operation: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Unknown { operation, source: source.into() }
    }
}

/// An error and all that it came from, for logs: `what: why: why`.
#[derive(Clone, Copy, Debug)]
pub struct Chain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(why) = source {
            write!(formatter, ": {why}")?;
            source = why.source();
        }
        Ok(())
    }
}

/// Why an act on a session was refused or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// Another request changed `key` since this one read it (HTTP 409).
    #[error("another request changed {key:?} since this one read it; read it again, or use update")]
    Conflict {
        /// The first key that had changed.
        key: String,
    },
    /// There is no room for another session (HTTP 503): the anonymous ones are at their cap, or
    /// the store holds as many sessions as it may.
    #[error("there is no room for another session; try again later")]
    Full,
    /// The session ended, or its privileges changed, while the request ran (HTTP 401).
    #[error("the session ended or its privileges changed while the request ran")]
    Gone,
    /// A value given by the application is not allowed (HTTP 500: a programming error).
    #[error("{what} is not allowed: must be {allowed}")]
    Invalid {
        /// What was given.
        what: &'static str,
        /// What is allowed.
        allowed: &'static str,
    },
    /// A stored or given value does not fit its type (HTTP 500: a programming error).
    #[error("the session data under {key:?} does not fit the type asked for")]
    Json {
        /// The key.
        key: String,
        /// What serde said.
        #[source]
        source: serde_json::Error,
    },
    /// The user has as many sessions as allowed (HTTP 409).
    #[error("this user is already logged in on as many devices as allowed")]
    LimitReached,
    /// The store failed (HTTP 503).
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The session of a repeated login has another credential by now (HTTP 409).
    #[error("the login was done before, and its session's credential has been replaced since")]
    Replaced,
    /// The user's sessions were all ended while this login ran (HTTP 401).
    #[error("the user's sessions were ended while this login ran; log in again")]
    Superseded,
    /// The session's data would exceed a limit (HTTP 413).
    #[error("session data would hold {keys} keys and {bytes} bytes; allowed are {limits:?}")]
    TooLarge {
        /// Keys it would have.
        keys: usize,
        /// Bytes it would have.
        bytes: usize,
        /// What is allowed.
        limits: crate::DataLimits,
    },
}
