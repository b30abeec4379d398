use std::collections::BTreeMap;
use std::sync::Arc;

use super::state::{Row, State, Value};
use cloakroom_core::{
    Carry, Change, DataChange, DataLimits, EndReason, Expect, Guard, Inserted, LimitPolicy,
    NewSession, Record, Renewal, RenewalStep, Rotation, SessionId, SessionLimit, Timestamp, Touch,
    Updated, UserId,
};

impl State {
    pub(super) fn insert(&mut self, new: NewSession) -> Inserted {
        let now = new.record.created_at;
        if self.rows.contains_key(&new.record.id) || self.ended.contains_key(&new.record.id) {
            return Inserted::Conflict;
        }
        let replaced = new.replaces.as_ref().map(|replaces| replaces.id);
        let over_limit = match self.room(&new, replaced, now) {
            Ok(over_limit) => over_limit,
            Err(refusal) => return refusal,
        };
        let (mut data, mut last_version) = self.carried(&new, now);
        for (key, json) in new.data {
            last_version += 1;
            data.insert(key, Value { json, version: last_version });
        }
        if let Some(id) = replaced {
            self.end_within(id, EndReason::Replaced, now);
        }
        for id in &over_limit {
            self.end_within(*id, EndReason::Limit, now);
        }
        if let Some(user) = &new.record.user {
            self.raise_to(user, new.record.epoch);
        }
        self.add(Row { record: Arc::new(new.record), data, last_version });
        Inserted::Done { ended: over_limit }
    }

    fn end_within(&mut self, id: SessionId, reason: EndReason, now: Timestamp) {
        let until = self.last_deadline(&[id]);
        if self.end_one(id, reason, None, now) > 0 {
            self.log.append(Change::Ended(id), until);
        }
    }

    /// The sessions that have to end to make room, or why there is none.
    fn room(
        &self,
        new: &NewSession,
        replaced: Option<SessionId>,
        now: Timestamp,
    ) -> Result<Vec<SessionId>, Inserted> {
        let Some(user) = &new.record.user else {
            let freed = u64::from(replaced.is_some_and(|id| self.is_anonymous(id)));
            let anonymous = self.anonymous() - freed;
            return if anonymous < new.anonymous_cap {
                Ok(Vec::new())
            } else {
                Err(Inserted::Full)
            };
        };
        if new.record.epoch < self.epoch(user) {
            return Err(Inserted::Superseded);
        }
        match new.limit {
            Some(limit) => self.over_limit(user, limit, replaced, now),
            None => Ok(Vec::new()),
        }
    }

    fn over_limit(
        &self,
        user: &UserId,
        limit: SessionLimit,
        replaced: Option<SessionId>,
        now: Timestamp,
    ) -> Result<Vec<SessionId>, Inserted> {
        let mut live: Vec<&Record> = (self.ids_of(user).into_iter())
            .filter(|id| Some(*id) != replaced)
            .filter_map(|id| self.live(id, now))
            .map(|row| &*row.record)
            .collect();
        let excess = (live.len() + 1).saturating_sub(limit.most.max(1) as usize);
        match limit.policy {
            LimitPolicy::Refuse if excess > 0 => return Err(Inserted::LimitReached),
            LimitPolicy::Refuse => {}
            LimitPolicy::EndOldest => live.sort_by_key(|record| (record.created_at, record.id)),
            LimitPolicy::EndLeastRecentlyUsed => {
                live.sort_by_key(|record| (record.last_seen_at, record.id));
            }
        }
        Ok(live.iter().take(excess).map(|record| record.id).collect())
    }

    /// The data that goes over, with its versions, so that a request that has read it before the
    /// login still sees a change that came in between.
    fn carried(&self, new: &NewSession, now: Timestamp) -> (BTreeMap<String, Value>, u64) {
        let row = new.replaces.as_ref().map(|replaces| (replaces, self.live(replaces.id, now)));
        let Some((replaces, Some(row))) = row else { return (BTreeMap::new(), 0) };
        let wanted = |key: &String| match &replaces.carry {
            Carry::Nothing => false,
            Carry::Everything => true,
            Carry::Keys(keys) => keys.contains(key),
        };
        let kept = row.data.iter().filter(|(key, _)| wanted(key));
        (kept.map(|(key, value)| (key.clone(), value.clone())).collect(), row.last_version)
    }

