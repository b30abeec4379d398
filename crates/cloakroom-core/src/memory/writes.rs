use std::sync::Arc;

use super::Inner;
use super::account::allocation;
use super::data;
use super::journal::Entry;
use super::shard::Shard;
use crate::{
    Answer, Bucket, Change, DataChange, DataLimits, Guard, Record, Renewal, RenewalStep, Rotation,
    SecretDigest, StoreAnswer, StoreError, Timestamp, Touch, Updated, UserId,
};

const NO_ROOM: &str = "there is no room for the data: the sessions in memory are at their cap";

/// Times that history gives way to one write.
const MOST_TRIES: usize = 64;

/// A change of a user's groups that has begun.
#[derive(Clone, Debug)]
pub(super) struct Regroup {
    pub(super) user: UserId,
    pub(super) groups: Vec<String>,
    pub(super) serial: u64,
    pub(super) now: Timestamp,
}

/// What a step of a renewal makes of a session's credential.
#[derive(Clone, Copy, Debug)]
pub(super) struct Renewed {
    pub(super) digest: SecretDigest,
    pub(super) renewal: Renewal,
}

impl Renewed {
    /// Whether a record is from before it.
    pub(super) fn is_news_for(&self, record: &Record) -> bool {
        let (known, said) = (&record.renewal, &self.renewal);
        let offered = record.digest == self.digest && known.next.is_none();
        known.counter < said.counter || (known.counter == said.counter && offered)
    }

    pub(super) fn put(self, record: &mut Record) {
        record.digest = self.digest;
        record.renewal = self.renewal;
    }
}

impl Inner {
    pub(super) fn update(
        &self,
        guard: Guard,
        changes: &[DataChange],
        limits: DataLimits,
    ) -> Result<Updated, StoreError> {
        const WHAT: &str = "update session data";
        for _ in 0..MOST_TRIES {
            let mut shard = self.open(guard.id.bucket(), WHAT)?;
            if let Some(updated) = update(&mut shard, guard, changes, limits) {
                return Ok(updated);
            }
            drop(shard);
            if !self.forget_old(guard.now) {
                break;
            }
        }
        Err(StoreError::failed(WHAT, NO_ROOM))
    }

    pub(super) fn rotate(
        self: &Arc<Self>,
        guard: Guard,
        rotation: Rotation,
    ) -> StoreAnswer<'static, Updated> {
        let bucket = guard.id.bucket();
        let shard = match self.open(bucket, "replace a credential") {
            Ok(shard) => shard,
            Err(error) => return Answer::ready(Err(error)),
        };
        if let Some(refusal) = refusal(&shard, guard, rotation) {
            return Answer::ready(Ok(refusal));
        }
        let entry = || Entry::Rotated { id: guard.id, rotation, now: guard.now };
        self.commit(bucket, shard, guard.now, entry, move |inner, shard| {
            refusal(shard, guard, rotation).unwrap_or_else(|| {
                inner.put_rotation(shard, guard, rotation);
                done()
            })
        })
    }

    fn put_rotation(&self, shard: &mut Shard, guard: Guard, rotation: Rotation) {
        shard.rewrite(guard.id, |record| {
            rotated(record, rotation, guard.now);
            let change = Change::Rotated(record.id, record.generation);
            self.log().append(change, record.absolute_deadline);
        });
    }

    pub(super) fn renew(
        self: &Arc<Self>,
        guard: Guard,
        step: RenewalStep,
    ) -> StoreAnswer<'static, Updated> {
        let bucket = guard.id.bucket();
        let shard = match self.open(bucket, "renew a credential") {
            Ok(shard) => shard,
            Err(error) => return Answer::ready(Err(error)),
        };
        let renewed = match renewed(&shard, guard, step) {
            Ok(renewed) => renewed,
            Err(refusal) => return Answer::ready(Ok(refusal)),
        };
        // Offers too: the client has the successor once it was offered.
        let entry = || Entry::Renewed { id: guard.id, renewed };
        self.commit(bucket, shard, guard.now, entry, move |_, shard| {
            match self::renewed(shard, guard, step) {
                Ok(renewed) => {
                    shard.rewrite(guard.id, |record| renewed.put(record));
                    done()
                }
                Err(refusal) => refusal,
            }
        })
    }

    pub(super) fn touch(&self, now: Timestamp, touches: &[Touch]) -> Result<u64, StoreError> {
        let mut moved = 0;
        for Touch { id, seen_at } in touches {
            let mut shard = self.open(id.bucket(), "write when sessions were last seen")?;
            moved += u64::from(shard.touch(*id, now, *seen_at));
        }
        Ok(moved)
    }

    pub(super) fn regroup(
        self: &Arc<Self>,
        user: UserId,
        groups: Vec<String>,
        now: Timestamp,
    ) -> StoreAnswer<'static, u64> {
        let bucket = Bucket::of(&user);
        let shard = match self.open(bucket, "change a user's groups") {
            Ok(shard) => shard,
            Err(error) => return Answer::ready(Err(error)),
        };
        if !shard.ids_of(&user).any(|id| shard.live(id, now).is_some()) {
            return Answer::ready(Ok(0));
        }
        let regroup = Arc::new(Regroup { user, groups, serial: shard.serial, now });
        let entry = Arc::clone(&regroup);
        self.commit(
            bucket,
            shard,
            now,
            || Entry::Regrouped(entry),
            move |inner, shard| inner.finish_regroup(shard, &regroup),
        )
    }

    pub(super) fn finish_regroup(&self, shard: &mut Shard, regroup: &Regroup) -> u64 {
        let Regroup { user, groups, serial, now } = regroup;
        let (mut count, mut until) = (0, Timestamp::default());
        let ids: Vec<_> = shard.ids_of(user).collect();
        for id in ids {
            let head = shard.live(id, *now).map(|(_, head)| head);
            let Some(head) = head.filter(|head| head.serial <= *serial) else { continue };
            until = until.max(head.absolute_deadline);
            count += 1;
            shard.rewrite(id, |record| {
                record.groups.clone_from(groups);
                record.generation += 1;
            });
        }
        if count > 0 {
            self.log().append(Change::UserChanged(user.clone()), until);
        }
        count
    }
}

