use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_core::{
    Bucket, DataChange, DataLimits, End, Ended, Expect, Guard, Inserted, NewSession, Record,
    RenewalStep, Rotation, Selector, SessionId, Sweep, Timestamp, Touch, Updated, UserId,
};

use super::act::{Act, Change, Expected, Insert, Slot, Step, USERS, Whom};
use super::compare;
use super::versions::{Pair, Versions};
use crate::fixtures::{Draft, START, digest, user};
use crate::subject::Subject;

/// How far back sessions are looked at.
const RECENT: usize = 8;

/// Both stores under way, and what the players know of them.
#[derive(Debug)]
pub(super) struct Play {
    pub(super) reference: Subject,
    pub(super) store: Subject,
    pub(super) now: Timestamp,
    pub(super) ids: Vec<SessionId>,
    pub(super) versions: Versions,
    /// The generation a writer knows who loaded the session when it was last live.
    generations: HashMap<SessionId, u32>,
}

/// What both stores answered.
type Both<T> = (T, T);

fn same<T: PartialEq + std::fmt::Debug>(
    what: &str,
    (expected, found): Both<T>,
) -> Result<(), String> {
    if expected == found {
        return Ok(());
    }
    Err(format!("{what}\n  reference: {expected:?}\n  store:     {found:?}"))
}

impl Play {
    pub(super) fn new(reference: Subject, store: Subject) -> Self {
        let (ids, versions) = (Vec::new(), Versions::default());
        Self { reference, store, now: START, ids, versions, generations: HashMap::new() }
    }

    /// Does one step on both and compares all there is to see.
    pub(super) async fn step(&mut self, step: &Step) -> Result<(), String> {
        self.now = self.now.after(step.after);
        match &step.act {
            Act::Insert(insert) => self.insert(insert).await?,
            Act::Update { slot, stale, tight, changes } => {
                self.update(*slot, *stale, *tight, changes).await?;
            }
            Act::Rotate { slot, stale, skip, proven } => {
                self.rotate(*slot, *stale, *skip, *proven).await?;
            }
            Act::Offer { slot, skip, word } => self.offer(*slot, *skip, *word).await?,
            Act::Promote { slot, word } => self.promote(*slot, *word).await?,
            Act::Touch { slots, late } => self.touch(slots, *late).await?,
            Act::Regroup { user, groups } => self.regroup(*user, groups).await?,
            Act::End { whom, reason, by, epoch } => {
                let selector = self.selector(*whom);
                let (reason, by, now) = (*reason, by.clone(), self.now);
                self.end(End { selector, reason, by, now, epoch: *epoch }).await?;
            }
            Act::Sweep { limit, drop_history } => self.sweep(*limit, *drop_history).await?,
        }
        compare::everything(self).await?;
        self.remember_generations().await;
        Ok(())
    }

    /// The sessions that are looked at, the newest last.
    pub(super) fn recent(&self) -> &[SessionId] {
        &self.ids[self.ids.len().saturating_sub(RECENT)..]
    }

    fn id(&self, slot: Slot) -> SessionId {
        let recent = self.recent();
        let unknown = SessionId::from_bytes([7; 16]);
        let newest_first = recent.iter().rev().nth(slot % recent.len().max(1));
        newest_first.copied().unwrap_or(unknown)
    }

    async fn loaded(&self, id: SessionId) -> Option<Arc<Record>> {
        self.reference.load(id, self.now).await
    }

    async fn remember_generations(&mut self) {
        for id in self.recent().to_vec() {
            if let Some(record) = self.loaded(id).await {
                self.generations.insert(id, record.generation);
            }
        }
    }

    fn guard(&self, id: SessionId, stale: bool) -> Guard {
        let known = self.generations.get(&id).copied().unwrap_or(0);
        Guard { id, generation: known.wrapping_sub(u32::from(stale)), now: self.now }
    }

    async fn insert(&mut self, insert: &Insert) -> Result<(), String> {
        let new = self.session(insert).await;
        let id = new.record.id;
        let sorted = |inserted| match inserted {
            Inserted::Done { mut ended } => {
                ended.sort_unstable();
                Inserted::Done { ended }
            }
            other => other,
        };
        let expected = sorted(self.reference.insert(new.clone()).await);
        let found = sorted(self.store.insert(new).await);
        if matches!(expected, Inserted::Done { .. }) {
            self.ids.push(id);
        }
        same("insert", (expected, found))
    }

