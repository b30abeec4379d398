//! Rotation over virtual time on several nodes, each of which works with the copy of the ring
//! that it read last, and by a clock of its own.

use std::time::Duration;

use cloakroom_core::Timestamp;
use cloakroom_testkit::{Random, rounds, seeds};

use super::{KeyRing, Purpose, RingKey, Rotation, Step};

const NODES: usize = 4;
const VERIFIERS: usize = 3;
const STEPS: u32 = 6_000;
const LONGEST_STEP: Duration = Duration::from_secs(2);

struct Numbered(u64);

impl RingKey for Numbered {
    fn ring_id(&self) -> String {
        self.0.to_string()
    }

    fn algorithm_name(&self) -> &'static str {
        "none"
    }

    fn can_sign(&self) -> bool {
        true
    }
}

struct Node {
    ring: KeyRing<Numbered>,
    ahead: Duration,
    reads_again_at: Timestamp,
}

/// Verifies with a copy of what a node published.
struct Verifier {
    published: Vec<u64>,
    ahead: Duration,
    fetches_again_at: Timestamp,
}

struct World {
    random: Random,
    now: Timestamp,
    /// How old the copy of a node becomes.
    age: Duration,
    /// What is really the case: how long nodes and verifiers work with old copies.
    truth: Rotation,
    /// What rotation believes of it.
    believed: Rotation,
    kept: KeyRing<Numbered>,
    keys: u64,
    nodes: Vec<Node>,
    verifiers: Vec<Verifier>,
    /// By key, when the last token expires that it signed.
    alive: Vec<Timestamp>,
    checked: u32,
}

fn numbers(ring: &KeyRing<Numbered>) -> Vec<u64> {
    ring.verifying().map(|key| key.0).collect()
}

impl World {
    fn new(seed: u64, believe: impl FnOnce(Rotation) -> Rotation) -> Self {
        let mut random = Random::new(seed);
        let (age, differ) = (random.millis(60_000), random.millis(10_000));
        let truth = Rotation {
            period: Duration::from_secs(600) + random.millis(600_000),
            longest_token: random.millis(300_000),
            reading: age + differ * 2,
            publishing: random.millis(120_000),
        };
        let now = Timestamp::from_unix_millis(1_767_225_600_000);
        let mut kept = KeyRing::new(Purpose::AccessToken);
        kept.begin(Numbered(0), now).unwrap();
        let mut ahead = || differ.mul_f64(random.below(101) as f64 / 100.0);
        let mut node = || Node { ring: kept.clone(), ahead: ahead(), reads_again_at: now };
        let nodes = (0..NODES).map(|_| node()).collect();
        let mut verifier =
            || Verifier { published: vec![0], ahead: ahead(), fetches_again_at: now };
        let verifiers = (0..VERIFIERS).map(|_| verifier()).collect();
        let believed = believe(truth);
        let (keys, alive, checked) = (0, Vec::new(), 0);
        Self { random, now, age, truth, believed, kept, keys, nodes, verifiers, alive, checked }
    }

    /// Goes on until a token that is alive is refused; then says which.
    fn run(&mut self) -> Result<(), String> {
        for _ in 0..STEPS {
            self.now = self.now.after(self.random.millis(LONGEST_STEP.as_millis() as u64));
            self.copies_age();
            self.rotate();
            self.issue();
            self.verify()?;
        }
        Ok(())
    }

    /// Whoever has an old copy reads at some moment, but no later than it must. Those moments lie
    /// between two steps, so a copy is renewed before the first step that is too late for it.
    fn copies_age(&mut self) {
        let soon = self.now.after(LONGEST_STEP);
        for node in &mut self.nodes {
            if node.reads_again_at <= soon || self.random.once_in(50) {
                node.ring = self.kept.clone();
                node.reads_again_at = self.now.after(self.age);
            }
        }
        for verifier in &mut self.verifiers {
            if verifier.fetches_again_at <= soon || self.random.once_in(50) {
                verifier.published = numbers(&self.random.pick(&self.nodes).ring);
                verifier.fetches_again_at = self.now.after(self.truth.publishing);
            }
        }
    }

    /// Done by any node, by its clock.
    fn rotate(&mut self) {
        let now = self.now.after(self.random.pick(&self.nodes).ahead);
        if self.random.once_in(1_000) {
            // By hand, at any time; refused where one is announced already.
            self.keys += 1;
            let _ = self.kept.announce(Numbered(self.keys), now);
        }
        match self.kept.due(now, &self.believed) {
            Some(Step::Announce) => {
                self.keys += 1;
                self.kept.announce(Numbered(self.keys), now).unwrap();
            }
            Some(Step::Promote) => self.kept.promote(now, &self.believed).unwrap(),
            Some(Step::Retire(id)) => self.kept.retire(&id, now, &self.believed).unwrap(),
            Some(Step::Begin) => panic!("a ring loses no key that signs"),
            None => {}
        }
    }

    fn issue(&mut self) {
        for node in &self.nodes {
            let key = node.ring.signing().unwrap().0 as usize;
            let lives = self.truth.longest_token / (1 + self.random.below(3) as u32);
            let expires_at = self.now.after(node.ahead).after(lives);
            self.alive.resize(self.alive.len().max(key + 1), self.now);
            self.alive[key] = self.alive[key].max(expires_at);
        }
    }

    fn verify(&mut self) -> Result<(), String> {
        let nodes = self.nodes.iter().map(|node| (node.ahead, numbers(&node.ring)));
        let verifiers = self.verifiers.iter().map(|it| (it.ahead, it.published.clone()));
        for (ahead, known) in nodes.chain(verifiers) {
            let now = self.now.after(ahead);
            let alive = (0..).zip(&self.alive).filter(|(_, expires_at)| **expires_at > now);
            for (key, _) in alive {
                self.checked += 1;
                if !known.contains(&key) {
                    return Err(format!("a token of {key} is refused; known are {known:?}"));
                }
            }
        }
        Ok(())
    }
}

#[test]
fn law_10_no_valid_token_is_refused_during_rotation_on_any_node() {
    let (mut rotated, mut checked) = (0, 0);
    for seed in seeds(rounds(40, 2_000)) {
        let mut world = World::new(seed, |truth| truth);
        world.run().unwrap_or_else(|refused| panic!("CLOAKROOM_SEED={seed}: {refused}"));
        rotated += world.keys;
        checked += world.checked;
    }
    eprintln!("rotated in {rotated} keys; verified {checked} times");
    assert!(rotated > 0 && checked > 0);
}

/// How many of 40 worlds refuse a token that is alive.
fn refusing(believe: impl Fn(Rotation) -> Rotation) -> usize {
    (0..40).filter(|seed| World::new(*seed, &believe).run().is_err()).count()
}

#[test]
fn the_simulation_notices_when_a_wait_is_too_short() {
    let none = Duration::ZERO;
    assert_eq!(refusing(|truth| truth), 0);
    let short = [
        refusing(|truth| Rotation { longest_token: none, ..truth }),
        refusing(|truth| Rotation { reading: none, ..truth }),
        refusing(|truth| Rotation { publishing: none, ..truth }),
    ];
    assert!(short.iter().all(|worlds| *worlds > 10), "{short:?}");
}
