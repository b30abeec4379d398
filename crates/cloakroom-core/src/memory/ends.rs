use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use tokio::sync::oneshot;

use super::journal::Entry;
use super::row::{Head, Row};
use super::shard::Shard;
use super::{Inner, unpoisoned};
use crate::{
    Answer, Bucket, Change, End, EndReason, Ended, EndedSession, Selector, SessionId, StoreAnswer,
    StoreError, Timestamp, UserId,
};

/// How long an entry of the log is kept at least, whatever sessions it concerned.
const LOG_LEAST: Duration = Duration::from_secs(600);

/// Sessions that the end of everyone ends under one lock.
const TOGETHER: usize = 128;

/// An end of a user's sessions that has begun: logins from before it are refused already.
#[derive(Clone, Debug)]
pub(super) struct UserEnd {
    pub(super) user: UserId,
    pub(super) except: Option<SessionId>,
    /// The user's epoch from now on, and the part of it that is the user's own.
    pub(super) epoch: u64,
    pub(super) own: u64,
    pub(super) ids: Vec<SessionId>,
    pub(super) how: How,
}

/// An end of all sessions that has begun.
#[derive(Clone, Debug)]
pub(super) struct EveryoneEnd {
    pub(super) number: u64,
    /// By shard, the last session that it concerns.
    pub(super) serials: Vec<u64>,
    pub(super) how: How,
}

/// Why, by whom and when sessions end.
#[derive(Clone, Debug)]
pub(super) struct How {
    pub(super) reason: EndReason,
    pub(super) by: Option<String>,
    pub(super) now: Timestamp,
}

impl Inner {
    pub(super) fn end(self: &Arc<Self>, end: End) -> StoreAnswer<'static, Ended> {
        let End { selector, reason, by, now, epoch } = end;
        let how = How { reason, by, now };
        let begun = match selector {
            Selector::Session(id) => self.end_session(id, how),
            Selector::User(user) => self.end_user(user, None, epoch, how),
            Selector::UserExcept(user, kept) => self.end_user(user, Some(kept), epoch, how),
            Selector::Everyone => self.end_everyone(how),
        };
        begun.unwrap_or_else(|error| Answer::ready(Err(error)))
    }

    /// Does `act` on a shard once `entry` is in the journal; at once where there is none.
    pub(super) fn commit<T: Send + Unpin + 'static>(
        self: &Arc<Self>,
        bucket: Bucket,
        mut shard: MutexGuard<'_, Shard>,
        now: Timestamp,
        entry: impl FnOnce() -> Entry,
        act: impl FnOnce(&Self, &mut Shard) -> T + Send + 'static,
    ) -> StoreAnswer<'static, T> {
        let Some(journal) = self.journal.get() else {
            let done = act(self, &mut shard);
            drop(shard);
            self.relieve(now);
            return Answer::ready(Ok(done));
        };
        let (tell, told) = oneshot::channel();
        let inner = Arc::clone(self);
        // Under the lock, so that acts on one shard are in the journal in their order.
        journal.write(entry().pack(), move |durable| {
            let done = durable.map(|()| act(&inner, &mut inner.shard(bucket)));
            inner.relieve(now);
            // Whoever asked may be gone; the act is done all the same.
            let _ = tell.send(done);
        });
        heard(told)
    }

    fn end_session(
        self: &Arc<Self>,
        id: SessionId,
        how: How,
    ) -> Result<StoreAnswer<'static, Ended>, StoreError> {
        let shard = self.open(id.bucket(), "end a session")?;
        let nothing = Ended { count: 0, epoch: 0 };
        if shard.row(id).is_none() {
            return Ok(Answer::ready(Ok(nothing)));
        }
        let ends = vec![(id, how.reason)];
        let entry = Entry::Ended { ends, by: how.by.clone(), now: how.now };
        Ok(self.commit(
            id.bucket(),
            shard,
            how.now,
            || entry,
            move |inner, shard| {
                let count = inner.end_one(shard, id, how.reason, how.by.as_deref(), how.now);
                Ended { count, ..nothing }
            },
        ))
    }

    /// Ends a session if it is there, with an entry in the log if it was live; 1 if it was.
    pub(super) fn end_one(
        &self,
        shard: &mut Shard,
        id: SessionId,
        reason: EndReason,
        by: Option<&str>,
        now: Timestamp,
    ) -> u64 {
        let until = shard.last_deadline(&[id]).max(now.after(LOG_LEAST));
        let count = shard.end_one(id, reason, by, now);
        if count > 0 {
            self.log().append(Change::Ended(id), until);
        }
        count
    }

    fn end_user(
        self: &Arc<Self>,
        user: UserId,
        except: Option<SessionId>,
        least: Option<u64>,
        how: How,
    ) -> Result<StoreAnswer<'static, Ended>, StoreError> {
        let bucket = Bucket::of(&user);
        let mut shard = self.open(bucket, "end a user's sessions")?;
        let epoch = (shard.epoch(&user) + 1).max(least.unwrap_or(0));
        let own = epoch - shard.everyone;
        shard.set_epoch(&user, own);
        let ids = shard.ids_of(&user).filter(|id| Some(*id) != except).collect();
        let end = Arc::new(UserEnd { user, except, epoch, own, ids, how });
        let (entry, now) = (Arc::clone(&end), end.how.now);
        Ok(self.commit(
            bucket,
            shard,
            now,
            || Entry::User(entry),
            move |inner, shard| inner.finish_user(shard, &end),
        ))
    }

    pub(super) fn finish_user(&self, shard: &mut Shard, end: &UserEnd) -> Ended {
        let UserEnd { user, except, epoch, ids, how, .. } = end;
        let until = shard.last_deadline(ids).max(how.now.after(LOG_LEAST));
        if let Some(kept) = except.filter(|kept| shard.is_of(*kept, user)) {
            shard.rewrite(kept, |record| record.epoch = record.epoch.max(*epoch));
        }
        let by = how.by.as_deref();
        let count = ids.iter().map(|id| shard.end_one(*id, how.reason, by, how.now)).sum();
        let change = Change::UserEnded { user: user.clone(), epoch: *epoch, except: *except };
        self.log().append(change, until);
        Ended { count, epoch: *epoch }
    }

    fn end_everyone(self: &Arc<Self>, how: How) -> Result<StoreAnswer<'static, Ended>, StoreError> {
        let _turn = unpoisoned(&self.everyone);
        let mut end = EveryoneEnd { number: 0, serials: Vec::new(), how };
        for bucket in Bucket::all() {
            let mut shard = self.open(bucket, "end all sessions")?;
            shard.everyone += 1;
            end.number = shard.everyone;
            end.serials.push(shard.serial);
        }
        let Some(journal) = self.journal.get() else {
            return Ok(Answer::ready(Ok(self.finish_everyone(&end))));
        };
        let (tell, told) = oneshot::channel();
        let inner = Arc::clone(self);
        journal.write(Entry::Everyone(end.clone()).pack(), move |durable| {
            let _ = tell.send(durable.map(|()| inner.finish_everyone(&end)));
        });
        Ok(heard(told))
    }

    /// Ends what was there when the end began, a few sessions under one lock. Its entry comes
    /// last: whoever follows the log then finds no session that is still to end.
    pub(super) fn finish_everyone(&self, end: &EveryoneEnd) -> Ended {
        let mut until = end.how.now.after(LOG_LEAST);
        let mut count = 0;
        for (bucket, serial) in Bucket::all().zip(&end.serials) {
            let ids = self.shard(bucket).until_serial(*serial);
            for batch in ids.chunks(TOGETHER) {
                let mut shard = self.shard(bucket);
                until = until.max(shard.last_deadline(batch));
                let (by, how) = (end.how.by.as_deref(), &end.how);
                let ended = batch.iter().map(|id| shard.end_one(*id, how.reason, by, how.now));
                count += ended.sum::<u64>();
            }
        }
        self.log().append(Change::EveryoneEnded(end.number), until);
        Ended { count, epoch: 0 }
    }
}

