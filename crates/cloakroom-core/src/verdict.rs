use std::sync::Arc;

use crate::{Presented, Record, SessionId, UserId};

/// What a credential is worth now. A fault of a store is none of these: it is an error.
#[derive(Debug)]
pub enum Verdict {
    /// No credential was presented.
    Absent,
    /// It belongs to a live session.
    Valid(Live),
    /// It belongs to none. The reason is for logs; clients are never told.
    Rejected(Rejection),
}

/// Why a credential was rejected. For logs and metrics only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// Credentials for different live sessions, or too many, came with one request (law 7).
    Ambiguous,
    /// This server cannot have issued it.
    Forged,
    /// Its session is there, its secret is not the current one.
    Mismatch,
    /// It had been renewed and its successor was in use: the session was ended (law 8).
    Theft,
    /// Its session ended, expired or never was.
    Unknown,
}

/// Which credential of its session was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// The current one.
    Current,
    /// The parent, within the grace.
    Parent,
}

/// A live session, as one verification saw it.
#[derive(Clone, Debug)]
pub struct Live {
    /// Its record.
    pub record: Arc<Record>,
    /// Which of its credentials was presented.
    pub matched: Match,
    /// The credential, kept to derive a successor.
    pub(crate) presented: Arc<Presented>,
}

impl Live {
    /// The session's public id.
    pub fn id(&self) -> SessionId {
        self.record.id
    }

    /// Who is logged in.
    pub fn user(&self) -> Option<&UserId> {
        self.record.user.as_ref()
    }

    /// The name shown to people.
    pub fn user_name(&self) -> Option<&str> {
        self.record.user_name.as_deref()
    }
}
