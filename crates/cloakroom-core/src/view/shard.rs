use std::hash::RandomState;
use std::mem;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::claimed::{Claimed, Denial, number_of};
use super::common::Common;
use super::deadline::Deadline;
use super::kept::{IdHashes, Kept, Until};
use super::user::OfUser;
use crate::{Bucket, Change, LogEntry, SessionId, Timestamp};

/// What the log says that concerns the sessions of one bucket, all of it: one lock is enough for a
/// decision.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) common: Arc<Common>,
    pub(super) ended: Kept<SessionId, Deadline, IdHashes>,
    pub(super) rotated: Kept<SessionId, Rotated, IdHashes>,
    pub(super) users: Kept<Box<str>, OfUser, RandomState>,
}

/// The generation that a session has now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rotated {
    generation: u32,
    until: Deadline,
}

impl Until for Rotated {
    fn until(&self) -> Deadline {
        self.until
    }
}

impl Rotated {
    fn join(&mut self, other: Self) {
        self.generation = self.generation.max(other.generation);
        self.until = self.until.max(other.until);
    }
}

impl Shard {
    fn new(common: &Arc<Common>) -> Self {
        let hashes = IdHashes::new();
        Self {
            common: Arc::clone(common),
            ended: Kept::new(hashes),
            rotated: Kept::new(hashes),
            users: Kept::new(RandomState::new()),
        }
    }

    pub(super) fn deny(&self, claimed: &Claimed<'_>) -> Option<Denial> {
        let Some(incarnation) = self.common.incarnation else { return Some(Denial::Stale) };
        if self.common.is_retired(claimed.key) {
            return Some(Denial::KeyRetired);
        }
        if self.ended.find(&claimed.session).is_some() {
            return Some(Denial::SessionEnded);
        }
        let user = claimed.user.and_then(|user| self.users.find(user.as_str()));
        if user.is_some_and(|user| user.has_ended(claimed.session, claimed.epoch)) {
            return Some(Denial::UserEnded);
        }
        if claimed.user.is_some() && self.common.has_ended(claimed.epoch) {
            return Some(Denial::EveryoneEnded);
        }
        let rotated = self.rotated.find(&claimed.session);
        if rotated.is_some_and(|rotated| claimed.generation < rotated.generation) {
            return Some(Denial::Rotated);
        }
        let mark = claimed.mark.filter(|mark| mark.incarnation == incarnation);
        let number = mark.map_or(0, |mark| mark.number);
        let is_stale = user.is_some_and(|user| user.has_changed(number))
            || self.common.may_have_ended(claimed.session.bucket(), number);
        is_stale.then_some(Denial::Stale)
    }

    fn end(&mut self, id: SessionId, until: Deadline) {
        self.ended.put(id, until, |there, until| *there = until.max(*there));
    }

    fn rotate(&mut self, id: SessionId, generation: u32, until: Deadline) {
        self.rotated.put(id, Rotated { generation, until }, Rotated::join);
    }

    fn of_user(&mut self, user: &str, what: OfUser) {
        self.users.put(user.into(), what, OfUser::join);
    }

    /// Adds what ended by another shard's knowledge. An end holds for ever, also if the log was
    /// set back behind it (law 1).
    fn keep_ends_of(&mut self, old: &Self) {
        old.ended.iter().for_each(|(id, until)| self.end(*id, *until));
    }
}

/// All shards, one for each bucket.
#[derive(Debug)]
pub(super) struct Shards(Vec<RwLock<Shard>>);

impl Shards {
    pub(super) fn new(common: &Arc<Common>) -> Self {
        Self(Bucket::all().map(|_| RwLock::new(Shard::new(common))).collect())
    }

    pub(super) fn read(&self, bucket: Bucket) -> RwLockReadGuard<'_, Shard> {
        self.0[bucket.index()].read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self, bucket: Bucket) -> RwLockWriteGuard<'_, Shard> {
        self.0[bucket.index()].write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Applies an entry of a page behind which the parts of the log are at `parts`. What concerns
    /// all sessions alike comes out of `common` and goes into every shard.
    pub(super) fn put(&self, common: &mut Arc<Common>, entry: &LogEntry, parts: &[u64]) {
        let until = Deadline::of(entry.until);
        match &entry.change {
            Change::Ended(id) => self.write(id.bucket()).end(*id, until),
            Change::Rotated(id, generation) => {
                self.write(id.bucket()).rotate(*id, *generation, until);
            }
            Change::UserEnded { user, epoch, except } => {
                let what = OfUser::ended(*epoch, *except, until);
                self.write(Bucket::of(user)).of_user(user.as_str(), what);
            }
            Change::UserChanged(user) => {
                let bucket = Bucket::of(user);
                let number = number_of(parts, bucket).unwrap_or(u64::MAX);
                self.write(bucket).of_user(user.as_str(), OfUser::changed(number, until));
            }
            Change::EveryoneEnded(epoch) => {
                Arc::make_mut(common).end_everyone(*epoch, parts, until);
                self.share(common);
            }
            Change::KeyRetired(key) => {
                Arc::make_mut(common).retire(key, until);
                self.share(common);
            }
        }
    }

    pub(super) fn share(&self, common: &Arc<Common>) {
        Bucket::all().for_each(|bucket| self.write(bucket).common = Arc::clone(common));
    }

    /// Takes the place of what is in `self`, shard by shard: a decision sees one shard, and so all
    /// of the old or all of the new.
    pub(super) fn replace_by(&self, fresh: Self) {
        for (bucket, fresh) in Bucket::all().zip(fresh.0) {
            let mut fresh = fresh.into_inner().unwrap_or_else(PoisonError::into_inner);
            fresh.keep_ends_of(&self.read(bucket));
            let old = mem::replace(&mut *self.write(bucket), fresh);
            drop(old);
        }
    }

    /// Drops at most `most` entries of each kind from one shard. Looks under the reader's lock;
    /// the caller sees to it that nobody else writes.
    pub(super) fn prune(&self, bucket: Bucket, now: Timestamp, most: usize) -> usize {
        let shard = self.read(bucket);
        let (ended, rotated) = (shard.ended.due(now, most), shard.rotated.due(now, most));
        let users = shard.users.due(now, most);
        drop(shard);
        if ended.is_none() && rotated.is_none() && users.is_none() {
            return 0;
        }
        let mut shard = self.write(bucket);
        let dropped = ended.map_or(0, |due| shard.ended.drop_due(due))
            + rotated.map_or(0, |due| shard.rotated.drop_due(due))
            + users.map_or(0, |due| shard.users.drop_due(due));
        drop(shard);
        self.shrink(bucket);
        dropped
    }

    /// Gives memory back that pruning freed. Giving it back can take milliseconds, so nobody waits
    /// for that.
    fn shrink(&self, bucket: Bucket) {
        let shard = self.read(bucket);
        let (ended, rotated) = (shard.ended.shrunk(), shard.rotated.shrunk());
        let users = shard.users.shrunk();
        drop(shard);
        let mut shard = self.write(bucket);
        let wide = (
            ended.map(|ended| mem::replace(&mut shard.ended, ended)),
            rotated.map(|rotated| mem::replace(&mut shard.rotated, rotated)),
            users.map(|users| mem::replace(&mut shard.users, users)),
        );
        drop(shard);
        drop(wide);
    }
}
