use std::sync::Arc;

use cloakroom_core::{
    Answer, Browse, Bucket, Counts, DataChange, DataLimits, Durability, End, Ended, EndedPage,
    EndedSession, Entry, Guard, History, HistoryQuery, Inserted, Keys, LogPage, NewSession, Page,
    Position, Query, Record, RenewalStep, RevocationBound, RevocationLog, Rotation, Selector,
    SessionId, Store, StoreAnswer, StoreError, Summary, Sweep, Swept, Timestamp, Touch, Updated,
    UserId,
};

use super::cache::{Cache, Look};
use super::{Backed, Inner};

impl Backed {
    /// A write in a task of its own: the backing store, then the cache (law 9).
    fn write<'a, T, W, F>(&self, operation: &'static str, write: W) -> StoreAnswer<'a, T>
    where
        T: Send + 'static,
        W: FnOnce(Arc<Inner>) -> F,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let task = self.inner.cache.calls.runtime.spawn(write(Arc::clone(&self.inner)));
        Answer::pending(async move {
            match task.await {
                Ok(written) => written,
                Err(stopped) => Err(StoreError::unknown(operation, stopped)),
            }
        })
    }
}

// What the cache holds is dropped whatever a write came to: one that failed may have been done.
impl Store for Backed {
    fn durability(&self) -> Durability {
        self.inner.backing.durability()
    }

    fn revocation_bound(&self) -> RevocationBound {
        RevocationBound::Within(Self::BOUND)
    }

    fn reload(&self, id: SessionId, now: Timestamp) -> StoreAnswer<'_, Option<Arc<Record>>> {
        self.inner.backing.reload(id, now)
    }

    fn insert(&self, new: NewSession) -> StoreAnswer<'_, Inserted> {
        self.write("insert a session", |inner| async move {
            let replaced: Vec<SessionId> = new.replaces.iter().map(|old| old.id).collect();
            let (bucket, has_limit) = (new.record.id.bucket(), new.limit.is_some());
            let inserted = inner.backing.insert(new).await;
            inner.cache.forget(&replaced).await;
            match &inserted {
                Ok(Inserted::Done { ended }) => inner.cache.forget(ended).await,
                Ok(_) => {}
                Err(_) if has_limit => inner.cache.forget_bucket(bucket).await,
                Err(_) => {}
            }
            inserted
        })
    }

    fn load(&self, id: SessionId, now: Timestamp) -> StoreAnswer<'_, Option<Arc<Record>>> {
        let Inner { backing, cache, .. } = &*self.inner;
        Answer::pending(async move {
            match cache.look(id).await {
                Look::Found(record) if !record.is_expired(now) => Ok(Some(record)),
                // It may have been used since it was cached.
                Look::Found(_) | Look::Bypassed => backing.load(id, now).await,
                Look::Missed(right) => {
                    let read = backing.load(id, now).await?;
                    if let (Some(right), Some(record)) = (right, &read) {
                        cache.fill(right, record).await;
                    }
                    Ok(read)
                }
            }
        })
    }

    fn read(
        &self,
        id: SessionId,
        now: Timestamp,
        keys: Keys,
    ) -> StoreAnswer<'_, Option<Vec<Entry>>> {
        self.inner.backing.read(id, now, keys)
    }

    fn update(
        &self,
        guard: Guard,
        changes: Vec<DataChange>,
        limits: DataLimits,
    ) -> StoreAnswer<'_, Updated> {
        // Data is not cached.
        self.inner.backing.update(guard, changes, limits)
    }

    fn rotate(&self, guard: Guard, rotation: Rotation) -> StoreAnswer<'_, Updated> {
        self.write("rotate a credential", move |inner| async move {
            let rotated = inner.backing.rotate(guard, rotation).await;
            inner.cache.forget(&[guard.id]).await;
            rotated
        })
    }

    fn renew(&self, guard: Guard, step: RenewalStep) -> StoreAnswer<'_, Updated> {
        self.write("renew a credential", move |inner| async move {
            let renewed = inner.backing.renew(guard, step).await;
            inner.cache.forget(&[guard.id]).await;
            renewed
        })
    }

    fn touch(&self, now: Timestamp, touches: Vec<Touch>) -> StoreAnswer<'_, u64> {
        self.write("touch sessions", move |inner| async move {
            let ids: Vec<SessionId> = touches.iter().map(|touch| touch.id).collect();
            let touched = inner.backing.touch(now, touches).await;
            inner.cache.forget(&ids).await;
            touched
        })
    }

    fn regroup(&self, user: UserId, groups: Vec<String>, now: Timestamp) -> StoreAnswer<'_, u64> {
        self.write("change the groups of a user's sessions", move |inner| async move {
            let bucket = Bucket::of(&user);
            let changed = inner.backing.regroup(user, groups, now).await;
            inner.cache.forget_bucket(bucket).await;
            changed
        })
    }

    fn end(&self, end: End) -> StoreAnswer<'_, Ended> {
        self.write("end sessions", |inner| async move {
            let selector = end.selector.clone();
            let ended = inner.backing.end(end).await;
            forget(&inner.cache, &selector).await;
            ended
        })
    }

    fn epoch(&self, user: UserId) -> StoreAnswer<'_, u64> {
        self.inner.backing.epoch(user)
    }

    fn sweep(&self, sweep: Sweep) -> StoreAnswer<'_, Swept> {
        // What has expired is not taken from the cache.
        self.inner.backing.sweep(sweep)
    }
}

async fn forget(cache: &Cache, selector: &Selector) {
    match selector {
        Selector::Session(id) => cache.forget(&[*id]).await,
        Selector::User(user) | Selector::UserExcept(user, _) => {
            cache.forget_bucket(Bucket::of(user)).await;
        }
        Selector::Everyone => cache.forget_all().await,
    }
}

impl Browse for Backed {
    fn sessions(&self, query: Query) -> StoreAnswer<'_, Page> {
        self.inner.backing.sessions(query)
    }

    fn sessions_of(&self, user: UserId, now: Timestamp) -> StoreAnswer<'_, Vec<Summary>> {
        self.inner.backing.sessions_of(user, now)
    }

    fn counts(&self, now: Timestamp) -> StoreAnswer<'_, Counts> {
        self.inner.backing.counts(now)
    }
}

impl History for Backed {
    fn ended(&self, id: SessionId) -> StoreAnswer<'_, Option<EndedSession>> {
        self.inner.backing.ended(id)
    }

    fn history(&self, query: HistoryQuery) -> StoreAnswer<'_, EndedPage> {
        self.inner.backing.history(query)
    }
}

impl RevocationLog for Backed {
    fn log_after(&self, after: Option<Position>, limit: u32) -> StoreAnswer<'_, LogPage> {
        self.inner.backing.log_after(after, limit)
    }
}