/// An answer that the journal's thread gives.
pub(super) fn heard<T: Send + Unpin + 'static>(
    told: oneshot::Receiver<Result<T, StoreError>>,
) -> StoreAnswer<'static, T> {
    Answer::pending(async move {
        told.await.unwrap_or_else(|stopped| Err(StoreError::unknown("finish a change", stopped)))
    })
}

impl Shard {
    /// The last absolute deadline of these sessions.
    fn last_deadline(&self, ids: &[SessionId]) -> Timestamp {
        let rows = ids.iter().filter_map(|id| self.row(*id).map(|row| row.head(*id)));
        rows.map(|head| head.absolute_deadline).max().unwrap_or_default()
    }

    pub(super) fn is_of(&self, id: SessionId, user: &UserId) -> bool {
        self.row(id).is_some_and(|row| row.user(&row.head(id)) == Some(user.as_str()))
    }

    /// The sessions that were there when the shard had this serial.
    fn until_serial(&self, serial: u64) -> Vec<SessionId> {
        let rows = self.named.iter().chain(&self.anonymous);
        rows.filter(|(id, row)| row.head(**id).serial <= serial).map(|(id, _)| *id).collect()
    }

    /// Ends a session if it is there; 1 if it was live.
    pub(super) fn end_one(
        &mut self,
        id: SessionId,
        reason: EndReason,
        by: Option<&str>,
        now: Timestamp,
    ) -> u64 {
        let Some((row, head)) = self.take(id) else { return 0 };
        if head.is_expired(now) {
            self.expire(id, &row, &head);
            return 0;
        }
        self.bury(id, &row, &head, How { reason, by: by.map(str::to_owned), now });
        1
    }

    /// Moves a session into the history that has expired; why it did.
    pub(super) fn expire_if(&mut self, id: SessionId, now: Timestamp) -> Option<EndReason> {
        let row = self.row(id)?;
        row.head(id).is_expired(now).then_some(())?;
        let (row, head) = self.take(id)?;
        self.expire(id, &row, &head);
        Some(head.expiry_reason())
    }

    pub(super) fn expire(&mut self, id: SessionId, row: &Row, head: &Head) {
        if head.is_anonymous() {
            let freed = self.release(row, head);
            self.account.refund(freed);
            return;
        }
        let how = How { reason: head.expiry_reason(), by: None, now: head.deadline() };
        self.bury(id, row, head, how);
    }

    fn bury(&mut self, id: SessionId, row: &Row, head: &Head, how: How) {
        let parts = row.parts(head);
        let ended = EndedSession {
            id,
            user: parts.user.and_then(|user| UserId::new(user).ok()),
            user_name: parts.name.map(str::to_owned),
            created_at: head.created_at,
            last_seen_at: head.last_seen_at,
            ended_at: how.now,
            reason: how.reason,
            ended_by: how.by,
            client_address: parts.address.map(str::to_owned),
            user_agent: parts.agent.and_then(|it| self.strings.text(it)).map(str::to_owned),
        };
        self.history.add(&ended, &mut self.strings);
        let freed = self.release(row, head);
        self.account.refund(freed);
    }

    pub(super) fn forget(&mut self, id: SessionId) -> bool {
        self.history.forget(id, &mut self.strings)
    }
}
