//! Sessions, users and acts as a store has them, and two nodes that follow its log: what a view
//! denies is compared with what is true.

use std::collections::HashMap;
use std::time::Duration;

use super::log::TestLog;
use super::random::{Random, seeds};
use super::{NOW, id, id_of, user};
use crate::view::{Claimed, Denial, Mark, RevocationView};
use crate::{Bucket, Change, LogEntry, SessionId, Timestamp, UserId};

const LOG_LEAST: Duration = Duration::from_secs(600);

#[derive(Clone)]
struct Session {
    id: SessionId,
    user: Option<UserId>,
    epoch: u64,
    generation: u32,
    deadline: Timestamp,
    is_ended: bool,
}

/// A credential that somebody holds.
#[derive(Clone, Debug)]
struct Held {
    session: usize,
    epoch: u64,
    generation: u32,
    mark: Option<Mark>,
}

struct World {
    random: Random,
    now: Timestamp,
    users: Vec<UserId>,
    own: HashMap<UserId, u64>,
    everyone: u64,
    sessions: Vec<Session>,
    held: Vec<Held>,
    /// Marks that were taken and may not have been used yet.
    marks: Vec<(Bucket, Mark)>,
    log: TestLog,
    nodes: [RevocationView; 2],
}

#[test]
fn what_a_view_denies_is_what_is_over_or_must_be_asked_for_in_every_order_of_acts() {
    let mut told = HashMap::new();
    for seed in seeds(40, 1_000) {
        for parts in [1, Bucket::COUNT] {
            World::new(seed, parts).play(seed, &mut told);
        }
    }
    // Each kind of answer was compared often.
    for denial in [
        None,
        Some(Denial::SessionEnded),
        Some(Denial::UserEnded),
        Some(Denial::EveryoneEnded),
        Some(Denial::Rotated),
        Some(Denial::Stale),
    ] {
        let least = if std::env::var_os("CLOAKROOM_SEED").is_some() { 0 } else { 200 };
        assert!(told.get(&denial).copied().unwrap_or(0) >= least, "{denial:?}: {told:?}");
    }
}

impl World {
    fn new(seed: u64, parts: usize) -> Self {
        let log = TestLog::new(seed, parts);
        let nodes = [(); 2].map(|()| RevocationView::new());
        nodes.iter().for_each(|node| super::run(node.load(&log)).unwrap());
        Self {
            random: Random::new(seed),
            now: NOW,
            users: (0..3).map(|number| user(&format!("user-{number}"))).collect(),
            own: HashMap::new(),
            everyone: 0,
            sessions: Vec::new(),
            held: Vec::new(),
            marks: Vec::new(),
            log,
            nodes,
        }
    }

    fn play(mut self, seed: u64, told: &mut HashMap<Option<Denial>, usize>) {
        for _ in 0..150 {
            self.act();
            let node = self.random.below(2);
            if self.random.once_in(2) {
                self.log.set(|state| state.most = 1 + self.random.below(4));
                super::run(self.nodes[node].follow(&self.log)).unwrap();
                self.check(seed, node, told);
            }
        }
        self.restart(seed, told);
    }

    fn act(&mut self) {
        let name = self.random.pick(&self.users).clone();
        match self.random.below(20) {
            0..5 => self.log_in(Some(name)),
            5 => self.log_in(None),
            6 | 7 => self.with_live(Self::end),
            8 | 9 => self.with_live(Self::rotate),
            10 => self.regroup(&name),
            11 => self.end_user(&name, None),
            12 => self.with_live(Self::end_others),
            13 if self.random.once_in(2) => self.end_everyone(),
            14 => self.pass_time(),
            15 | 16 => self.take_marks(),
            _ => self.with_live(Self::make_claims),
        }
    }

    fn epoch(&self, user: &UserId) -> u64 {
        self.own.get(user).copied().unwrap_or(0) + self.everyone
    }

    /// Sometimes with an epoch of the application's own, which is higher and enters no log.
    fn log_in(&mut self, user: Option<UserId>) {
        let number = self.sessions.len() as u64;
        let mut epoch = 0;
        if let Some(user) = &user {
            let higher = if self.random.once_in(4) { self.random.below(3) as u64 } else { 0 };
            epoch = self.epoch(user) + higher;
            self.own.insert(user.clone(), epoch - self.everyone);
        }
        let id = user.as_ref().map_or_else(|| id(number), |user| id_of(user, number));
        let deadline =
            self.now.after(Duration::from_secs(300 * (1 + self.random.below(30)) as u64));
        let session = Session { id, user, epoch, generation: 0, deadline, is_ended: false };
        self.sessions.push(session);
        self.make_claims(self.sessions.len() - 1);
    }

    fn with_live(&mut self, act: impl FnOnce(&mut Self, usize)) {
        let live = self.live(|_| true);
        if !live.is_empty() {
            let chosen = *self.random.pick(&live);
            act(self, chosen);
        }
    }

    fn live(&self, which: impl Fn(&Session) -> bool) -> Vec<usize> {
        let live = |it: &Session| !it.is_ended && self.now < it.deadline && which(it);
        (0..self.sessions.len()).filter(|index| live(&self.sessions[*index])).collect()
    }

