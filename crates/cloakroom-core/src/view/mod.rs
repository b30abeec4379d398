//! What the revocation log says, in memory: whether a self-contained credential is denied, without
//! I/O and without an `await`.
//!
//! # How claims are compared with the log
//!
//! An entry must deny the claims that were made before it and leave those alone that were made
//! after it. What tells the two apart differs by entry:
//!
//! - **A session ended**: its id, which is never used again. Also after the log was set back.
//! - **A session was rotated**: the generation only rises, so a lower one is older. Every rotation
//!   of a live session is in the log until the session's absolute deadline.
//! - **A user's sessions ended**, all or all but one: the epoch in the entry is higher than that of
//!   any session of the user at that moment, and no insert with a lower one succeeds afterwards. So
//!   `claims < entry` says exactly that the session began before. Of several such entries each
//!   counts by itself, and a session is over if one of them is higher than its claims and does not
//!   except it; a view needs of them the highest with its exception, and the highest of those with
//!   another exception. The excepted session keeps its old claims: it was given the new epoch in
//!   its record, so a later end finds claims from before and after lower alike.
//! - **Everyone ended**: the entry carries `n`, the part of all epochs that counts such ends. A
//!   user's epoch is *own + n*, and *own* rises without an entry too, when an application that
//!   keeps epochs of its own inserts a session with a higher one. So the epoch in claims decides
//!   one direction only: less than `n` means begun before, as *own* is never negative. From `n` on
//!   it says nothing. Think of a user of whom the log says nothing, claims with epoch 7, and one
//!   entry with `n` = 1: the login may have come before, with *own* 7, and is over; or after, with
//!   *own* 6, and lives. An anonymous session has epoch 0 always. The entry does not say when it
//!   was written either, and clocks of nodes differ.
//! - **A user was changed**: likewise. The generations of the user's sessions rise by one, but the
//!   entry does not say from what, and each of them may have had another one.
//!
//! For the last two, claims carry a [`Mark`]: how far the log was before their record was read. An
//! entry behind the mark may be news to the claims, one before it was in effect when the record was
//! read. So claims with an older mark are [`Denial::Stale`]: the record decides, and claims made
//! anew from it have a mark that covers the entry. The decision needs no clock, it is the same in
//! whatever order entries come, and an error is always towards the record. A page does not tell the
//! number of each entry, so the end of the page stands for all entries in it: claims made between
//! an entry and the end of its page go to the record once for nothing.
//!
//! # Where it is
//!
//! Everything that concerns the sessions of a bucket is in one of 64 shards, under one lock for
//! readers and one writer (`docs/adr/0024-the-revocation-view.md`). So a decision takes one lock, and sees all of one state.

mod apply;
mod claimed;
mod common;
mod deadline;
mod follower;
mod kept;
mod shard;
#[cfg(test)]
mod tests;
mod user;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

pub use apply::Follow;
pub use claimed::{Claimed, Denial, Mark};
use common::Common;
pub use follower::{Follower, FollowerOptions};
use shard::Shards;

use crate::{Bucket, Position, Timestamp};

/// Most entries of each kind that one step of pruning drops.
const PRUNED_TOGETHER: usize = 1_000;

/// What the log says, to deny self-contained credentials by.
///
/// Once [`RevocationView::apply`] or [`RevocationView::load`] has returned, no later
/// [`RevocationView::deny`] misses what they applied, and no entry goes before its `until`. Until a
/// log was loaded, everything is [`Denial::Stale`].
#[derive(Debug)]
pub struct RevocationView {
    shards: Shards,
    /// Held by whoever changes anything.
    writer: Mutex<Writer>,
    /// Everything up to here was applied.
    position: RwLock<Option<Position>>,
}

#[derive(Debug, Default)]
struct Writer {
    common: Arc<Common>,
    /// The bucket to prune next.
    next: usize,
}

/// How much a view holds. For metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ViewUsage {
    /// Ended sessions.
    pub ended: usize,
    /// Rotated sessions.
    pub rotated: usize,
    /// Users that ended or changed.
    pub users: usize,
    /// Retired keys.
    pub keys: usize,
    /// Bytes for all of it, without the names of users and keys.
    pub bytes: usize,
}

impl RevocationView {
    /// A view that has not read a log yet.
    pub fn new() -> Self {
        let writer = Writer::default();
        let shards = Shards::new(&writer.common);
        Self { shards, writer: Mutex::new(writer), position: RwLock::new(None) }
    }

    /// Whether a credential is denied, and why. It does not look at signatures, deadlines,
    /// purpose and audience, which the codec has checked before.
    ///
    /// # Panics
    /// In builds with debug assertions, if the session's bucket is not that of the user: claims
    /// that were made so would escape the ends of the user.
    pub fn deny(&self, claimed: &Claimed<'_>) -> Option<Denial> {
        debug_assert!(
            claimed.user.is_none_or(|user| Bucket::of(user) == claimed.session.bucket()),
            "a session id has the bucket of its user"
        );
        self.shards.read(claimed.session.bucket()).deny(claimed)
    }

    /// The mark for claims of a session of this bucket whose record is read **after** this call.
    /// `None` before a log was loaded.
    pub fn mark(&self, bucket: Bucket) -> Option<Mark> {
        Mark::of(&self.position()?, bucket)
    }

    /// How far the log was applied; `None` before one was loaded.
    pub fn position(&self) -> Option<Position> {
        self.position.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Drops entries of one shard whose `until` passed some time ago, at most a thousand of each
    /// kind, and goes on with the next shard at the next call. Returns how many it dropped.
    ///
    /// Readers wait for the removal, not for the search; searching a shard takes some tens of
    /// microseconds where there are a million entries, and is left out where none is due.
    pub fn prune(&self, now: Timestamp) -> usize {
        let mut writer = self.writer();
        let bucket = Bucket::all().nth(writer.next % Bucket::COUNT);
        writer.next = (writer.next + 1) % Bucket::COUNT;
        if let Some(left) = writer.common.pruned(now) {
            writer.common = Arc::new(left);
            self.shards.share(&writer.common);
        }
        bucket.map_or(0, |bucket| self.shards.prune(bucket, now, PRUNED_TOGETHER))
    }

    /// How much it holds.
    pub fn usage(&self) -> ViewUsage {
        let mut usage = ViewUsage { keys: self.writer().common.keys(), ..ViewUsage::default() };
        for bucket in Bucket::all() {
            let shard = self.shards.read(bucket);
            usage.ended += shard.ended.len();
            usage.rotated += shard.rotated.len();
            usage.users += shard.users.len();
            usage.bytes += shard.ended.bytes() + shard.rotated.bytes() + shard.users.bytes();
        }
        usage
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for RevocationView {
    fn default() -> Self {
        Self::new()
    }
}
