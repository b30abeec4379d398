use std::any::Any;
use std::fmt;
use std::sync::Arc;

use cloakroom_core::{
    Browse, Counts, DataChange, DataLimits, Durability, End, Ended, EndedPage, EndedSession, Entry,
    Guard, History, HistoryQuery, Inserted, Keys, LogPage, NewSession, Page, Position, Query,
    Record, RenewalStep, RevocationBound, RevocationLog, Rotation, SessionId, SessionStore, Store,
    StoreAnswer, Summary, Sweep, Swept, Timestamp, Touch, Updated, UserId,
};

/// A store that several tasks use.
pub type SharedStore = Arc<dyn SessionStore>;

/// The duties of a store, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the store method of the same name")]
pub enum Operation {
    Insert,
    Load,
    Read,
    Update,
    Rotate,
    Renew,
    Touch,
    Regroup,
    End,
    Epoch,
    Sweep,
    Sessions,
    SessionsOf,
    Counts,
    Ended,
    History,
    Log,
}

impl Operation {
    /// Its name as an infinitive, for errors.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Load => "load",
            Self::Read => "read",
            Self::Update => "update",
            Self::Rotate => "rotate",
            Self::Renew => "renew",
            Self::Touch => "touch",
            Self::Regroup => "regroup",
            Self::End => "end",
            Self::Epoch => "read an epoch",
            Self::Sweep => "sweep",
            Self::Sessions => "list sessions",
            Self::SessionsOf => "list a user's sessions",
            Self::Counts => "count",
            Self::Ended => "look up an ended session",
            Self::History => "list ended sessions",
            Self::Log => "read the log",
        }
    }
}

/// A call of the wrapped store that has not been made yet.
pub type Call<'a, T> = Box<dyn FnOnce(&'a dyn SessionStore) -> StoreAnswer<'a, T> + Send + 'a>;

/// Something around a store: it changes what it overrides and passes the rest on.
///
/// [`Wrapped`] makes a store of it.
pub trait Wrap: Send + Sync + fmt::Debug + 'static {
    /// The store inside.
    fn inner(&self) -> &dyn SessionStore;

    /// Around every operation that is not overridden itself.
    fn around<'a, T: Send + Unpin + 'a>(
        &'a self,
        _operation: Operation,
        call: Call<'a, T>,
    ) -> StoreAnswer<'a, T> {
        call(self.inner())
    }

    /// [`Store::insert`].
    fn insert(&self, new: NewSession) -> StoreAnswer<'_, Inserted> {
        self.around(Operation::Insert, Box::new(move |store| store.insert(new)))
    }

    /// [`Store::load`].
    fn load(&self, id: SessionId, now: Timestamp) -> StoreAnswer<'_, Option<Arc<Record>>> {
        self.around(Operation::Load, Box::new(move |store| store.load(id, now)))
    }

    /// [`Store::reload`].
    fn reload(&self, id: SessionId, now: Timestamp) -> StoreAnswer<'_, Option<Arc<Record>>> {
        self.around(Operation::Load, Box::new(move |store| store.reload(id, now)))
    }

    /// [`Store::revocation_bound`].
    fn revocation_bound(&self) -> RevocationBound {
        self.inner().revocation_bound()
    }

    /// [`Store::update`].
    fn update(
        &self,
        guard: Guard,
        changes: Vec<DataChange>,
        limits: DataLimits,
    ) -> StoreAnswer<'_, Updated> {
        self.around(Operation::Update, Box::new(move |store| store.update(guard, changes, limits)))
    }

    /// [`Store::touch`].
    fn touch(&self, now: Timestamp, touches: Vec<Touch>) -> StoreAnswer<'_, u64> {
        self.around(Operation::Touch, Box::new(move |store| store.touch(now, touches)))
    }

    /// [`Store::end`].
    fn end(&self, end: End) -> StoreAnswer<'_, Ended> {
        self.around(Operation::End, Box::new(move |store| store.end(end)))
    }
}

/// The store that a [`Wrap`] makes of the one inside it.
#[derive(Debug)]
pub struct Wrapped<W>(pub W);

impl<W: Wrap> Wrapped<W> {
    /// Wrapped and shared.
    pub fn shared(wrap: W) -> SharedStore {
        Arc::new(Self(wrap))
    }
}

impl<W: Wrap> Store for Wrapped<W> {
    fn durability(&self) -> Durability {
        self.0.inner().durability()
    }

    fn revocation_bound(&self) -> RevocationBound {
        self.0.revocation_bound()
    }

