//! The vocabulary and the rules of Cloakroom: what a session is, what a store must do,
//! and what makes a credential true now.
//!
//! Nothing here speaks HTTP or SQL. Applications use the `cloakroom` crate; authors of a store
//! implement [`Store`], [`Browse`], [`History`] and [`RevocationLog`], and run the suite of `cloakroom-testkit`.
//! The laws this crate keeps are numbered in `docs/architecture.md`.
#![forbid(unsafe_code)]

mod answer;
mod browse;
mod clock;
mod data;
mod error;
mod id;
mod lifetime;
mod log;
mod login;
mod memory;
mod meters;
mod observer;
mod policy;
mod reason;
mod record;
mod secret;
mod sessions;
mod store;
mod sweeper;
mod token;
mod touches;
mod user;
mod verdict;
mod view;

pub use answer::Answer;
pub use browse::{
    Browse, Counts, Cursor, EndedPage, EndedSession, History, HistoryQuery, NameMatch, Page, Query,
    SessionStore, Summary,
};
pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use data::{DataChange, DataLimits, Entry, Expect, Keys, check_key};
pub use error::{Chain, SessionError, StoreError};
pub use id::{Bucket, IdError, SessionId};
pub use lifetime::{Lifetime, granularity};
pub use log::{Change, LogEntry, LogPage, Position, PositionError, RevocationLog};
pub use login::{ClientInfo, Issued, Login, Once};
pub use memory::{
    MemoryFiles, MemoryOptions, MemoryStore, MemoryUsage, Restored, SetAside, SnapshotError,
    WhenFull,
};
pub use meters::{Family, FamilyKind, LoginOutcome, Meters, Sample, SampleValue, Spread};
pub use observer::{Happening, Observer};
pub use policy::{Durability, LimitPolicy, Policy, RevocationBound, SessionLimit};
pub use reason::EndReason;
pub use record::{Record, Renewal};
pub use secret::SecretDigest;
pub use sessions::Sessions;
pub use store::{
    Carry, End, Ended, Guard, Inserted, NewSession, RenewalStep, Replaces, Rotation, Selector,
    Store, StoreAnswer, Sweep, Swept, Touch, Updated,
};
pub use sweeper::SweepReport;
pub use token::{Presented, SessionToken, TokenCodec};
pub use user::{User, UserError, UserId};
pub use verdict::{Live, Match, Rejection, Verdict};
pub use view::{
    Claimed, Denial, Follow, Follower, FollowerOptions, Mark, RevocationView, ViewUsage,
};
