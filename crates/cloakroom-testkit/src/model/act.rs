use std::time::Duration;

use cloakroom_core::{Carry, EndReason, LimitPolicy, SessionLimit};

use crate::random::Random;

/// Names of users; also the keys of their data.
pub(super) const USERS: [&str; 3] = ["ada", "adam", "bob"];
pub(super) const KEYS: [&str; 4] = ["a", "b", "c", "ä"];

/// One act, and how long after the one before it happens.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) after: Duration,
    pub(super) act: Act,
}

/// One of the last sessions inserted, counted backwards.
pub(super) type Slot = usize;

/// What is done to both stores. Nothing in it depends on what happened before, so that steps can
/// be left out.
#[derive(Clone, Debug)]
pub(super) enum Act {
    Insert(Insert),
    Update { slot: Slot, stale: bool, tight: bool, changes: Vec<Change> },
    Rotate { slot: Slot, stale: bool, skip: u32, proven: bool },
    Offer { slot: Slot, skip: u32, word: u64 },
    Promote { slot: Slot, word: u64 },
    Touch { slots: Vec<Slot>, late: bool },
    Regroup { user: usize, groups: Vec<String> },
    End { whom: Whom, reason: EndReason, by: Option<String>, epoch: Option<u64> },
    Sweep { limit: u32, drop_history: bool },
}

#[derive(Clone, Debug)]
pub(super) struct Insert {
    pub(super) nonce: u128,
    /// An id that was used before, where there is one.
    pub(super) reuse: Option<Slot>,
    pub(super) user: Option<usize>,
    pub(super) idle: Duration,
    pub(super) absolute: Duration,
    pub(super) data: Vec<(&'static str, u64)>,
    pub(super) replaces: Option<(Slot, Carry)>,
    pub(super) limit: Option<SessionLimit>,
    pub(super) anonymous_cap: u64,
    /// From the present epoch: -1 for a login that began before an end, more where an application
    /// is ahead of the store.
    pub(super) epoch_step: i64,
}

#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) key: &'static str,
    pub(super) expect: Expected,
    pub(super) value: Option<u64>,
}

/// Which version a write expects; each store has numbers of its own.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expected {
    Any,
    Absent,
    Current,
    Earlier(usize),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Whom {
    Session(Slot),
    User(usize),
    UserExcept(usize, Slot),
    Everyone,
}

impl Step {
    pub(super) fn any(random: &mut Random) -> Self {
        // At least some milliseconds, so that no two sessions are used at the same moment: which
        // of two equals a limit ends is not part of the contract.
        let after = match random.below(30) {
            0 => Duration::from_secs(7_200) + random.millis(10_000),
            1..4 => Duration::from_secs(60) + random.millis(1_200_000),
            _ => Duration::from_millis(10) + random.millis(5_000),
        };
        Self { after, act: Act::any(random) }
    }
}

impl Act {
    fn any(random: &mut Random) -> Self {
        match random.below(24) {
            0..7 => Self::Insert(Insert::any(random)),
            7..13 => update(random),
            13 => Self::Rotate {
                slot: slot(random),
                stale: random.once_in(6),
                skip: u32::from(random.once_in(6)),
                proven: random.once_in(2),
            },
            14..16 => Self::Offer {
                slot: slot(random),
                skip: u32::from(random.once_in(6)),
                word: word(random),
            },
            16..18 => Self::Promote { slot: slot(random), word: word(random) },
            18..20 => Self::Touch {
                slots: (0..random.below(4)).map(|_| slot(random)).collect(),
                late: random.once_in(5),
            },
            20 => Self::Regroup {
                user: random.below(USERS.len()),
                groups: (0..random.below(3)).map(|n| format!("group-{n}")).collect(),
            },
            21..23 => end(random),
            _ => {
                let drop_history = random.once_in(3);
                let limit = if drop_history { 10_000 } else { 1 + random.below(3) as u32 };
                Self::Sweep { limit, drop_history }
            }
        }
    }
}

impl Insert {
    fn any(random: &mut Random) -> Self {
        let hour = Duration::from_secs(3_600);
        let carry = match random.below(3) {
            0 => Carry::Nothing,
            1 => Carry::Everything,
            _ => Carry::Keys(vec!["b".to_owned(), "missing".to_owned(), "a".to_owned()]),
        };
        let policies =
            [LimitPolicy::Refuse, LimitPolicy::EndOldest, LimitPolicy::EndLeastRecentlyUsed];
        let limit =
            SessionLimit { most: 1 + random.below(3) as u32, policy: *random.pick(&policies) };
        Self {
            nonce: u128::from_be_bytes(random.bytes()),
            reuse: random.once_in(8).then(|| slot(random)),
            user: (!random.once_in(4)).then(|| random.below(USERS.len())),
            idle: if random.once_in(2) { hour } else { hour / 30 },
            absolute: if random.once_in(3) { 2 * hour } else { 24 * hour },
            data: KEYS.into_iter().filter(|_| random.once_in(3)).map(|key| (key, 7)).collect(),
            replaces: random.once_in(4).then(|| (slot(random), carry)),
            limit: random.once_in(3).then_some(limit),
            anonymous_cap: if random.once_in(10) { 0 } else { 1_000_000 },
            epoch_step: if random.once_in(8) { -1 } else { i64::from(random.once_in(16)) * 3 },
        }
    }
}

fn update(random: &mut Random) -> Act {
    // Which of two refusals comes first is not part of the contract.
    let tight = random.once_in(5);
    let mut changes = Vec::new();
    for key in KEYS {
        if random.once_in(2) {
            let expect = match random.below(6) {
                _ if tight => Expected::Any,
                0 => Expected::Any,
                1 => Expected::Absent,
                2 => Expected::Earlier(random.below(10)),
                _ => Expected::Current,
            };
            let value = (!random.once_in(5)).then(|| random.number() % 1_000_000);
            changes.push(Change { key, expect, value });
        }
    }
    Act::Update { slot: slot(random), stale: random.once_in(8), tight, changes }
}

fn end(random: &mut Random) -> Act {
    let whom = match random.below(12) {
        0 => Whom::Everyone,
        1 | 2 => Whom::User(random.below(USERS.len())),
        3 | 4 => Whom::UserExcept(random.below(USERS.len()), slot(random)),
        _ => Whom::Session(slot(random)),
    };
    let reasons = [EndReason::Logout, EndReason::Admin, EndReason::PasswordChange];
    let user = matches!(whom, Whom::User(_) | Whom::UserExcept(..));
    Act::End {
        whom,
        reason: *random.pick(&reasons),
        by: random.once_in(2).then(|| "root".to_owned()),
        epoch: (user && random.once_in(3)).then(|| random.number() % 20),
    }
}

fn slot(random: &mut Random) -> Slot {
    random.below(8)
}

fn word(random: &mut Random) -> u64 {
    random.number() % 3
}