    fn reload(&self, id: SessionId, now: Timestamp) -> StoreAnswer<'_, Option<Arc<Record>>> {
        self.0.reload(id, now)
    }

    fn insert(&self, new: NewSession) -> StoreAnswer<'_, Inserted> {
        self.0.insert(new)
    }

    fn load(&self, id: SessionId, now: Timestamp) -> StoreAnswer<'_, Option<Arc<Record>>> {
        self.0.load(id, now)
    }

    fn read(
        &self,
        id: SessionId,
        now: Timestamp,
        keys: Keys,
    ) -> StoreAnswer<'_, Option<Vec<Entry>>> {
        self.0.around(Operation::Read, Box::new(move |store| store.read(id, now, keys)))
    }

    fn update(
        &self,
        guard: Guard,
        changes: Vec<DataChange>,
        limits: DataLimits,
    ) -> StoreAnswer<'_, Updated> {
        self.0.update(guard, changes, limits)
    }

    fn rotate(&self, guard: Guard, rotation: Rotation) -> StoreAnswer<'_, Updated> {
        self.0.around(Operation::Rotate, Box::new(move |store| store.rotate(guard, rotation)))
    }

    fn renew(&self, guard: Guard, step: RenewalStep) -> StoreAnswer<'_, Updated> {
        self.0.around(Operation::Renew, Box::new(move |store| store.renew(guard, step)))
    }

    fn touch(&self, now: Timestamp, touches: Vec<Touch>) -> StoreAnswer<'_, u64> {
        self.0.touch(now, touches)
    }

    fn regroup(&self, user: UserId, groups: Vec<String>, now: Timestamp) -> StoreAnswer<'_, u64> {
        self.0.around(Operation::Regroup, Box::new(move |store| store.regroup(user, groups, now)))
    }

    fn end(&self, end: End) -> StoreAnswer<'_, Ended> {
        self.0.end(end)
    }

    fn epoch(&self, user: UserId) -> StoreAnswer<'_, u64> {
        self.0.around(Operation::Epoch, Box::new(move |store| store.epoch(user)))
    }

    fn sweep(&self, sweep: Sweep) -> StoreAnswer<'_, Swept> {
        self.0.around(Operation::Sweep, Box::new(move |store| store.sweep(sweep)))
    }
}

impl<W: Wrap> Browse for Wrapped<W> {
    fn sessions(&self, query: Query) -> StoreAnswer<'_, Page> {
        self.0.around(Operation::Sessions, Box::new(move |store| store.sessions(query)))
    }

    fn sessions_of(&self, user: UserId, now: Timestamp) -> StoreAnswer<'_, Vec<Summary>> {
        self.0.around(Operation::SessionsOf, Box::new(move |store| store.sessions_of(user, now)))
    }

    fn counts(&self, now: Timestamp) -> StoreAnswer<'_, Counts> {
        self.0.around(Operation::Counts, Box::new(move |store| store.counts(now)))
    }
}

impl<W: Wrap> History for Wrapped<W> {
    fn ended(&self, id: SessionId) -> StoreAnswer<'_, Option<EndedSession>> {
        self.0.around(Operation::Ended, Box::new(move |store| store.ended(id)))
    }

    fn history(&self, query: HistoryQuery) -> StoreAnswer<'_, EndedPage> {
        self.0.around(Operation::History, Box::new(move |store| store.history(query)))
    }
}

impl<W: Wrap> RevocationLog for Wrapped<W> {
    fn log_after(&self, after: Option<Position>, limit: u32) -> StoreAnswer<'_, LogPage> {
        self.0.around(Operation::Log, Box::new(move |store| store.log_after(after, limit)))
    }
}

/// A store together with what must outlive it, such as its temporary directory.
///
/// ```
/// # use cloakroom_testkit::Kept;
/// # use cloakroom_core::{MemoryStore, SessionStore};
/// async fn fresh() -> impl SessionStore {
///     let directory = String::from("stands for a temporary directory");
///     Kept::with(directory, MemoryStore::default())
/// }
/// ```
pub struct Kept {
    // Fields are dropped in this order: the store must be closed before its directory goes.
    store: SharedStore,
    _guard: Box<dyn Any + Send + Sync>,
}

impl Kept {
    /// `store`, dropped before `guard` is.
    pub fn with(guard: impl Any + Send + Sync, store: impl SessionStore) -> Wrapped<Self> {
        Self::shared(guard, Arc::new(store))
    }

    /// The same for a store that is already shared.
    pub fn shared(guard: impl Any + Send + Sync, store: SharedStore) -> Wrapped<Self> {
        Wrapped(Self { store, _guard: Box::new(guard) })
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(formatter)
    }
}

impl Wrap for Kept {
    fn inner(&self) -> &dyn SessionStore {
        &*self.store
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use cloakroom_core::MemoryStore;

    use super::*;

    #[derive(Debug)]
    struct Closing(MemoryStore, Arc<AtomicBool>);

    impl Wrap for Closing {
        fn inner(&self) -> &dyn SessionStore {
            &self.0
        }
    }

    impl Drop for Closing {
        fn drop(&mut self) {
            self.1.store(true, Ordering::SeqCst);
        }
    }

    struct Directory(Arc<AtomicBool>);

    impl Drop for Directory {
        fn drop(&mut self) {
            assert!(self.0.load(Ordering::SeqCst), "the directory went before the store");
        }
    }

    #[test]
    fn a_store_is_closed_before_its_directory_goes() {
        let closed = Arc::new(AtomicBool::new(false));
        let store = Wrapped(Closing(MemoryStore::new(), Arc::clone(&closed)));
        drop(Kept::with(Directory(closed), store));
    }
}
