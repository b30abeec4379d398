use std::collections::BTreeSet;
use std::sync::{Arc, MutexGuard};

use tokio::sync::oneshot;

use super::Inner;
use super::account::{Claim, Credit, Lack};
use super::data;
use super::ends::heard;
use super::journal::Entry;
use super::room::Room;
use super::shard::Shard;
use crate::{
    Answer, Bucket, EndReason, Inserted, LimitPolicy, NewSession, SessionId, SessionLimit,
    StoreAnswer, StoreError, Timestamp, UserId,
};

const WHAT: &str = "insert a session";

/// Times that an insert makes room or writes ends into the journal before it gives up. One large
/// session can take the place of many.
const MOST_TRIES: usize = 10_000;

/// An insert under way.
pub(super) struct Insertion {
    pub(super) new: NewSession,
    /// Sessions whose ends are in the journal already; `None` without a journal.
    journalled: Option<BTreeSet<SessionId>>,
    /// Sessions in the journal as ended for want of room.
    victims: Vec<SessionId>,
    /// Those that did end for want of room.
    pub(super) pushed_out: Vec<SessionId>,
}

/// What a try came to.
enum Try {
    Over(Inserted),
    /// These ends have to be in the journal first.
    Needs(Vec<(SessionId, EndReason)>),
    Lacks(Lack),
}

type Outcome = oneshot::Sender<Result<Inserted, StoreError>>;

impl Insertion {
    fn new(new: NewSession, journal: bool) -> Self {
        let journalled = journal.then(BTreeSet::new);
        Self { new, journalled, victims: Vec::new(), pushed_out: Vec::new() }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.new.record.created_at
    }

    pub(super) fn replaced(&self) -> Option<SessionId> {
        self.new.replaces.as_ref().map(|replaces| replaces.id)
    }

    /// Whether this session may end now: without a journal, or once its end is in it.
    pub(super) fn may_end(&self, id: SessionId) -> bool {
        self.journalled.as_ref().is_none_or(|journalled| journalled.contains(&id))
    }

    fn is_journalled(&self, id: SessionId) -> bool {
        self.journalled.as_ref().is_some_and(|journalled| journalled.contains(&id))
    }

    fn note(&mut self, ends: &[(SessionId, EndReason)]) {
        let victims = ends.iter().filter(|(_, reason)| *reason == EndReason::Capacity);
        self.victims.extend(victims.map(|(id, _)| *id));
        if let Some(journalled) = &mut self.journalled {
            journalled.extend(ends.iter().map(|(id, _)| *id));
        }
    }

    fn over(&mut self, outcome: Inserted) -> Inserted {
        let pushed_out = std::mem::take(&mut self.pushed_out);
        if pushed_out.is_empty() {
            return outcome;
        }
        Inserted::Crowded { outcome: Box::new(outcome), pushed_out }
    }
}

