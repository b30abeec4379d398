use std::fmt;
use std::time::Duration;

use crate::{DataLimits, Lifetime};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// How long sessions live and how many there may be. Every field has the default it states.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Of a login: idle 24 h, absolute 30 days.
    pub lifetime: Lifetime,
    /// Of a login with "remember me": idle 30 days, absolute 90 days.
    pub remember: Lifetime,
    /// Of an anonymous visitor: idle 30 min, absolute 24 h.
    pub anonymous: Lifetime,
    /// Most anonymous sessions at once: 100 000. Above it new ones are refused (law 13).
    pub anonymous_cap: u64,
    /// Concurrent sessions per user: unlimited.
    pub limit: Option<SessionLimit>,
    /// Age at which a credential is renewed: 1 h. At least twice the grace counts.
    pub renew_after: Duration,
    /// How long the parent of a renewed credential is accepted after its successor was presented:
    /// 60 s.
    pub renew_grace: Duration,
    /// How recent an authentication must be for a sensitive act: 10 min.
    pub step_up: Duration,
    /// How long ended sessions are kept in the history: 90 days. At least ten minutes count.
    pub history: Duration,
    /// Keys and bytes of data per session.
    pub data: DataLimits,
    /// Pause between sweeps: 60 s, with a tenth of jitter.
    pub sweep_interval: Duration,
    /// How long the store may take for an answer: 2 s. After it, what was asked has failed or, if
    /// it was a write, its outcome is unknown. Ending everyone may take half a minute.
    pub store_timeout: Duration,
    /// Most sessions one sweep transaction ends: 500. Where the store is slow it ends fewer.
    pub sweep_batch: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            lifetime: Lifetime::new(DAY, 30 * DAY),
            remember: Lifetime::new(30 * DAY, 90 * DAY),
            anonymous: Lifetime::new(30 * MINUTE, DAY),
            anonymous_cap: 100_000,
            limit: None,
            renew_after: HOUR,
            renew_grace: MINUTE,
            step_up: 10 * MINUTE,
            history: 90 * DAY,
            data: DataLimits::default(),
            sweep_interval: MINUTE,
            store_timeout: Duration::from_secs(2),
            sweep_batch: 500,
        }
    }
}

impl Policy {
    /// The timeouts of a login.
    pub fn login_lifetime(&self, remember: bool) -> Lifetime {
        if remember { self.remember } else { self.lifetime }
    }

    /// How long an ended session keeps its id from being used again: as long as it is in the
    /// history, and ten minutes at least, longer than any request or repeated login that was under
    /// way when it ended (law 1).
    pub fn tombstones(&self) -> Duration {
        self.history.max(10 * MINUTE)
    }

    /// How often pending touches are written, so that each lands within its granularity.
    pub fn touch_interval(&self) -> Duration {
        let shortest = [self.lifetime, self.remember, self.anonymous].map(|life| life.idle);
        let finest = shortest.into_iter().map(crate::granularity).min().unwrap_or(MINUTE);
        (finest / 2).clamp(Duration::from_millis(5), Duration::from_secs(1))
    }
}

/// A limit of concurrent sessions per user, applied in the commit that inserts the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimit {
    /// Most sessions at once; at least 1.
    pub most: u32,
    /// What happens at the limit.
    pub policy: LimitPolicy,
}

/// What happens when a user at the limit logs in once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitPolicy {
    /// The login is refused.
    Refuse,
    /// The session created first ends.
    EndOldest,
    /// The session not used for longest ends.
    EndLeastRecentlyUsed,
}

/// When an acknowledged end is refused everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationBound {
    /// From the moment it is acknowledged.
    Immediate,
    /// At the latest this long after.
    Within(Duration),
    /// Only when the credential expires.
    AtExpiry,
}

impl fmt::Display for RevocationBound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Immediate => formatter.write_str("immediate"),
            Self::Within(bound) => write!(formatter, "within {bound:?}"),
            Self::AtExpiry => formatter.write_str("at expiry"),
        }
    }
}

/// What a crash can take of what was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Nothing.
    Lossless,
    /// What was acknowledged in the last so long.
    UpTo(Duration),
    /// Everything; an orderly stop takes nothing.
    LostOnCrash,
    /// Everything, and so does an orderly stop.
    LostOnRestart,
}

impl fmt::Display for Durability {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lossless => formatter.write_str("lossless"),
            Self::UpTo(window) => write!(formatter, "up to {window:?} may be lost"),
            Self::LostOnCrash => formatter.write_str("lost on a crash"),
            Self::LostOnRestart => formatter.write_str("lost on restart"),
        }
    }
}
