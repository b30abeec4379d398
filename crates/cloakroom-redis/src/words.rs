use std::sync::atomic::{AtomicU64, Ordering};

use cloakroom_core::{SessionId, Timestamp};

/// Words of which none comes twice, from here or from another process.
#[derive(Debug)]
pub(crate) struct Words {
    own: String,
    count: AtomicU64,
}

impl Words {
    pub(crate) fn new() -> Self {
        let own = SessionId::new(None, Timestamp::default()).to_string();
        Self { own, count: AtomicU64::new(0) }
    }

    pub(crate) fn fresh(&self) -> String {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        format!("{}-{count:x}", self.own)
    }
}
