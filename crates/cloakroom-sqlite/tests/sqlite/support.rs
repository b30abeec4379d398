//! What the tests share.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cloakroom_core::{
    ClientInfo, DataChange, End, EndReason, Expect, Guard, NewSession, Record, Renewal,
    SecretDigest, Selector, SessionId, Timestamp, UserId,
};

/// A directory of one test, removed afterwards.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("cloakroom-sqlite-{}-{count}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).unwrap();
        Self(directory)
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.0
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.0.join("sessions.db")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The moment at which the tests' sessions begin.
pub(crate) const START: Timestamp = Timestamp::from_unix_millis(1_767_225_600_000);

pub(crate) fn minutes(count: u64) -> Timestamp {
    START.after(Duration::from_secs(60 * count))
}

/// Idle after 30 minutes, over after a day.
pub(crate) fn session(user: Option<&str>) -> NewSession {
    let record = Record {
        id: SessionId::new(None, START),
        digest: SecretDigest::of(b"secret"),
        renewal: Renewal::fresh(0, START),
        user: user.map(|user| UserId::new(user).unwrap()),
        user_name: user.map(str::to_owned),
        groups: vec!["staff".to_owned(), "admin".to_owned()],
        epoch: 0,
        generation: 0,
        created_at: START,
        authenticated_at: user.map(|_| START),
        last_seen_at: START,
        idle_timeout: Duration::from_secs(30 * 60),
        absolute_deadline: START.after(Duration::from_secs(24 * 3600)),
        remembered: true,
        client: ClientInfo {
            address: Some("192.0.2.1".to_owned()),
            user_agent: Some("curl/8".to_owned()),
        },
    };
    NewSession { record, data: Vec::new(), replaces: None, limit: None, anonymous_cap: 1_000 }
}

pub(crate) fn guard(id: SessionId) -> Guard {
    Guard { id, generation: 0, now: START }
}

pub(crate) fn put(key: &str, json: &str) -> DataChange {
    DataChange { key: key.to_owned(), expect: Expect::Any, json: Some(json.to_owned()) }
}

pub(crate) fn logout(id: SessionId) -> End {
    End {
        selector: Selector::Session(id),
        reason: EndReason::Logout,
        by: None,
        now: START,
        epoch: None,
    }
}

/// An error and what caused it, as an operator sees it.
pub(crate) fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
