//! The one handle an application holds: what makes a credential true now, and every act on
//! sessions. A recorded authority: a record in the store says so.

mod acts;
mod data;
mod ends;
mod tasks;
mod told;
mod verify;

use std::fmt;
use std::future::Future;
use std::sync::{Arc, OnceLock};

use tracing::Instrument;

use crate::meters::{Measured, Meters};
use crate::sweeper::Sweeper;
use crate::touches::Touches;
use crate::{
    Clock, Durability, Observer, Policy, RevocationBound, SessionStore, StoreError, SweepReport,
    Timestamp, TokenCodec,
};

/// All sessions of one application. Cheap to clone; all clones are one.
///
/// Cost of [`Sessions::verify`]: one read of the store. Every act that changes a credential runs
/// to its end in a task of its own, so a client that hangs up leaves nothing half done (law 9).
#[derive(Clone)]
pub struct Sessions(Arc<Inner>);

struct Inner {
    store: Arc<dyn SessionStore>,
    codec: Arc<dyn TokenCodec>,
    clock: Arc<dyn Clock>,
    policy: Policy,
    touches: Touches,
    sweeper: Sweeper,
    meters: Arc<Meters>,
    observer: OnceLock<Arc<dyn Observer>>,
    updates: [tokio::sync::Mutex<()>; UPDATE_LOCKS],
}

/// Locks that updates of data take turns on, by session.
const UPDATE_LOCKS: usize = 64;

impl Sessions {
    /// Sessions in `store` under `policy`. Call [`Sessions::start`] to sweep and to write
    /// "last seen" in the background.
    pub fn new(
        store: Arc<dyn SessionStore>,
        codec: Arc<dyn TokenCodec>,
        clock: Arc<dyn Clock>,
        mut policy: Policy,
    ) -> Self {
        // A credential renewed again within the grace would make a late tab look like a thief.
        policy.renew_after = policy.renew_after.max(policy.renew_grace.saturating_mul(2));
        let (touches, sweeper) = (Touches::default(), Sweeper::default());
        let updates = [const { tokio::sync::Mutex::const_new(()) }; UPDATE_LOCKS];
        let (meters, observer) = (Arc::new(Meters::default()), OnceLock::new());
        let patience = policy.store_timeout;
        let store = Arc::new(Measured::new(store, Arc::clone(&meters), patience));
        Self(Arc::new(Inner {
            store,
            codec,
            clock,
            policy,
            touches,
            sweeper,
            meters,
            observer,
            updates,
        }))
    }

    /// The current moment on the clock that all deadlines are judged by.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// The policy in force.
    pub fn policy(&self) -> &Policy {
        &self.0.policy
    }

    /// The store, for listing sessions and reading their history.
    pub fn store(&self) -> &dyn SessionStore {
        &*self.0.store
    }

    /// When an acknowledged end is refused everywhere: as every verification reads the store, when
    /// its reads know of it.
    pub fn revocation_bound(&self) -> RevocationBound {
        self.0.store.revocation_bound()
    }

    /// What a crash can take of what was acknowledged.
    pub fn durability(&self) -> Durability {
        self.0.store.durability()
    }

    /// What the sweeper has done since the start.
    pub fn sweep_report(&self) -> SweepReport {
        self.0.sweeper.report()
    }

    /// A lock to hold during a compare-and-set loop on a session's data. It only spares retries
    /// within this process; correctness comes from the compare-and-set.
    pub fn updates(&self, id: crate::SessionId) -> &tokio::sync::Mutex<()> {
        &self.0.updates[usize::from(id.as_bytes()[15]) % UPDATE_LOCKS]
    }

    /// Runs `act` to its end even if the caller goes away (law 9), within the caller's span.
    async fn to_its_end<T, E>(
        act: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        match tokio::spawn(act.in_current_span()).await {
            Ok(outcome) => outcome,
            Err(stopped) => Err(StoreError::unknown("finish a change", stopped).into()),
        }
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sessions").field("store", &self.0.store).finish_non_exhaustive()
    }
}