    /// With a mark that was taken at any time before.
    fn make_claims(&mut self, index: usize) {
        let session = &self.sessions[index];
        let bucket = session.id.bucket();
        let marks: Vec<_> = self.marks.iter().filter(|(of, _)| *of == bucket).collect();
        let mark = match marks.len() {
            0 => None,
            many => Some(marks[many - 1 - self.random.below(many.min(4))].1),
        };
        let Session { epoch, generation, .. } = *session;
        self.held.push(Held { session: index, epoch, generation, mark });
    }

    fn take_marks(&mut self) {
        let node = &self.nodes[self.random.below(2)];
        let all = Bucket::all().filter_map(|bucket| Some((bucket, node.mark(bucket)?)));
        self.marks.extend(all);
    }

    fn end(&mut self, index: usize) {
        self.sessions[index].is_ended = true;
        let Session { id, deadline, .. } = self.sessions[index];
        self.log.add([LogEntry { change: Change::Ended(id), until: deadline }]);
    }

    fn rotate(&mut self, index: usize) {
        self.sessions[index].generation += 1;
        let Session { id, generation, deadline, .. } = self.sessions[index];
        self.log.add([LogEntry { change: Change::Rotated(id, generation), until: deadline }]);
    }

    fn regroup(&mut self, user: &UserId) {
        let those = self.live(|it| it.user.as_ref() == Some(user));
        those.iter().for_each(|index| self.sessions[*index].generation += 1);
        let until = those.iter().map(|index| self.sessions[*index].deadline).max();
        let entry = |until| LogEntry { change: Change::UserChanged(user.clone()), until };
        self.log.add(until.map(entry));
    }

    fn end_user(&mut self, user: &UserId, except: Option<usize>) {
        let epoch = self.epoch(user) + 1 + self.random.below(2) as u64;
        self.own.insert(user.clone(), epoch - self.everyone);
        let those = self.live(|it| it.user.as_ref() == Some(user));
        let until = self.end_all(those.into_iter().filter(|index| Some(*index) != except));
        let except = except.map(|index| {
            self.sessions[index].epoch = epoch;
            self.sessions[index].id
        });
        let change = Change::UserEnded { user: user.clone(), epoch, except };
        self.log.add([LogEntry { change, until }]);
    }

    fn end_others(&mut self, index: usize) {
        if let Some(user) = self.sessions[index].user.clone() {
            self.end_user(&user, Some(index));
        }
    }

    fn end_everyone(&mut self) {
        self.everyone += 1;
        let until = self.end_all(self.live(|_| true).into_iter());
        self.log.add([LogEntry { change: Change::EveryoneEnded(self.everyone), until }]);
    }

    fn end_all(&mut self, those: impl Iterator<Item = usize>) -> Timestamp {
        let mut until = self.now.after(LOG_LEAST);
        for index in those {
            self.sessions[index].is_ended = true;
            until = until.max(self.sessions[index].deadline);
        }
        until
    }

    fn pass_time(&mut self) {
        self.now = self.now.after(Duration::from_secs(self.random.below(400) as u64));
        let now = self.now;
        self.log.set(|state| state.prune(now));
        self.prune();
    }

    fn prune(&self) {
        for _ in Bucket::all() {
            for node in &self.nodes {
                node.prune(self.now);
            }
        }
    }

    /// Whoever has seen nothing of the past knows the same.
    fn restart(mut self, seed: u64, told: &mut HashMap<Option<Denial>, usize>) {
        let fresh = RevocationView::new();
        self.log.set(|state| state.most = 3);
        super::run(fresh.load(&self.log)).unwrap();
        self.nodes[0] = fresh;
        self.check(seed, 0, told);
    }

    /// All credentials that have not run out, on a node that has read the log.
    fn check(&self, seed: u64, node: usize, told: &mut HashMap<Option<Denial>, usize>) {
        let view = &self.nodes[node];
        for held in &self.held {
            let session = &self.sessions[held.session];
            if self.now >= session.deadline {
                continue;
            }
            let said = view.deny(&claimed(held, session));
            *told.entry(said).or_default() += 1;
            let must = session.is_ended || held.generation < session.generation;
            assert!(!must || said.is_some(), "seed {seed}: {held:?} is not denied");
            let is_end = said.is_some_and(Denial::is_end);
            assert!(
                session.is_ended || !is_end,
                "seed {seed}: {held:?} is said to be over: {said:?}"
            );
            if !session.is_ended {
                let Session { epoch, generation, .. } = *session;
                let mark = view.mark(session.id.bucket());
                let anew = Held { epoch, generation, mark, ..held.clone() };
                let said = view.deny(&claimed(&anew, session));
                assert_eq!(said, None, "seed {seed}: {anew:?} was made anew");
            }
        }
    }
}

fn claimed<'a>(held: &Held, session: &'a Session) -> Claimed<'a> {
    Claimed {
        session: session.id,
        user: session.user.as_ref(),
        epoch: held.epoch,
        generation: held.generation,
        key: "key",
        mark: held.mark,
    }
}
