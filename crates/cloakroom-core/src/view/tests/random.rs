use std::env;
use std::hash::{BuildHasher, RandomState};

/// Pseudo-random numbers (xorshift): the same seed, the same numbers.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) % bound as u64) as usize
    }

    pub(super) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(super) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}

/// The seeds of a random test, new ones at every run, or the one in `CLOAKROOM_SEED`: `full` of
/// them when the environment says `CLOAKROOM_TORTURE=1`, else `reduced`.
pub(super) fn seeds(reduced: u64, full: u64) -> Vec<u64> {
    if let Ok(seed) = env::var("CLOAKROOM_SEED") {
        return vec![seed.parse().unwrap()];
    }
    let torture = env::var_os("CLOAKROOM_TORTURE").is_some_and(|value| value == "1");
    let random = RandomState::new();
    (0..if torture { full } else { reduced }).map(|number| random.hash_one(number)).collect()
}
