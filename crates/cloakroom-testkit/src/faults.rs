use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cloakroom_core::{Answer, SessionStore, StoreAnswer, StoreError};
use tokio::sync::watch;

use crate::wrap::{Call, Operation, SharedStore, Wrap, Wrapped};

/// What goes wrong with an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not done, and says so.
    Failed,
    /// It is not done, and says that it does not know.
    UnknownNotDone,
    /// It is done, and says that it does not know: the connection broke after the commit.
    UnknownDone,
}

/// The store around which things go wrong. Made by [`Faults::around`].
#[derive(Debug)]
pub struct Faulty {
    store: SharedStore,
    faults: Faults,
}

/// What goes wrong, as a test orders it; clones share one state.
///
/// ```
/// # use std::sync::Arc;
/// # use cloakroom_testkit::{Fault, Faults, Operation};
/// # use cloakroom_core::MemoryStore;
/// let (store, faults) = Faults::around(Arc::new(MemoryStore::new()));
/// faults.set(Operation::Load, Fault::Failed);
/// // … the application answers 503 and clears no cookie …
/// faults.heal();
/// # drop(store);
/// ```
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<Orders>>);

#[derive(Default)]
struct Orders {
    faults: HashMap<Operation, Fault>,
    outage: bool,
    gates: HashMap<Operation, watch::Sender<Gate>>,
    calls: HashMap<Operation, u64>,
}

#[derive(Clone, Copy, Default)]
struct Gate {
    waiting: u64,
    open: bool,
}

impl Faults {
    /// `store` with nothing wrong yet, and the orders for it.
    pub fn around(store: SharedStore) -> (SharedStore, Self) {
        let faults = Self::default();
        (Wrapped::shared(Faulty { store, faults: faults.clone() }), faults)
    }

    /// Every call of `operation` goes wrong from now on.
    pub fn set(&self, operation: Operation, fault: Fault) {
        self.orders().faults.insert(operation, fault);
    }

    /// Every call of every operation fails from now on: the store is down.
    pub fn set_outage(&self) {
        self.orders().outage = true;
    }

    /// Nothing goes wrong any more. Operations that are held stay held.
    pub fn heal(&self) {
        let mut orders = self.orders();
        orders.faults.clear();
        orders.outage = false;
    }

    /// Calls of `operation` wait, before they do anything, until the hold is released or dropped.
    pub fn hold(&self, operation: Operation) -> Hold {
        let gate = watch::Sender::new(Gate::default());
        self.orders().gates.insert(operation, gate.clone());
        Hold { gate }
    }

    /// How often `operation` was called.
    pub fn calls(&self, operation: Operation) -> u64 {
        self.orders().calls.get(&operation).copied().unwrap_or(0)
    }

    /// How often anything was called.
    pub fn all_calls(&self) -> u64 {
        self.orders().calls.values().sum()
    }

    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fault_of(&self, operation: Operation) -> Option<Fault> {
        let orders = self.orders();
        let fault = orders.faults.get(&operation).copied();
        fault.or(orders.outage.then_some(Fault::Failed))
    }

    fn note_call(&self, operation: Operation) -> Option<watch::Sender<Gate>> {
        let mut orders = self.orders();
        *orders.calls.entry(operation).or_default() += 1;
        orders.gates.get(&operation).cloned()
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Faults").field("faults", &self.orders().faults).finish()
    }
}

/// Operations held back; see [`Faults::hold`].
pub struct Hold {
    gate: watch::Sender<Gate>,
}

impl Hold {
    /// Waits until so many calls in all were held back.
    pub async fn reached(&self, calls: u64) {
        let mut seen = self.gate.subscribe();
        // The sender lives in `self`, so the wait cannot end in any other way.
        let _ = seen.wait_for(|gate| gate.waiting >= calls).await;
    }

    /// Lets them go, and all that come later.
    pub fn release(self) {}
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.gate.send_modify(|gate| gate.open = true);
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Hold").field("waiting", &self.gate.borrow().waiting).finish()
    }
}

async fn pass(gate: &watch::Sender<Gate>) {
    gate.send_modify(|gate| gate.waiting += 1);
    // The sender is held by the caller, so the wait ends only when the gate opens.
    let _ = gate.subscribe().wait_for(|gate| gate.open).await;
}

impl Wrap for Faulty {
    fn inner(&self) -> &dyn SessionStore {
        &*self.store
    }

    fn around<'a, T: Send + Unpin + 'a>(
        &'a self,
        operation: Operation,
        call: Call<'a, T>,
    ) -> StoreAnswer<'a, T> {
        let gate = self.faults.note_call(operation);
        if gate.is_none() && self.faults.fault_of(operation).is_none() {
            return call(self.inner());
        }
        Answer::pending(async move {
            if let Some(gate) = &gate {
                pass(gate).await;
            }
            let cause = "ordered by a test";
            match self.faults.fault_of(operation) {
                None => call(self.inner()).await,
                Some(Fault::Failed) => Err(StoreError::failed(operation.as_str(), cause)),
                Some(Fault::UnknownNotDone) => Err(StoreError::unknown(operation.as_str(), cause)),
                Some(Fault::UnknownDone) => {
                    call(self.inner()).await?;
                    Err(StoreError::unknown(operation.as_str(), cause))
                }
            }
        })
    }
}
