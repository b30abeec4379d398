//! The words that label what is counted.

use std::error::Error;

use crate::{Rejection, StoreError, Verdict};

/// What a try to log in came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoginOutcome {
    /// There is a session.
    Success,
    /// The name or the password was wrong, or the user is disabled.
    Refused,
    /// There had been too many wrong tries.
    Limited,
    /// Too many passwords were waiting to be checked.
    Busy,
    /// All of the user's sessions were ended while the login ran.
    Superseded,
    /// The user has as many sessions as allowed.
    SessionLimit,
    /// The store holds as many sessions as it may.
    Full,
    /// A fault.
    Error,
}

impl LoginOutcome {
    pub(super) const ALL: [Self; 8] = [
        Self::Success,
        Self::Refused,
        Self::Limited,
        Self::Busy,
        Self::Superseded,
        Self::SessionLimit,
        Self::Full,
        Self::Error,
    ];

    /// Its word in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Refused => "refused",
            Self::Limited => "limited",
            Self::Busy => "busy",
            Self::Superseded => "superseded",
            Self::SessionLimit => "session_limit",
            Self::Full => "full",
            Self::Error => "error",
        }
    }
}

impl Rejection {
    /// Its word in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ambiguous => "ambiguous",
            Self::Forged => "forged",
            Self::Mismatch => "mismatch",
            Self::Theft => "theft",
            Self::Unknown => "unknown",
        }
    }
}

/// What a verification came to, in the order of [`VERDICTS`].
pub(super) const VERDICTS: [&str; 8] = [
    "absent",
    "valid",
    "error",
    "rejected_ambiguous",
    "rejected_forged",
    "rejected_mismatch",
    "rejected_theft",
    "rejected_unknown",
];

pub(super) fn verdict(verdict: &Result<Verdict, StoreError>) -> usize {
    match verdict {
        Ok(Verdict::Absent) => 0,
        Ok(Verdict::Valid(_)) => 1,
        Err(_) => 2,
        Ok(Verdict::Rejected(Rejection::Ambiguous)) => 3,
        Ok(Verdict::Rejected(Rejection::Forged)) => 4,
        Ok(Verdict::Rejected(Rejection::Mismatch)) => 5,
        Ok(Verdict::Rejected(Rejection::Theft)) => 6,
        Ok(Verdict::Rejected(Rejection::Unknown)) => 7,
    }
}

/// What a store is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Operation {
    Insert,
    Load,
    Read,
    Update,
    Rotate,
    Renew,
    Touch,
    Regroup,
    End,
    Epoch,
    Sweep,
    Sessions,
    SessionsOf,
    Counts,
    Ended,
    History,
    Log,
}

impl Operation {
    /// What it means that the store did not answer: a write may still be done.
    pub(super) fn late(self, why: impl Into<Box<dyn Error + Send + Sync>>) -> StoreError {
        let name = OPERATIONS[self as usize];
        match self {
            Self::Insert
            | Self::Update
            | Self::Rotate
            | Self::Renew
            | Self::Touch
            | Self::Regroup
            | Self::End
            | Self::Sweep => StoreError::unknown(name, why),
            _ => StoreError::failed(name, why),
        }
    }
}

/// The names of the operations, in their order: those of the store's methods.
pub(super) const OPERATIONS: [&str; 17] = [
    "insert",
    "load",
    "read",
    "update",
    "rotate",
    "renew",
    "touch",
    "regroup",
    "end",
    "epoch",
    "sweep",
    "sessions",
    "sessions_of",
    "counts",
    "ended",
    "history",
    "log",
];
