use std::env;
use std::thread;

use crate::random::{Random, new_seed};

/// How often a random test runs: `full` when the environment says `CLOAKROOM_TORTURE=1`, else
/// `reduced`.
pub fn rounds(reduced: u32, full: u32) -> u32 {
    let torture = env::var_os("CLOAKROOM_TORTURE").is_some_and(|value| value == "1");
    if torture { full } else { reduced }
}

/// The seeds of `count` rounds; only the one in `CLOAKROOM_SEED` where that is set.
///
/// # Panics
/// `CLOAKROOM_SEED` is not a number.
pub fn seeds(count: u32) -> Vec<u64> {
    if let Ok(text) = env::var("CLOAKROOM_SEED") {
        let seed = text.parse().unwrap_or_else(|_| panic!("CLOAKROOM_SEED={text} is no number"));
        return vec![seed];
    }
    let mut random = Random::new(new_seed());
    (0..count).map(|_| random.number()).collect()
}

/// Says on a panic which seed led to it.
#[derive(Debug)]
pub(crate) struct Replay<'a> {
    pub(crate) what: &'a str,
    pub(crate) seed: u64,
}

impl Drop for Replay<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{} failed; replay it with CLOAKROOM_SEED={}", self.what, self.seed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_round_has_a_seed_of_its_own() {
        if env::var_os("CLOAKROOM_SEED").is_none() {
            let mut seeds = seeds(100);
            seeds.sort_unstable();
            seeds.dedup();
            assert_eq!(seeds.len(), 100);
        }
    }
}
