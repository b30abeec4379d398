//! The HTTP side of Cloakroom: cookie policy, carriers, the tower layer and axum extractors.
//!
//! [`SessionLayer`] puts a lazy [`Session`] into every request. Nothing is read from the store
//! until a handler asks, and nothing is saved at the end of a request: every call commits by
//! itself (law 3). Set-Cookie is decided before the headers go out.
#![forbid(unsafe_code)]

mod carrier;
mod client;
mod config;
mod cookie;
mod csrf;
mod error;
#[cfg(feature = "axum")]
mod extract;
mod future;
mod layer;
mod problem;
mod session;
mod values;

pub use client::ClientAddress;
pub use config::HttpConfig;
pub use cookie::{CookieError, CookiePolicy, SameSite};
pub use csrf::{CsrfRefusal, check_same_origin};
pub use error::Error;
#[cfg(feature = "axum")]
pub use extract::{
    AppUser, LoadUser, LoginRejection, RecentLogin, RequireLogin, require_group, require_login,
};
pub use future::ResponseFuture;
pub use layer::{SessionLayer, SessionService};
pub use problem::Problem;
pub use session::{CurrentUser, Session};
pub use values::Values;
