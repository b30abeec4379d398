//! What is compared. Every peer serves the same four routes, and so does the bare application.

mod bare;
mod cloakroom;
mod tower_sessions;

use std::sync::Arc;

use ::cloakroom::Sessions;
use ::cloakroom::sqlite::SqliteStore;
use axum::Router;

use crate::clock::SlowClock;

pub use self::cloakroom::{memory, sqlite, within};
pub use bare::{bare, bare_peer};
pub use tower_sessions::tower_sessions;

/// One library with one store, and its live sessions.
pub struct Peer {
    pub app: Router,
    /// The Cookie header of each session; the n-th is that of user n.
    pub cookies: Vec<String>,
    pub inside: Option<Inside>,
}

impl Peer {
    /// The sessions of a peer that is Cloakroom.
    pub fn sessions(&self) -> &Sessions {
        &self.inside.as_ref().expect("this peer is Cloakroom").sessions
    }
}

/// What the cases that are about Cloakroom alone need.
pub struct Inside {
    pub sessions: Sessions,
    pub clock: Arc<SlowClock>,
    pub store: Option<SqliteStore>,
}

/// The id of user `n`.
pub fn user(n: usize) -> String {
    format!("user-{n}")
}
