use std::fmt;

use crate::{EndReason, LoginOutcome, Record, Rejection, Selector, SessionId, UserId};

/// What happens to sessions. Told once it is certain.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Happening<'a> {
    /// A session began: a login, or an anonymous one.
    Began {
        /// Its record.
        record: &'a Record,
    },
    /// A login of somebody whose identity was proven came to nothing.
    LoginRefused {
        /// Who it was.
        user: &'a UserId,
        /// Why.
        outcome: LoginOutcome,
    },
    /// Sessions ended before their deadline. Told for an order that found none too, but for that
    /// of a single session.
    Ended {
        /// Which.
        selector: &'a Selector,
        /// Whose, where that is known.
        user: Option<&'a UserId>,
        /// Why.
        reason: EndReason,
        /// Who ordered it.
        by: Option<&'a str>,
        /// How many were live.
        count: u64,
    },
    /// A sweep removed sessions whose deadline had passed.
    Expired {
        /// Those that were not used for their idle timeout.
        idle: u64,
        /// Those that reached their absolute timeout.
        absolute: u64,
    },
    /// A renewed credential was presented and is in force (law 8). Parallel requests of one
    /// client may each tell of it.
    Renewed {
        /// The session's record.
        record: &'a Record,
    },
    /// A session was given a fresh credential; the old one is dead.
    Rotated {
        /// The session's record, with the fresh credential's digest.
        record: &'a Record,
        /// Whether the user had just proved again who they are.
        authenticated: bool,
    },
    /// A credential was rejected. Strangers can cause any number of these (law 13).
    Rejected {
        /// Why.
        rejection: Rejection,
        /// The session it was for, unless it was forged.
        session: Option<SessionId>,
    },
}

/// Whoever wants to know what happens to sessions: a log, a mailer, a test.
///
/// It is called by the task that did it, in the request's way: it must neither block nor panic.
/// What is told holds no secret (law 4).
pub trait Observer: Send + Sync + fmt::Debug + 'static {
    /// Something happened.
    fn happened(&self, happening: Happening<'_>);
}