impl Inner {
    pub(super) fn insert(self: &Arc<Self>, new: NewSession) -> StoreAnswer<'static, Inserted> {
        let mut work = Insertion::new(new, self.journal.get().is_some());
        match self.insert_or_need(&mut work) {
            Ok(Ok(inserted)) => Answer::ready(Ok(inserted)),
            Err(error) => Answer::ready(Err(error)),
            Ok(Err(ends)) => {
                let (tell, told) = oneshot::channel();
                self.insert_after(ends, work, tell);
                heard(told)
            }
        }
    }

    /// Goes on with an insert once these ends are in the journal.
    fn insert_after(
        self: &Arc<Self>,
        ends: Vec<(SessionId, EndReason)>,
        mut work: Insertion,
        tell: Outcome,
    ) {
        let Some(journal) = self.journal.get() else { return };
        work.note(&ends);
        let entry = Entry::Ended { ends, by: None, now: work.now() };
        let inner = Arc::clone(self);
        journal.write(entry.pack(), move |durable| {
            let outcome = match durable.and_then(|()| inner.insert_or_need(&mut work)) {
                Ok(Err(ends)) => return inner.insert_after(ends, work, tell),
                Ok(Ok(inserted)) => Ok(inserted),
                Err(error) => Err(error),
            };
            // Whoever asked may be gone; the session is there all the same.
            let _ = tell.send(outcome);
        });
    }

    /// What the insert came to, or the ends that have to be in the journal before it can go on.
    fn insert_or_need(
        &self,
        work: &mut Insertion,
    ) -> Result<Result<Inserted, Vec<(SessionId, EndReason)>>, StoreError> {
        for id in std::mem::take(&mut work.victims) {
            self.push_out(id, work)?;
        }
        for _ in 0..MOST_TRIES {
            let lack = match self.try_insert(work)? {
                Try::Over(outcome) => return Ok(Ok(work.over(outcome))),
                Try::Needs(ends) => return Ok(Err(ends)),
                Try::Lacks(lack) => lack,
            };
            match self.make_room(work, lack)? {
                Room::Made => {}
                Room::Needs(victim) => return Ok(Err(vec![(victim, EndReason::Capacity)])),
                Room::None => break,
            }
        }
        Ok(Ok(work.over(Inserted::Full)))
    }

    fn try_insert(&self, work: &Insertion) -> Result<Try, StoreError> {
        let id = work.new.record.id;
        let mut shards = self.pair(id.bucket(), work.replaced().map(|id| id.bucket()));
        // Whatever was journalled for it: the last snapshot counts without the journal.
        shards.own.check_open(WHAT)?;
        if shards.own.knows(id) {
            return Ok(Try::Over(Inserted::Conflict));
        }
        check_bucket(&work.new)?;
        let over_limit = match shards.over_limit(work) {
            Ok(over_limit) => over_limit,
            Err(refusal) => return Ok(Try::Over(refusal)),
        };
        let ends = shards.ends(work, &over_limit);
        if ends.iter().any(|(id, _)| !work.may_end(*id)) {
            return Ok(Try::Needs(ends));
        }
        Ok(self.claim_and_add(work, &mut shards, over_limit))
    }

    fn claim_and_add(
        &self,
        work: &Insertion,
        shards: &mut Pair<'_>,
        over_limit: Vec<SessionId>,
    ) -> Try {
        let (id, now) = (work.new.record.id, work.now());
        let data = shards.first_data(&work.new, now);
        let ready = shards.own.ready(&work.new.record, &data);
        let anonymous_cap = work.new.record.user.is_none().then_some(work.new.anonymous_cap);
        let credit = shards.credit(work.replaced(), &over_limit);
        let claim = Claim { anonymous_cap, bytes: ready.cost, credit };
        if let Err(lack) = self.account.claim(claim) {
            shards.own.discard(id, &ready);
            return Try::Lacks(lack);
        }
        if let Some(replaced) = work.replaced() {
            self.end_one(shards.replaced_mut(), replaced, EndReason::Replaced, None, now);
        }
        for id in &over_limit {
            self.end_one(&mut shards.own, *id, EndReason::Limit, None, now);
        }
        if let Some(user) = &work.new.record.user {
            shards.own.raise_epoch(user, work.new.record.epoch);
        }
        shards.own.add(id, ready.row);
        Try::Over(Inserted::Done { ended: over_limit })
    }

    /// Locks one shard or two, in order.
    fn pair(&self, own: Bucket, other: Option<Bucket>) -> Pair<'_> {
        match other.filter(|other| *other != own) {
            None => Pair { own: self.shard(own), other: None },
            Some(other) if other < own => {
                let other = self.shard(other);
                Pair { own: self.shard(own), other: Some(other) }
            }
            Some(other) => {
                let own = self.shard(own);
                Pair { own, other: Some(self.shard(other)) }
            }
        }
    }
}

