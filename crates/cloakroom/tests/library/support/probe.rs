use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use cloakroom::{SessionStore, StoreError};
use cloakroom_core::{Answer, StoreAnswer};
use cloakroom_testkit::{Call, Operation, Random, SharedStore, Wrap, Wrapped};

/// What goes wrong in a store.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// It is not done.
    Failed,
    /// It is done and the answer is lost.
    AnswerLost,
    /// The same, and from then on every call fails.
    AnswerLostThenFailed,
    /// It is done and the answer does not come before [`Probe::repair`].
    AnswerLate,
}

/// Between the library and its store: counts what is called, injects faults, and lets other
/// tasks go first for a random while.
#[derive(Clone, Debug)]
pub(crate) struct Probe(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: SharedStore,
    plan: Mutex<Plan>,
}

#[derive(Debug, Default)]
struct Plan {
    calls: Vec<Operation>,
    faults: HashMap<Operation, (Fault, u32)>,
    detours: Option<Random>,
}

impl Probe {
    pub(crate) fn around(store: SharedStore) -> Self {
        Self(Arc::new(Inner { store, plan: Mutex::default() }))
    }

    /// The store that the library is given.
    pub(crate) fn store(&self) -> SharedStore {
        Wrapped::shared(self.clone())
    }

    /// The store behind, which never fails.
    pub(crate) fn behind(&self) -> &dyn SessionStore {
        &*self.0.store
    }

    /// What was called since this was last asked, background writing of "last seen" left out.
    pub(crate) fn calls(&self) -> Vec<Operation> {
        let mut calls = std::mem::take(&mut self.plan().calls);
        calls.retain(|call| *call != Operation::Touch);
        calls
    }

    /// The next `times` calls of this operation fail.
    pub(crate) fn fail(&self, operation: Operation, fault: Fault, times: u32) {
        self.plan().faults.insert(operation, (fault, times));
    }

    /// Every call of any operation fails.
    pub(crate) fn take_down(&self) {
        for operation in [
            Operation::Insert,
            Operation::Load,
            Operation::Read,
            Operation::Update,
            Operation::Rotate,
            Operation::Renew,
            Operation::Touch,
            Operation::End,
            Operation::Epoch,
            Operation::Sweep,
            Operation::SessionsOf,
            Operation::Ended,
        ] {
            self.fail(operation, Fault::Failed, u32::MAX);
        }
    }

    /// No more faults.
    pub(crate) fn repair(&self) {
        self.plan().faults.clear();
    }

    /// From now on other tasks run for a random while before and after each call.
    pub(crate) fn detour(&self, random: Random) {
        self.plan().detours = Some(random);
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.plan.lock().unwrap()
    }

    fn fault(&self, operation: Operation) -> Option<Fault> {
        let mut plan = self.plan();
        plan.calls.push(operation);
        let (fault, times) = plan.faults.get_mut(&operation)?;
        *times = times.checked_sub(1)?;
        let now = *fault;
        if matches!(now, Fault::AnswerLostThenFailed) {
            *fault = Fault::Failed;
        }
        Some(now)
    }

    async fn wander(&self) {
        let steps = self.plan().detours.as_mut().map_or(0, |random| random.below(6));
        for _ in 0..steps {
            tokio::task::yield_now().await;
        }
    }

    fn wanders(&self) -> bool {
        self.plan().detours.is_some()
    }
}

impl Wrap for Probe {
    fn inner(&self) -> &dyn SessionStore {
        &*self.0.store
    }

    fn around<'a, T: Send + Unpin + 'a>(
        &'a self,
        operation: Operation,
        call: Call<'a, T>,
    ) -> StoreAnswer<'a, T> {
        let name = operation.as_str();
        match self.fault(operation) {
            None if !self.wanders() => call(self.inner()),
            None => Answer::pending(async move {
                self.wander().await;
                let answer = call(self.inner()).await;
                self.wander().await;
                answer
            }),
            Some(Fault::Failed) => Answer::ready(Err(StoreError::failed(name, "injected fault"))),
            Some(Fault::AnswerLate) => Answer::pending(async move {
                let answer = call(self.inner()).await;
                while self.plan().faults.contains_key(&operation) {
                    tokio::task::yield_now().await;
                }
                answer
            }),
            Some(Fault::AnswerLost | Fault::AnswerLostThenFailed) => Answer::pending(async move {
                call(self.inner()).await?;
                Err(StoreError::unknown(name, "injected loss of the answer"))
            }),
        }
    }
}