/// `None` when there is no room for what it would be afterwards.
fn update(
    shard: &mut Shard,
    guard: Guard,
    changes: &[DataChange],
    limits: DataLimits,
) -> Option<Updated> {
    let Some(row) = shard.guarded(guard) else { return Some(Updated::Gone) };
    let (after, versions) = match data::change(row.data(), changes, limits) {
        Ok(changed) => changed,
        Err(refusal) => return Some(refusal),
    };
    let bytes = row.bytes().len();
    let (before, size) = (allocation(bytes), allocation(bytes - row.data().len() + after.len()));
    shard.account.exchange(before, size).ok()?;
    shard.account.refund(before);
    shard.set_data(guard.id, &after);
    Some(Updated::Done { versions })
}

fn refusal(shard: &Shard, guard: Guard, rotation: Rotation) -> Option<Updated> {
    let Some(row) = shard.guarded(guard) else { return Some(Updated::Gone) };
    let counter = row.record(guard.id, &shard.strings).renewal.counter;
    (rotation.counter != counter.wrapping_add(1)).then(|| Updated::Conflict { key: String::new() })
}

/// The credential after a step that is taken, or why it is not.
fn renewed(shard: &Shard, guard: Guard, step: RenewalStep) -> Result<Renewed, Updated> {
    let row = shard.guarded(guard).ok_or(Updated::Gone)?;
    let mut record = row.record(guard.id, &shard.strings);
    let taken = match step {
        RenewalStep::Offer { counter, next } => offer(&mut record.renewal, counter, next),
        RenewalStep::Promote { next } => promote(&mut record, next, guard.now),
    };
    let Record { digest, renewal, .. } = record;
    taken
        .then_some(Renewed { digest, renewal })
        .ok_or_else(|| Updated::Conflict { key: String::new() })
}

pub(super) fn rotated(record: &mut Record, rotation: Rotation, now: Timestamp) {
    record.digest = rotation.digest;
    record.renewal = Renewal::fresh(rotation.counter, now);
    record.generation += 1;
    record.authenticated_at = rotation.authenticated_at.or(record.authenticated_at);
}

fn done() -> Updated {
    Updated::Done { versions: Vec::new() }
}

fn offer(renewal: &mut Renewal, counter: u32, next: SecretDigest) -> bool {
    let open = renewal.counter == counter && renewal.next.is_none_or(|offered| offered == next);
    if open {
        renewal.next = Some(next);
    }
    open
}

fn promote(record: &mut Record, next: SecretDigest, now: Timestamp) -> bool {
    if record.digest == next {
        return true;
    }
    if record.renewal.next != Some(next) {
        return false;
    }
    record.renewal = Renewal {
        counter: record.renewal.counter + 1,
        since: now,
        next: None,
        previous: Some(record.digest),
    };
    record.digest = next;
    true
}
