//! The store: each duty in a file of its own.

mod claim;
mod credentials;
mod data;
mod end;
mod everyone;
mod insert;
mod load;
mod open;
mod sweep;
mod touch;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use cloakroom_core::{
    DataChange, DataLimits, Durability, End, Ended, Entry, Guard, Inserted, Keys, NewSession,
    Record, RenewalStep, Rotation, SessionId, Store, StoreAnswer, Sweep, Swept, Timestamp, Touch,
    Updated, UserId,
};

use crate::calls::Calls;
use crate::server::ServerFacts;

/// Sessions in Redis or Valkey. Clones share the connection.
///
/// Two sentences of the contract hold in a weaker form, because no script may touch two buckets:
///
/// - Where a login takes the place of a session of another bucket (a visitor's, as a rule), the
///   data of the session that is replaced is frozen first (writes to it wait), then copied
///   into the new session, then the old one ends. A read between the last two steps sees both
///   live, and nobody has been told of the new one yet. Should this process die in between, whoever
///   meets the old session two seconds later finishes the replacement, or takes it back if the new
///   session had not been made; it cannot be made after that.
/// - The end of everyone takes effect bucket by bucket before it is acknowledged, so a read
///   meanwhile may see some sessions ended and others not.
///
/// A user has at most 1,000 sessions: at the next login the oldest one ends.
///
/// The epochs of users have to stay below 2⁵³.
#[derive(Clone)]
pub struct RedisStore {
    pub(crate) calls: Arc<Calls>,
    /// What was found of the server when it was last seen.
    seen: Arc<Mutex<ServerFacts>>,
}

impl RedisStore {
    /// What was found of the server when it was last connected to.
    pub fn server(&self) -> ServerFacts {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(link) = self.calls.keeper.last_link() {
            seen.clone_from(&link.facts);
        }
        seen.clone()
    }

    /// The channel on which an entry of the log is announced when it was written. What is said
    /// there is a hint to read the log.
    pub fn channel(&self) -> String {
        self.calls.keys.channel()
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RedisStore")
    }
}

impl Store for RedisStore {
    fn durability(&self) -> Durability {
        self.server().durability
    }

    fn insert(&self, new: NewSession) -> StoreAnswer<'_, Inserted> {
        let calls = Arc::clone(&self.calls);
        self.calls.write("insert a session", async move { insert::insert(&calls, new).await })
    }

    fn load(&self, id: SessionId, now: Timestamp) -> StoreAnswer<'_, Option<Arc<Record>>> {
        self.calls
            .read("load a session", move |calls| async move { load::load(&calls, id, now).await })
    }

    fn read(
        &self,
        id: SessionId,
        now: Timestamp,
        keys: Keys,
    ) -> StoreAnswer<'_, Option<Vec<Entry>>> {
        self.calls.read("read session data", move |calls| {
            let keys = keys.clone();
            async move { data::read(&calls, id, now, keys).await }
        })
    }

    fn update(
        &self,
        guard: Guard,
        changes: Vec<DataChange>,
        limits: DataLimits,
    ) -> StoreAnswer<'_, Updated> {
        let calls = Arc::clone(&self.calls);
        self.calls.write("write session data", async move {
            data::update(&calls, guard, &changes, limits).await
        })
    }

    fn rotate(&self, guard: Guard, rotation: Rotation) -> StoreAnswer<'_, Updated> {
        let calls = Arc::clone(&self.calls);
        self.calls.write("rotate a credential", async move {
            credentials::rotate(&calls, guard, rotation).await
        })
    }

    fn renew(&self, guard: Guard, step: RenewalStep) -> StoreAnswer<'_, Updated> {
        let calls = Arc::clone(&self.calls);
        self.calls.write("renew a credential", async move {
            credentials::renew(&calls, guard, step).await
        })
    }

    fn touch(&self, now: Timestamp, touches: Vec<Touch>) -> StoreAnswer<'_, u64> {
        let calls = Arc::clone(&self.calls);
        self.calls.write("touch sessions", async move { touch::touch(&calls, now, touches).await })
    }

    fn regroup(&self, user: UserId, groups: Vec<String>, now: Timestamp) -> StoreAnswer<'_, u64> {
        let calls = Arc::clone(&self.calls);
        self.calls.write("change the groups of a user's sessions", async move {
            touch::regroup(&calls, &user, &groups, now).await
        })
    }

    fn end(&self, end: End) -> StoreAnswer<'_, Ended> {
        let calls = Arc::clone(&self.calls);
        self.calls.write("end sessions", async move { end::end(&calls, end).await })
    }

    fn epoch(&self, user: UserId) -> StoreAnswer<'_, u64> {
        self.calls.read("read a user's epoch", move |calls| {
            let user = user.clone();
            async move { end::epoch(&calls, &user).await }
        })
    }

    fn sweep(&self, sweep: Sweep) -> StoreAnswer<'_, Swept> {
        let calls = Arc::clone(&self.calls);
        self.calls.write("sweep expired sessions", async move { sweep::sweep(&calls, sweep).await })
    }
}
