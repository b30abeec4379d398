use std::sync::atomic::{AtomicU64, Ordering};

use cloakroom_core::{Answer, End, Ended, Selector, SessionStore, StoreAnswer};

use crate::wrap::{SharedStore, Wrap};

/// Every third logout is acknowledged and forgotten, as by a queue that is lost.
#[derive(Debug)]
pub struct ForgottenEnd {
    store: SharedStore,
    ends: AtomicU64,
}

impl ForgottenEnd {
    /// Breaks `store`.
    pub fn around(store: SharedStore) -> Self {
        Self { store, ends: AtomicU64::new(0) }
    }
}

impl Wrap for ForgottenEnd {
    fn inner(&self) -> &dyn SessionStore {
        &*self.store
    }

    fn end(&self, end: End) -> StoreAnswer<'_, Ended> {
        let one = matches!(end.selector, Selector::Session(_));
        if one && self.ends.fetch_add(1, Ordering::SeqCst) % 3 == 2 {
            return Answer::ready(Ok(Ended { count: 1, epoch: 0 }));
        }
        self.store.end(end)
    }
}