    async fn session(&self, insert: &Insert) -> NewSession {
        let mut draft = match insert.user {
            Some(index) => Draft::of(USERS[index]).at(self.now),
            None => Draft::anonymous().at(self.now),
        };
        if let Some(index) = insert.user {
            let epoch = self.reference.epoch(user(USERS[index])).await;
            draft = draft.epoch(epoch.saturating_add_signed(insert.epoch_step));
        }
        for (key, value) in &insert.data {
            draft = draft.data(key, &value.to_string());
        }
        draft = draft.idle(insert.idle).absolute(insert.absolute);
        draft = draft.anonymous_cap(insert.anonymous_cap).id(self.new_id(insert).await);
        if let Some((slot, carry)) = &insert.replaces {
            // What happens to an expired session that is replaced is not part of the contract.
            if self.is_settled(self.id(*slot)).await {
                draft = draft.replacing(self.id(*slot), carry.clone());
            }
        }
        NewSession { limit: insert.limit, ..draft.build() }
    }

    /// A new id, or one that a session has or had as far as the history shows.
    async fn new_id(&self, insert: &Insert) -> SessionId {
        // A store may refuse an id that is not in the bucket of its user.
        let fits = |id: SessionId| {
            insert.user.is_none_or(|index| id.bucket() == Bucket::of(&user(USERS[index])))
        };
        if let Some(slot) = insert.reuse
            && fits(self.id(slot))
            && self.is_settled(self.id(slot)).await
        {
            return self.id(slot);
        }
        let mut bytes = insert.nonce.to_be_bytes();
        let millis = u64::try_from(self.now.unix_millis()).unwrap_or(0).to_be_bytes();
        bytes[..6].copy_from_slice(&millis[2..]);
        bytes[6] = 0x70 | bytes[6] & 0x0f;
        bytes[8] = 0x80 | bytes[8] & 0x3f;
        let id = SessionId::from_bytes(bytes);
        insert.user.map_or(id, |index| id.within(Bucket::of(&user(USERS[index]))))
    }

    /// Whether a session is live or in the history.
    async fn is_settled(&self, id: SessionId) -> bool {
        self.loaded(id).await.is_some() || self.reference.ended(id).await.is_some()
    }

    async fn update(
        &mut self,
        slot: Slot,
        stale: bool,
        tight: bool,
        changes: &[Change],
    ) -> Result<(), String> {
        let id = self.id(slot);
        let guard = self.guard(id, stale);
        let limits = if tight { DataLimits { keys: 3, bytes: 16 } } else { DataLimits::default() };
        let mut expecting = Vec::new();
        for change in changes {
            expecting.push(self.expected(id, change).await);
        }
        let of = |pick: fn(&Pair) -> u64| -> Vec<DataChange> {
            let pairs = changes.iter().zip(&expecting);
            pairs.map(|(change, pair)| data_change(change, pair.as_ref().map(pick))).collect()
        };
        let expected = self.reference.update_within(guard, of(|pair| pair.0), limits).await;
        let found = self.store.update_within(guard, of(|pair| pair.1), limits).await;
        if let (Updated::Done { versions: ours }, Updated::Done { versions: theirs }) =
            (&expected, &found)
        {
            return self.note_written(id, changes, ours, theirs);
        }
        same("update", (expected, found))
    }

    /// The versions that a write expects, of either store; `None` for any.
    async fn expected(&self, id: SessionId, change: &Change) -> Option<Pair> {
        match change.expect {
            Expected::Any => None,
            Expected::Absent => Some((0, 0)),
            Expected::Earlier(number) => Some(self.versions.earlier(id, change.key, number)),
            Expected::Current if self.loaded(id).await.is_none() => Some((0, 0)),
            Expected::Current => Some((
                self.reference.entry(id, self.now, change.key).await.version,
                self.store.entry(id, self.now, change.key).await.version,
            )),
        }
    }

