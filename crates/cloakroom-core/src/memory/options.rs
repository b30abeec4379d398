/// How much memory sessions may take, and what happens then.
#[derive(Clone, Copy, Debug)]
pub struct MemoryOptions {
    /// Most sessions at once, anonymous and expired ones not yet swept included: 1,000,000.
    pub max_sessions: u64,
    /// Most bytes of sessions, their data, their history and the log, as the store counts them:
    /// 1 GiB. History older than ten minutes gives way first, the oldest before others; then the
    /// oldest entries of the log. Ends are never refused, so a few bytes more can be in use.
    pub max_bytes: u64,
    /// What happens to a new session when there is no room even so: it is refused. Data that
    /// would take more than there is are refused in any case, as a fault of the store.
    pub when_full: WhenFull,
}

impl Default for MemoryOptions {
    fn default() -> Self {
        Self { max_sessions: 1_000_000, max_bytes: 1 << 30, when_full: WhenFull::Refuse }
    }
}

/// What happens to a new session when there is no room for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// It is refused.
    Refuse,
    /// The sessions not used for longest end as [`EndReason::Capacity`](crate::EndReason::Capacity),
    /// as many as it takes: anonymous ones first. For an anonymous one, only anonymous ones end
    /// (law 13).
    EndLeastRecentlyUsed,
}

/// What a [`MemoryStore`](crate::MemoryStore) holds now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryUsage {
    /// Sessions, expired ones not yet swept included.
    pub sessions: u64,
    /// Those of them that are anonymous.
    pub anonymous: u64,
    /// Bytes as the store counts them.
    pub bytes: u64,
}