    pub(super) fn update(
        &mut self,
        guard: Guard,
        changes: Vec<DataChange>,
        limits: DataLimits,
    ) -> Updated {
        let Some(row) = self.guarded(guard) else {
            return Updated::Gone;
        };
        let version = |key: &str| row.data.get(key).map_or(0, |value| value.version);
        let unexpected = |change: &&DataChange| match change.expect {
            Expect::Any => false,
            Expect::Version(expected) => version(&change.key) != expected,
        };
        if let Some(change) = changes.iter().find(unexpected) {
            return Updated::Conflict { key: change.key.clone() };
        }
        let mut after = row.data.clone();
        let mut last = row.last_version;
        let versions = changes.into_iter().map(|change| apply(&mut after, &mut last, change));
        let versions = versions.collect();
        let bytes = after.iter().map(|(key, value)| key.len() + value.json.len()).sum();
        if after.len() > limits.keys || bytes > limits.bytes {
            return Updated::TooLarge { keys: after.len(), bytes };
        }
        row.data = after;
        row.last_version = last;
        Updated::Done { versions }
    }

    pub(super) fn rotate(&mut self, guard: Guard, rotation: Rotation) -> Updated {
        let Some(row) = self.guarded(guard) else {
            return Updated::Gone;
        };
        if rotation.counter != row.record.renewal.counter + 1 {
            return Updated::Conflict { key: String::new() };
        }
        let record = Arc::make_mut(&mut row.record);
        record.digest = rotation.digest;
        record.renewal = Renewal::fresh(rotation.counter, guard.now);
        record.generation += 1;
        record.authenticated_at = rotation.authenticated_at.or(record.authenticated_at);
        let rotated = Change::Rotated(record.id, record.generation);
        let until = record.absolute_deadline;
        self.log.append(rotated, until);
        done()
    }

    pub(super) fn renew(&mut self, guard: Guard, step: RenewalStep) -> Updated {
        let Some(row) = self.guarded(guard) else {
            return Updated::Gone;
        };
        let record = Arc::make_mut(&mut row.record);
        let taken = match step {
            RenewalStep::Offer { counter, next } => offer(&mut record.renewal, counter, next),
            RenewalStep::Promote { next } => promote(record, next, guard.now),
        };
        if taken { done() } else { Updated::Conflict { key: String::new() } }
    }

    pub(super) fn touch(&mut self, now: Timestamp, touch: Touch) -> u64 {
        let Some(row) = self.rows.get_mut(&touch.id) else {
            return 0;
        };
        if row.record.is_expired(now) || row.record.last_seen_at >= touch.seen_at {
            return 0;
        }
        let before = row.record.deadline();
        Arc::make_mut(&mut row.record).last_seen_at = touch.seen_at;
        let after = row.record.deadline();
        self.by_deadline.remove(&(before, touch.id));
        self.by_deadline.insert((after, touch.id));
        1
    }

    pub(super) fn regroup(&mut self, user: &UserId, groups: &[String], now: Timestamp) -> u64 {
        let mut count = 0;
        let mut until = Timestamp::default();
        for id in self.ids_of(user) {
            let Some(row) = self.rows.get_mut(&id) else {
                continue;
            };
            if !row.record.is_expired(now) {
                let record = Arc::make_mut(&mut row.record);
                record.groups = groups.to_vec();
                record.generation += 1;
                until = until.max(record.absolute_deadline);
                count += 1;
            }
        }
        if count > 0 {
            self.log.append(Change::UserChanged(user.clone()), until);
        }
        count
    }

    fn is_anonymous(&self, id: SessionId) -> bool {
        self.rows.get(&id).is_some_and(|row| row.record.user.is_none())
    }

    pub(super) fn anonymous(&self) -> u64 {
        (self.rows.len() - self.named.len()) as u64
    }
}

fn done() -> Updated {
    Updated::Done { versions: Vec::new() }
}

fn apply(data: &mut BTreeMap<String, Value>, last: &mut u64, change: DataChange) -> u64 {
    *last += 1;
    match change.json {
        Some(json) => {
            data.insert(change.key, Value { json, version: *last });
            *last
        }
        None => {
            data.remove(&change.key);
            0
        }
    }
}

fn offer(renewal: &mut Renewal, counter: u32, next: cloakroom_core::SecretDigest) -> bool {
    let open = renewal.counter == counter && renewal.next.is_none_or(|offered| offered == next);
    if open {
        renewal.next = Some(next);
    }
    open
}

fn promote(record: &mut Record, next: cloakroom_core::SecretDigest, now: Timestamp) -> bool {
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
