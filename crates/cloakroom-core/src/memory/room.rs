use std::time::Duration;

use super::account::Lack;
use super::insert::Insertion;
use super::merge::Merge;
use super::{Inner, WhenFull};
use crate::{Bucket, EndReason, SessionId, StoreError, Timestamp};

const WHAT: &str = "make room for a session";

/// History younger than this does not give way: it keeps ids from being used again (law 1).
const TOMBSTONES: Duration = Duration::from_secs(600);

/// Entries that give way together.
const TOGETHER: usize = 64;

/// Whether room was made.
pub(super) enum Room {
    Made,
    /// Not yet: this session's end has to be in the journal first.
    Needs(SessionId),
    None,
}

impl Inner {
    /// Makes some room, by the policy in force. It takes one lock at a time.
    pub(super) fn make_room(&self, work: &mut Insertion, lack: Lack) -> Result<Room, StoreError> {
        match lack {
            Lack::Anonymous => return Ok(Room::None),
            Lack::Bytes if self.forget_old(work.now()) => return Ok(Room::Made),
            Lack::Bytes | Lack::Sessions => {}
        }
        if self.options.when_full == WhenFull::Refuse {
            return Ok(Room::None);
        }
        let anonymous = self.least_recently_used(true, work);
        let login = work.new.record.user.is_some();
        let Some((seen_at, id)) =
            anonymous.or_else(|| login.then(|| self.least_recently_used(false, work)).flatten())
        else {
            return Ok(Room::None);
        };
        self.push_out_unless_used(id, seen_at, work)
    }

    /// Over all shards; never the session that the new one replaces.
    fn least_recently_used(
        &self,
        anonymous: bool,
        work: &Insertion,
    ) -> Option<(Timestamp, SessionId)> {
        let oldest = Bucket::all().filter_map(|bucket| {
            let shard = self.shard(bucket);
            shard.least_recent(anonymous).find(|(_, id)| Some(*id) != work.replaced())
        });
        oldest.min()
    }

    fn push_out_unless_used(
        &self,
        id: SessionId,
        seen_at: Timestamp,
        work: &mut Insertion,
    ) -> Result<Room, StoreError> {
        let mut shard = self.open(id.bucket(), WHAT)?;
        let head = shard.row(id).map(|row| row.head(id));
        match head {
            // Used or gone in between: there is another one to look for, or room.
            None => return Ok(Room::Made),
            Some(head) if head.last_seen_at != seen_at => return Ok(Room::Made),
            Some(head) if !head.is_expired(work.now()) && !work.may_end(id) => {
                return Ok(Room::Needs(id));
            }
            Some(_) => {}
        }
        if self.end_one(&mut shard, id, EndReason::Capacity, None, work.now()) > 0 {
            work.pushed_out.push(id);
        }
        Ok(Room::Made)
    }

    /// Ends a session that is in the journal as ended for want of room.
    pub(super) fn push_out(&self, id: SessionId, work: &mut Insertion) -> Result<(), StoreError> {
        let mut shard = self.open(id.bucket(), WHAT)?;
        if self.end_one(&mut shard, id, EndReason::Capacity, None, work.now()) > 0 {
            work.pushed_out.push(id);
        }
        Ok(())
    }

    /// After an act that no cap refuses: old things give way if more is in use than may be.
    pub(super) fn relieve(&self, now: Timestamp) {
        if self.account.is_over() {
            self.forget_old(now);
        }
    }

    /// Lets the oldest history go, or else the oldest entries of the log; false if there is none
    /// that may go.
    pub(super) fn forget_old(&self, now: Timestamp) -> bool {
        let before = now.before(TOMBSTONES);
        let fetch = |bucket: Bucket, last: Option<&(Timestamp, SessionId)>, most: usize| {
            let mut oldest = self.shard(bucket).history.oldest_of_all(last.copied(), most);
            let all = oldest.len() == most;
            oldest.retain(|(ended_at, _)| *ended_at < before);
            let more = all && oldest.len() == most;
            (oldest, more)
        };
        let oldest: Vec<_> = Merge::new(fetch).take(TOGETHER).collect();
        let forgotten =
            oldest.into_iter().filter(|(_, id)| self.shard(id.bucket()).forget(*id)).count();
        forgotten > 0 || self.shorten_log()
    }

    fn shorten_log(&self) -> bool {
        let mut log = self.log();
        (0..TOGETHER).filter(|_| log.give_way()).count() > 0
    }
}
