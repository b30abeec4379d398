//! Two nodes on one server.

use std::sync::atomic::{AtomicUsize, Ordering};

use cloakroom_core::SessionStore;
use cloakroom_testkit::{SharedStore, Wrap, Wrapped};

/// Stores that take turns, a call each: whatever a law demands of one has to hold across both.
#[derive(Debug)]
pub(crate) struct Turns {
    nodes: [SharedStore; 2],
    count: AtomicUsize,
}

impl Turns {
    pub(crate) fn of(nodes: [SharedStore; 2]) -> SharedStore {
        Wrapped::shared(Self { nodes, count: AtomicUsize::new(0) })
    }
}

impl Wrap for Turns {
    fn inner(&self) -> &dyn SessionStore {
        &*self.nodes[self.count.fetch_add(1, Ordering::Relaxed) % 2]
    }
}
