use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cloakroom_core::{SessionToken, Sessions, Timestamp};

use super::Seen;
use crate::HttpConfig;
use crate::carrier::Credentials;
use crate::client::Client;

/// What all clones of one request's session share with the layer.
pub(crate) struct Shared {
    pub(crate) sessions: Sessions,
    pub(crate) config: Arc<HttpConfig>,
    pub(crate) credentials: Credentials,
    pub(crate) client: Client,
    /// Whether the method promises to change nothing.
    pub(crate) safe_method: bool,
    pub(crate) started_at: Timestamp,
    /// Held by acts that change the credential, so that two in one request take turns.
    pub(crate) acts: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

/// What changes while the request runs.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) seen: Option<Seen>,
    pub(crate) outgoing: Outgoing,
    /// Whether the session was read, so that the answer depends on the cookie.
    pub(crate) read: bool,
    /// The headers are gone: no credential can reach the client any more.
    pub(crate) closed: bool,
    /// The versions of the keys that this request has read or written.
    pub(crate) versions: HashMap<String, u64>,
}

/// What the answer does to the cookie.
#[derive(Default)]
pub(crate) enum Outgoing {
    #[default]
    Nothing,
    Set(SessionToken, Option<Duration>),
    Clear,
}

impl Shared {
    pub(crate) fn new(
        sessions: Sessions,
        config: Arc<HttpConfig>,
        credentials: Credentials,
        client: Client,
        safe_method: bool,
    ) -> Self {
        let (started_at, acts) = (sessions.now(), tokio::sync::Mutex::new(()));
        let state = Mutex::default();
        Self { sessions, config, credentials, client, safe_method, started_at, acts, state }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // Every step under this lock is a single assignment, so a panic leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
