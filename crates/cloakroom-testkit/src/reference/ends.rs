use super::state::{Row, State};
use cloakroom_core::{
    Change, ClientInfo, End, EndReason, Ended, EndedSession, Selector, SessionId, Sweep, Swept,
    Timestamp, UserId,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How long an entry of the log is kept at least, whatever sessions it concerned.
const LOG_LEAST: Duration = Duration::from_secs(600);

impl State {
    pub(super) fn end(&mut self, end: &End) -> Ended {
        let mut epoch = 0;
        let ids = match &end.selector {
            Selector::Session(id) => vec![*id],
            Selector::User(user) => {
                epoch = self.raise(user, end.epoch);
                self.ids_of(user)
            }
            Selector::UserExcept(user, kept) => {
                epoch = self.raise(user, end.epoch);
                self.keep(*kept, user, epoch);
                self.ids_of(user).into_iter().filter(|id| id != kept).collect()
            }
            Selector::Everyone => {
                self.everyone_epoch += 1;
                self.rows.keys().copied().collect()
            }
        };
        let by = end.by.as_deref();
        let until = self.last_deadline(&ids).max(end.now.after(LOG_LEAST));
        let count = ids.into_iter().map(|id| self.end_one(id, end.reason, by, end.now)).sum();
        match end.selector.clone() {
            Selector::Session(id) if count > 0 => self.log.append(Change::Ended(id), until),
            Selector::Session(_) => {}
            Selector::User(user) => {
                self.log.append(Change::UserEnded { user, epoch, except: None }, until);
            }
            Selector::UserExcept(user, kept) => {
                self.log.append(Change::UserEnded { user, epoch, except: Some(kept) }, until);
            }
            Selector::Everyone => {
                self.log.append(Change::EveryoneEnded(self.everyone_epoch), until);
            }
        }
        Ended { count, epoch }
    }

    /// The last absolute deadline of these sessions.
    pub(super) fn last_deadline(&self, ids: &[SessionId]) -> Timestamp {
        let rows = ids.iter().filter_map(|id| self.rows.get(id));
        rows.map(|row| row.record.absolute_deadline).max().unwrap_or_default()
    }

    fn raise(&mut self, user: &UserId, least: Option<u64>) -> u64 {
        let next = (self.epoch(user) + 1).max(least.unwrap_or(0));
        self.raise_to(user, next);
        next
    }

    /// Makes the user's epoch at least this.
    pub(super) fn raise_to(&mut self, user: &UserId, least: u64) {
        if self.epoch(user) < least {
            self.user_epochs.insert(user.clone(), least - self.everyone_epoch);
        }
    }

    fn keep(&mut self, id: SessionId, user: &UserId, epoch: u64) {
        let row = self.rows.get_mut(&id).filter(|row| row.record.user.as_ref() == Some(user));
        if let Some(row) = row {
            Arc::make_mut(&mut row.record).epoch = epoch;
        }
    }

    /// Ends a session if it is there; 1 if it was live.
    pub(super) fn end_one(
        &mut self,
        id: SessionId,
        reason: EndReason,
        by: Option<&str>,
        now: Timestamp,
    ) -> u64 {
        let Some(row) = self.take(id) else { return 0 };
        if row.record.is_expired(now) {
            self.expire(&row);
            return 0;
        }
        self.bury(&row, reason, now, by);
        1
    }

    fn expire(&mut self, row: &Row) {
        if row.record.user.is_some() {
            self.bury(row, row.record.expiry_reason(), row.record.deadline(), None);
        }
    }

    fn bury(&mut self, row: &Row, reason: EndReason, ended_at: Timestamp, by: Option<&str>) {
        let record = &row.record;
        let ClientInfo { address, user_agent } = record.client.clone();
        let ended = EndedSession {
            id: record.id,
            user: record.user.clone(),
            user_name: record.user_name.clone(),
            created_at: record.created_at,
            last_seen_at: record.last_seen_at,
            ended_at,
            reason,
            ended_by: by.map(str::to_owned),
            client_address: address,
            user_agent,
        };
        match record.user {
            Some(_) => self.ended_order.insert((ended_at, record.id)),
            None => self.ended_anonymous.insert((ended_at, record.id)),
        };
        self.ended.insert(record.id, ended);
    }

    pub(super) fn sweep(&mut self, sweep: Sweep) -> Swept {
        let limit = sweep.limit as usize;
        self.log.prune(sweep.now, limit);
        let expired: Vec<SessionId> = self.expired(sweep.now).take(limit).collect();
        let mut idle = 0;
        for id in &expired {
            if let Some(row) = self.take(*id) {
                idle += u64::from(row.record.expiry_reason() == EndReason::Idle);
                self.expire(&row);
            }
        }
        let mut forgotten = forget(&mut self.ended_order, sweep.history_before, limit);
        let rest = limit - forgotten.len();
        forgotten.extend(forget(&mut self.ended_anonymous, sweep.anonymous_before(), rest));
        for id in &forgotten {
            self.ended.remove(id);
        }
        let oldest = self.by_deadline.first().map(|(deadline, _)| *deadline);
        Swept {
            sessions: expired.len() as u64,
            idle,
            history: forgotten.len() as u64,
            backlog: self.expired(sweep.now).take(limit.saturating_mul(10)).count() as u64,
            oldest: oldest.filter(|deadline| *deadline <= sweep.now),
        }
    }

    fn expired(&self, now: Timestamp) -> impl Iterator<Item = SessionId> {
        let due = self.by_deadline.iter().take_while(move |(deadline, _)| *deadline <= now);
        due.map(|(_, id)| *id)
    }
}

/// Takes out what is older than `before`, oldest first, at most `limit`.
fn forget(
    order: &mut BTreeSet<(Timestamp, SessionId)>,
    before: Timestamp,
    limit: usize,
) -> Vec<SessionId> {
    let stale = order.iter().take_while(|(ended_at, _)| *ended_at < before);
    let stale: Vec<_> = stale.take(limit).copied().collect();
    for entry in &stale {
        order.remove(entry);
    }
    stale.into_iter().map(|(_, id)| id).collect()
}