/// The contract: of a user's sessions all are in the user's bucket.
fn check_bucket(new: &NewSession) -> Result<(), StoreError> {
    let strays = |user: &UserId| Bucket::of(user) != new.record.id.bucket();
    if new.record.user.as_ref().is_some_and(strays) {
        return Err(StoreError::failed(WHAT, "the id has not the bucket of its user"));
    }
    Ok(())
}

/// The shard of the new session and, if that is another one, of the session it replaces.
struct Pair<'a> {
    own: MutexGuard<'a, Shard>,
    other: Option<MutexGuard<'a, Shard>>,
}

impl Pair<'_> {
    /// The shard of the session that is replaced.
    fn replaced(&self) -> &Shard {
        self.other.as_ref().unwrap_or(&self.own)
    }

    fn replaced_mut(&mut self) -> &mut Shard {
        self.other.as_mut().unwrap_or(&mut self.own)
    }

    fn first_data(&self, new: &NewSession, now: Timestamp) -> Vec<u8> {
        let carried = new.replaces.as_ref().and_then(|replaces| {
            let (row, _) = self.replaced().live(replaces.id, now)?;
            Some((row.data(), &replaces.carry))
        });
        data::first(&new.data, carried)
    }

    fn credit(&self, replaced: Option<SessionId>, over_limit: &[SessionId]) -> Credit {
        let replaced = replaced.map(|id| self.replaced().credit(id));
        let over_limit = over_limit.iter().map(|id| self.own.credit(*id));
        over_limit.chain(replaced).fold(Credit::default(), |sum, credit| Credit {
            sessions: sum.sessions + credit.sessions,
            anonymous: sum.anonymous + credit.anonymous,
            bytes: sum.bytes + credit.bytes,
        })
    }

    /// The live sessions that end with this insert.
    fn ends(&self, work: &Insertion, over_limit: &[SessionId]) -> Vec<(SessionId, EndReason)> {
        let replaced = work.replaced().filter(|id| self.replaced().live(*id, work.now()).is_some());
        let replaced = replaced.map(|id| (id, EndReason::Replaced));
        replaced.into_iter().chain(over_limit.iter().map(|id| (*id, EndReason::Limit))).collect()
    }

    /// The sessions that have to end under the user's limit, or why the login is refused.
    fn over_limit(&self, work: &Insertion) -> Result<Vec<SessionId>, Inserted> {
        let new = &work.new;
        let Some(user) = &new.record.user else { return Ok(Vec::new()) };
        if new.record.epoch < self.own.epoch(user) {
            return Err(Inserted::Superseded);
        }
        match new.limit {
            Some(limit) => self.beyond(work, user, limit),
            None => Ok(Vec::new()),
        }
    }

    fn beyond(
        &self,
        work: &Insertion,
        user: &UserId,
        limit: SessionLimit,
    ) -> Result<Vec<SessionId>, Inserted> {
        let (now, replaced) = (work.now(), work.replaced());
        let others = self.own.ids_of(user).filter(|id| Some(*id) != replaced);
        let live = others.filter_map(|id| Some((id, self.own.live(id, now)?.1)));
        // Those that are in the journal as ended are to end, whoever was used meanwhile.
        let mut live: Vec<_> = live.map(|(id, head)| (!work.is_journalled(id), head, id)).collect();
        let excess = (live.len() + 1).saturating_sub(limit.most.max(1) as usize);
        match limit.policy {
            LimitPolicy::Refuse if excess > 0 => return Err(Inserted::LimitReached),
            LimitPolicy::Refuse => {}
            LimitPolicy::EndOldest => {
                live.sort_by_key(|(spared, head, id)| (*spared, head.created_at, *id));
            }
            LimitPolicy::EndLeastRecentlyUsed => {
                live.sort_by_key(|(spared, head, id)| (*spared, head.last_seen_at, *id));
            }
        }
        Ok(live.into_iter().take(excess).map(|(_, _, id)| id).collect())
    }
}
