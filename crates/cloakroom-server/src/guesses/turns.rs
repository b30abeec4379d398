use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;

use super::digest::Digest;

type Line = Arc<tokio::sync::Mutex<()>>;

/// One attempt at a time for each account, first come first served. An attempt under way counts
/// as failed, so without turns many right passwords at once would refuse each other.
///
/// Holds an entry for each account with an attempt under way, and no others.
#[derive(Clone, Debug, Default)]
pub(super) struct Turns(Arc<Mutex<HashMap<Digest, Line>>>);

impl Turns {
    pub(super) async fn take(&self, account: Digest) -> Turn {
        let line = Arc::clone(self.lines().entry(account).or_default());
        let place = Place { turns: self.clone(), account, line: Some(Arc::clone(&line)) };
        Turn { _guard: line.lock_owned().await, _place: place }
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<Digest, Line>> {
        // No code that can panic runs under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A turn; over when dropped.
#[derive(Debug)]
#[must_use = "dropping it ends the turn"]
pub struct Turn {
    // Dropped first, so that the place sees whether it is the last in the line.
    _guard: OwnedMutexGuard<()>,
    _place: Place,
}

/// A place in the line of an account, before and during the turn.
#[derive(Debug)]
struct Place {
    turns: Turns,
    account: Digest,
    line: Option<Line>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut lines = self.turns.lines();
        self.line = None;
        if lines.get(&self.account).is_some_and(|line| Arc::strong_count(line) == 1) {
            lines.remove(&self.account);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: Digest = [1; 16];
    const BOB: Digest = [2; 16];

    /// Whether a turn comes without anybody else going.
    async fn comes(turns: &Turns, account: Digest) -> Option<Turn> {
        tokio::select! {
            biased;
            turn = turns.take(account) => Some(turn),
            () = std::future::ready(()) => None,
        }
    }

    #[tokio::test]
    async fn an_account_has_one_turn_at_a_time_and_others_do_not_wait_for_it() {
        let turns = Turns::default();
        let ada = turns.take(ADA).await;
        assert!(comes(&turns, ADA).await.is_none());
        assert!(comes(&turns, BOB).await.is_some());
        drop(ada);
        assert!(comes(&turns, ADA).await.is_some());
    }

    #[tokio::test]
    async fn nothing_is_kept_of_turns_that_are_over_or_were_not_waited_for() {
        let turns = Turns::default();
        let ada = turns.take(ADA).await;
        assert!(comes(&turns, ADA).await.is_none());
        assert_eq!(turns.lines().len(), 1);
        drop(ada);
        assert!(turns.lines().is_empty());
    }
}
