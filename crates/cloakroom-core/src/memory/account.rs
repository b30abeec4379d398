//! How many sessions there are, and how much memory everything takes.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use super::MemoryOptions;

/// Exact counts, and bytes as the allocator gives them out, near enough. A place is claimed
/// before a session is inserted, so parallel inserts never pass a cap together.
#[derive(Debug)]
pub(super) struct Account {
    sessions: AtomicU64,
    anonymous: AtomicU64,
    bytes: AtomicI64,
    max_sessions: u64,
    max_bytes: i64,
}

/// What an insert needs, less what goes in the same step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    /// For a visitor, the most anonymous sessions there may be.
    pub(super) anonymous_cap: Option<u64>,
    pub(super) bytes: usize,
    pub(super) credit: Credit,
}

/// What goes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Credit {
    pub(super) sessions: u64,
    pub(super) anonymous: u64,
    pub(super) bytes: usize,
}

/// What there is not enough of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lack {
    Anonymous,
    Sessions,
    Bytes,
}

impl Account {
    pub(super) fn new(options: &MemoryOptions) -> Self {
        Self {
            sessions: AtomicU64::new(0),
            anonymous: AtomicU64::new(0),
            bytes: AtomicI64::new(0),
            max_sessions: options.max_sessions,
            max_bytes: signed(options.max_bytes),
        }
    }

    /// Takes a place for one session, or nothing.
    pub(super) fn claim(&self, claim: Claim) -> Result<(), Lack> {
        let Credit { sessions, anonymous, bytes } = claim.credit;
        if let Some(cap) = claim.anonymous_cap {
            take(&self.anonymous, anonymous, cap).map_err(|()| Lack::Anonymous)?;
        }
        let taken = take(&self.sessions, sessions, self.max_sessions)
            .map_err(|()| Lack::Sessions)
            .and_then(|()| {
                self.claim_bytes(claim.bytes, bytes).inspect_err(|_| {
                    self.sessions.fetch_sub(1, Ordering::Relaxed);
                })
            });
        taken.inspect_err(|_| {
            if claim.anonymous_cap.is_some() {
                self.anonymous.fetch_sub(1, Ordering::Relaxed);
            }
        })
    }

    /// Takes the bytes of a session, or nothing, where `credit` go in the same step. What ends
    /// with it is history then, so above the cap even a smaller session is one too many.
    fn claim_bytes(&self, bytes: usize, credit: usize) -> Result<(), Lack> {
        self.take_bytes(bytes, credit, |held| bytes <= credit && held <= self.max_bytes)
    }

    /// Takes the bytes of data that replace those of `before`, or nothing.
    pub(super) fn exchange(&self, before: usize, bytes: usize) -> Result<(), Lack> {
        self.take_bytes(bytes, before, |_| bytes <= before)
    }

    fn take_bytes(
        &self,
        bytes: usize,
        credit: usize,
        even_so: impl Fn(i64) -> bool,
    ) -> Result<(), Lack> {
        let fits = |held: i64| {
            let after = held.saturating_add(bytes as i64);
            let fits = after.saturating_sub(credit as i64) <= self.max_bytes;
            (fits || even_so(held)).then_some(after)
        };
        let taken = self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits);
        taken.map(drop).map_err(|_| Lack::Bytes)
    }

    /// A session that is there whatever the caps say: one restored.
    pub(super) fn admit(&self, anonymous: bool) {
        self.sessions.fetch_add(1, Ordering::Relaxed);
        self.anonymous.fetch_add(u64::from(anonymous), Ordering::Relaxed);
    }

    pub(super) fn leave(&self, anonymous: bool) {
        self.sessions.fetch_sub(1, Ordering::Relaxed);
        self.anonymous.fetch_sub(u64::from(anonymous), Ordering::Relaxed);
    }

    /// What cannot be refused: history, log, epochs.
    pub(super) fn charge(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as i64, Ordering::Relaxed);
    }

    pub(super) fn refund(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes as i64, Ordering::Relaxed);
    }

    pub(super) fn sessions(&self) -> u64 {
        self.sessions.load(Ordering::Relaxed)
    }

    pub(super) fn anonymous(&self) -> u64 {
        self.anonymous.load(Ordering::Relaxed)
    }

    /// Whether more is in use than may be.
    pub(super) fn is_over(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > self.max_bytes
    }

    pub(super) fn bytes(&self) -> u64 {
        u64::try_from(self.bytes.load(Ordering::Relaxed)).unwrap_or(0)
    }
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// One more, if that is within `cap` once `credit` are gone.
fn take(counter: &AtomicU64, credit: u64, cap: u64) -> Result<(), ()> {
    let fits = |held: u64| (held.saturating_sub(credit) < cap).then_some(held + 1);
    counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).map(drop).map_err(drop)
}

/// What an allocation of so many bytes takes.
pub(super) const fn allocation(bytes: usize) -> usize {
    match bytes {
        0 => 0,
        1..=24 => 32,
        _ => (bytes + 8).next_multiple_of(16),
    }
}

/// What an entry of so many bytes takes in a tree, whose leaves are half to two thirds full.
pub(super) const fn in_tree(bytes: usize) -> usize {
    bytes * 7 / 4 + 10
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(max_sessions: u64, max_bytes: u64) -> Account {
        Account::new(&MemoryOptions { max_sessions, max_bytes, ..MemoryOptions::default() })
    }

    fn claim(anonymous_cap: Option<u64>, bytes: usize) -> Claim {
        Claim { anonymous_cap, bytes, credit: Credit::default() }
    }

    #[test]
    fn a_refused_claim_takes_nothing() {
        let account = account(2, 100);
        account.claim(claim(None, 60)).unwrap();
        assert_eq!(account.claim(claim(Some(1), 60)), Err(Lack::Bytes));
        assert_eq!(account.claim(claim(Some(0), 1)), Err(Lack::Anonymous));
        account.claim(claim(Some(1), 40)).unwrap();
        assert_eq!(account.claim(claim(Some(2), 0)), Err(Lack::Sessions));
        assert_eq!((account.sessions(), account.anonymous(), account.bytes()), (2, 1, 100));
    }

    #[test]
    fn what_goes_in_the_same_step_makes_room() {
        let account = account(1, 100);
        account.claim(claim(Some(1), 100)).unwrap();
        let credit = Credit { sessions: 1, anonymous: 1, bytes: 100 };
        account.claim(Claim { anonymous_cap: Some(1), bytes: 90, credit }).unwrap();
        account.leave(true);
        account.refund(100);
        assert_eq!((account.sessions(), account.anonymous(), account.bytes()), (1, 1, 90));
    }

    #[test]
    fn what_shrinks_is_never_refused() {
        let account = account(1, 100);
        account.charge(500);
        assert_eq!(account.exchange(19, 20), Err(Lack::Bytes));
        account.exchange(20, 20).unwrap();
    }

    #[test]
    fn above_the_cap_no_session_takes_the_place_of_another() {
        let account = account(2, 100);
        account.charge(100);
        account.claim_bytes(20, 20).unwrap();
        account.refund(20);
        account.charge(1);
        assert_eq!(account.claim_bytes(20, 20), Err(Lack::Bytes));
        account.claim_bytes(20, 21).unwrap();
    }
}
