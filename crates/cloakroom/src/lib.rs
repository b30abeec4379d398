//! Who is making each request.
//!
//! Cloakroom keeps sessions for axum and tower applications. One constructor chooses where they
//! live; everything else stays the same:
//!
//! ```no_run
//! # async fn open() -> Result<(), cloakroom::OpenError> {
//! use cloakroom::Cloakroom;
//!
//! let cloakroom = Cloakroom::database("sessions.db").login_page("/login").open().await?;
//! # let _: axum::Router = axum::Router::new().layer(cloakroom.layer());
//! # Ok(())
//! # }
//! ```
//!
//! Handlers take [`Session`] or [`CurrentUser`]. The crate's README has a whole application; the
//! laws that hold are in `docs/architecture.md`.
#![forbid(unsafe_code)]

mod builder;
mod capabilities;
mod key_file;
mod place;
pub mod testing;

pub use builder::{Builder, Cloakroom, OpenError};
pub use capabilities::{CAPABILITIES, Capability, Keeping, Support, capabilities_markdown};
pub use key_file::{KeyFileError, key_file};

pub use cloakroom_core::{
    Browse, Bucket, Carry, Chain, Change, ClientInfo, Clock, Counts, Cursor, DataChange,
    DataLimits, Durability, EndReason, Ended, EndedPage, EndedSession, Entry, Expect, Family,
    FamilyKind, Guard, Happening, History, HistoryQuery, IdError, Issued, Keys, Lifetime,
    LimitPolicy, Live, LogEntry, LogPage, Login, LoginOutcome, ManualClock, MemoryFiles,
    MemoryOptions, MemoryStore, MemoryUsage, Meters, NameMatch, Observer, Once, Page, Policy,
    Position, PositionError, Query, Record, Rejection, Restored, RevocationBound, RevocationLog,
    Sample, SampleValue, Selector, SessionError, SessionId, SessionLimit, SessionStore,
    SessionToken, Sessions, SetAside, SnapshotError, Spread, Store, StoreError, Summary,
    SweepReport, SystemClock, Timestamp, Updated, User, UserError, UserId, Verdict, WhenFull,
    check_key,
};
#[cfg(feature = "axum")]
pub use cloakroom_http::{
    AppUser, LoadUser, LoginRejection, RecentLogin, RequireLogin, require_group, require_login,
};
pub use cloakroom_http::{
    ClientAddress, CookieError, CookiePolicy, CsrfRefusal, CurrentUser, Error, HttpConfig, Problem,
    SameSite, Session, SessionLayer, SessionService, Values, check_same_origin,
};
#[cfg(feature = "postgres")]
pub use cloakroom_postgres as postgres;
#[cfg(feature = "redis")]
pub use cloakroom_redis as redis;
#[cfg(feature = "sqlite")]
pub use cloakroom_sqlite as sqlite;
pub use cloakroom_tokens::{AssertionKey, Jwk, Jwks, KeyError, OpaqueCodec, SecretKey};
