//! A view that follows a real store: what the store no longer has is denied, and what it has is
//! not, whatever was done to it.

use std::time::Duration;

use super::random::{Random, seeds};
use super::{NOW, run, user};
use crate::view::{Claimed, Denial, Mark, RevocationView};
use crate::{
    ClientInfo, End, EndReason, Guard, LimitPolicy, MemoryStore, NewSession, Record, Renewal,
    Replaces, Rotation, SecretDigest, Selector, SessionId, SessionLimit, Store, Sweep, Timestamp,
    UserId,
};

const DIGEST: &[u8] = b"secret";

struct Scene {
    random: Random,
    store: MemoryStore,
    view: RevocationView,
    now: Timestamp,
    users: Vec<UserId>,
    ids: Vec<SessionId>,
    held: Vec<(Record, Option<Mark>)>,
    denied: usize,
}

#[test]
fn what_a_store_no_longer_has_is_denied_and_what_it_has_is_not() {
    let denied: usize = seeds(40, 1_000).into_iter().map(play).sum();
    assert!(denied > 0);
}

fn play(seed: u64) -> usize {
    let mut scene = Scene {
        random: Random::new(seed),
        store: MemoryStore::new(),
        view: RevocationView::new(),
        now: NOW,
        users: (0..3).map(|number| user(&format!("user-{number}"))).collect(),
        ids: Vec::new(),
        held: Vec::new(),
        denied: 0,
    };
    run(async {
        scene.view.load(&scene.store).await.unwrap();
        for _ in 0..120 {
            scene.act().await;
            if scene.random.once_in(2) {
                scene.view.follow(&scene.store).await.unwrap();
                scene.check(seed).await;
            }
        }
        scene.view = RevocationView::new();
        scene.view.load(&scene.store).await.unwrap();
        scene.check(seed).await;
    });
    scene.denied
}

impl Scene {
    async fn act(&mut self) {
        let user = self.random.pick(&self.users).clone();
        match self.random.below(16) {
            0..5 => self.log_in(Some(user)).await,
            5 => self.log_in(None).await,
            6 | 7 => self.make_claims().await,
            8 => self.end(Selector::User(user)).await,
            9 => drop(self.store.regroup(user, vec!["new".into()], self.now).await.unwrap()),
            10 if self.random.once_in(2) => self.end(Selector::Everyone).await,
            11 => self.pass_time().await,
            _ => self.with_session(user).await,
        }
    }

    async fn log_in(&mut self, user: Option<UserId>) {
        let mut epoch = 0;
        if let Some(user) = &user {
            let higher = if self.random.once_in(4) { self.random.below(3) } else { 0 };
            epoch = self.store.epoch(user.clone()).await.unwrap() + higher as u64;
        }
        let id = SessionId::new(user.as_ref(), self.now);
        let absolute = Duration::from_secs(300 * (1 + self.random.below(20)) as u64);
        let record = Record {
            id,
            digest: SecretDigest::of(DIGEST),
            renewal: Renewal::fresh(0, self.now),
            user,
            user_name: None,
            groups: Vec::new(),
            epoch,
            generation: 0,
            created_at: self.now,
            authenticated_at: None,
            last_seen_at: self.now,
            idle_timeout: Duration::from_secs(3_000),
            absolute_deadline: self.now.after(absolute),
            remembered: false,
            client: ClientInfo::default(),
        };
        let replaced = self.any_id().filter(|_| self.random.once_in(3));
        let replaces = replaced.map(|id| Replaces { id, carry: crate::Carry::Nothing });
        let limit = SessionLimit { most: 3, policy: LimitPolicy::EndOldest };
        let limit = self.random.once_in(3).then_some(limit);
        let new = NewSession { record, data: Vec::new(), replaces, limit, anonymous_cap: 99 };
        self.store.insert(new).await.unwrap();
        self.ids.push(id);
    }

    fn any_id(&mut self) -> Option<SessionId> {
        let newest = self.ids.len().saturating_sub(6);
        let recent = &self.ids[newest..];
        (!recent.is_empty()).then(|| *self.random.pick(recent))
    }

    async fn make_claims(&mut self) {
        let Some(id) = self.any_id() else { return };
        let mark = self.view.mark(id.bucket());
        if let Some(record) = self.store.load(id, self.now).await.unwrap() {
            self.held.push((Record::clone(&record), mark));
        }
    }

    async fn with_session(&mut self, user: UserId) {
        let Some(id) = self.any_id() else { return };
        match self.random.below(3) {
            0 => self.end(Selector::Session(id)).await,
            1 => self.end(Selector::UserExcept(user, id)).await,
            _ => self.rotate(id).await,
        }
    }

    async fn rotate(&mut self, id: SessionId) {
        let Some(record) = self.store.load(id, self.now).await.unwrap() else { return };
        let guard = Guard { id, generation: record.generation, now: self.now };
        let counter = record.renewal.counter + 1;
        let digest = SecretDigest::of(DIGEST);
        let rotation = Rotation { digest, counter, authenticated_at: None };
        self.store.rotate(guard, rotation).await.unwrap();
    }

    async fn end(&mut self, selector: Selector) {
        let epoch = self.random.once_in(4).then_some(self.random.below(9) as u64);
        let end = End { selector, reason: EndReason::Logout, by: None, now: self.now, epoch };
        self.store.end(end).await.unwrap();
    }

    async fn pass_time(&mut self) {
        self.now = self.now.after(Duration::from_secs(self.random.below(400) as u64));
        let sweep = Sweep { now: self.now, history_before: NOW, limit: 50 };
        self.store.sweep(sweep).await.unwrap();
        for _ in crate::Bucket::all() {
            self.view.prune(self.now);
        }
    }

    async fn check(&mut self, seed: u64) {
        for (held, mark) in &self.held {
            if held.is_expired(self.now) {
                continue;
            }
            let said = self.view.deny(&claimed(held, *mark));
            let is_end = said.is_some_and(Denial::is_end);
            self.denied += usize::from(is_end);
            let Some(record) = self.store.load(held.id, self.now).await.unwrap() else {
                assert!(said.is_some(), "seed {seed}: {held:?} is gone and not denied");
                continue;
            };
            assert!(!is_end, "seed {seed}: {record:?} lives and is said to be over: {said:?}");
            let is_current = held.generation == record.generation;
            assert!(is_current || said.is_some(), "seed {seed}: {held:?} is not denied");
            let anew = self.view.deny(&claimed(&record, self.view.mark(record.id.bucket())));
            assert_eq!(anew, None, "seed {seed}: {record:?} was made anew");
        }
    }
}

fn claimed(record: &Record, mark: Option<Mark>) -> Claimed<'_> {
    Claimed {
        session: record.id,
        user: record.user.as_ref(),
        epoch: record.epoch,
        generation: record.generation,
        key: "key",
        mark,
    }
}
