use std::sync::Arc;

use cloakroom::SessionStore;
use cloakroom_core::{Answer, StoreAnswer};
use cloakroom_testkit::{Call, Operation, Wrap, Wrapped};
use tokio::sync::watch;

/// Sweeps of a store wait while it is closed; everything else passes.
#[derive(Clone, Debug)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Gate {
    /// The store, and the gate before its sweeps, closed.
    pub fn before(store: Arc<dyn SessionStore>) -> (Arc<dyn SessionStore>, Self) {
        let gate = Self(Arc::new(watch::Sender::new(false)));
        (Wrapped::shared(Gated { store, gate: gate.clone() }), gate)
    }

    pub fn set(&self, open: bool) {
        self.0.send_replace(open);
    }
}

#[derive(Debug)]
struct Gated {
    store: Arc<dyn SessionStore>,
    gate: Gate,
}

impl Wrap for Gated {
    fn inner(&self) -> &dyn SessionStore {
        &*self.store
    }

    fn around<'a, T: Send + Unpin + 'a>(
        &'a self,
        operation: Operation,
        call: Call<'a, T>,
    ) -> StoreAnswer<'a, T> {
        if operation != Operation::Sweep {
            return call(self.inner());
        }
        Answer::pending(async move {
            // The sender lives in `self`, so the wait ends only when the gate opens.
            let _ = self.gate.0.subscribe().wait_for(|open| *open).await;
            call(self.inner()).await
        })
    }
}