    fn note_written(
        &mut self,
        id: SessionId,
        changes: &[Change],
        ours: &[u64],
        theirs: &[u64],
    ) -> Result<(), String> {
        same("number of versions", (ours.len(), theirs.len()))?;
        for (change, pair) in changes.iter().zip(ours.iter().zip(theirs)) {
            // The version of a removal is not part of the contract.
            if change.value.is_some() {
                self.versions.note(id, change.key, (*pair.0, *pair.1))?;
            }
        }
        Ok(())
    }

    async fn rotate(&self, slot: Slot, stale: bool, skip: u32, proven: bool) -> Result<(), String> {
        let id = self.id(slot);
        let counter = self.loaded(id).await.map_or(0, |record| record.renewal.counter);
        let authenticated_at = proven.then_some(self.now);
        let digest = digest(&format!("rotated {:?}", self.now));
        let rotation = Rotation { digest, counter: counter + 1 + skip, authenticated_at };
        let guard = self.guard(id, stale);
        let expected = self.reference.rotate(guard, rotation).await;
        same("rotate", (expected, self.store.rotate(guard, rotation).await))
    }

    async fn offer(&self, slot: Slot, skip: u32, word: u64) -> Result<(), String> {
        let id = self.id(slot);
        let counter = self.loaded(id).await.map_or(0, |record| record.renewal.counter);
        let step = RenewalStep::Offer { counter: counter + skip, next: successor(word) };
        self.renew(id, step).await
    }

    async fn promote(&self, slot: Slot, word: u64) -> Result<(), String> {
        self.renew(self.id(slot), RenewalStep::Promote { next: successor(word) }).await
    }

    async fn renew(&self, id: SessionId, step: RenewalStep) -> Result<(), String> {
        let guard = self.guard(id, false);
        let expected = self.reference.renew(guard, step).await;
        same("renew", (expected, self.store.renew(guard, step).await))
    }

    async fn touch(&self, slots: &[Slot], late: bool) -> Result<(), String> {
        let mut touches: Vec<Touch> = Vec::new();
        for (back, slot) in (0..).zip(slots) {
            let id = self.id(*slot);
            let moment = self.now.before(Duration::from_millis(back));
            let seen_at = if late { START } else { moment };
            if touches.iter().all(|touch| touch.id != id) {
                touches.push(Touch { id, seen_at });
            }
        }
        let expected = self.reference.touch(self.now, touches.clone()).await;
        same("touch", (expected, self.store.touch(self.now, touches).await))
    }

    async fn regroup(&self, index: usize, groups: &[String]) -> Result<(), String> {
        let ada: UserId = user(USERS[index]);
        let expected = self.reference.regroup(ada.clone(), groups.to_vec(), self.now).await;
        same("regroup", (expected, self.store.regroup(ada, groups.to_vec(), self.now).await))
    }

    fn selector(&self, whom: Whom) -> Selector {
        match whom {
            Whom::Session(slot) => Selector::Session(self.id(slot)),
            Whom::User(index) => Selector::User(user(USERS[index])),
            Whom::UserExcept(index, slot) => {
                Selector::UserExcept(user(USERS[index]), self.id(slot))
            }
            Whom::Everyone => Selector::Everyone,
        }
    }

    async fn end(&self, end: End) -> Result<(), String> {
        let expected: Ended = self.reference.end(end.clone()).await;
        same("end", (expected, self.store.end(end).await))
    }

    async fn sweep(&self, limit: u32, drop_history: bool) -> Result<(), String> {
        let age = Duration::from_secs(if drop_history { 1_800 } else { 1_000_000_000 });
        let sweep = Sweep { now: self.now, history_before: self.now.before(age), limit };
        let expected = self.reference.sweep(sweep).await;
        same("sweep", (expected, self.store.sweep(sweep).await))
    }
}

fn data_change(change: &Change, version: Option<u64>) -> DataChange {
    DataChange {
        key: change.key.to_owned(),
        expect: version.map_or(Expect::Any, Expect::Version),
        json: change.value.map(|value| value.to_string()),
    }
}

fn successor(word: u64) -> cloakroom_core::SecretDigest {
    digest(&format!("successor {word}"))
}
