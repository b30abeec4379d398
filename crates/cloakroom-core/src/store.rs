use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::{
    Answer, DataChange, DataLimits, Durability, EndReason, Entry, Keys, Record, RevocationBound,
    SecretDigest, SessionId, SessionLimit, StoreError, Timestamp, UserId,
};

/// What every store method returns. Errors are faults only; every other outcome is a value.
pub type StoreAnswer<'a, T> = Answer<'a, Result<T, StoreError>>;

/// Where records are kept.
///
/// Each method is one duty, done in one atomic step and durable, as far as [`Store::durability`]
/// says, before it answers. A session is **live** at `now` when it was inserted, has not ended
/// and `now` is before its deadline. An ended id stays dead for ever: nothing but `insert` makes
/// a session, and `insert` refuses an id that was ever used (as far as the history reaches).
///
/// All methods are cancel-safe: once called, a write runs to its end even if the answer is
/// dropped (law 9).
///
/// `cloakroom-testkit` has a suite with a test for every sentence here.
pub trait Store: Send + Sync + fmt::Debug + 'static {
    /// What a crash can take of what this store acknowledged.
    fn durability(&self) -> Durability;

    /// When [`Store::load`] no longer gives a session whose end was acknowledged, on any node:
    /// at once, unless the store reads through a cache that other nodes have to be told of.
    fn revocation_bound(&self) -> RevocationBound {
        RevocationBound::Immediate
    }

    /// Adds a session, whose id has the bucket of its user. In the same step it ends the session it replaces, copies that session's
    /// data as asked, and applies the limits; or it changes nothing and says why. The moment of
    /// all this is the record's `created_at`.
    fn insert(&self, new: NewSession) -> StoreAnswer<'_, Inserted>;

    /// The record of a session that is live at `now`; `None` for expired, ended and unknown ones.
    fn load(&self, id: SessionId, now: Timestamp) -> StoreAnswer<'_, Option<Arc<Record>>>;

    /// As [`Store::load`], from where records are kept for good: for a refusal, which must not rest
    /// on what a cache held too long.
    fn reload(&self, id: SessionId, now: Timestamp) -> StoreAnswer<'_, Option<Arc<Record>>> {
        self.load(id, now)
    }

    /// Keys of a live session's data, as one consistent snapshot; `None` when it is not live.
    /// Asked-for keys that are absent come back with version 0; order is that of the question,
    /// or of the keys for [`Keys::All`].
    fn read(
        &self,
        id: SessionId,
        now: Timestamp,
        keys: Keys,
    ) -> StoreAnswer<'_, Option<Vec<Entry>>>;

    /// Writes data, all of `changes` or none. Never creates a session (law 1). What the changes
    /// expect is compared with the state before the first of them. A version, once used for a
    /// key, is never used again for it within the session; a removal has version 0.
    fn update(
        &self,
        guard: Guard,
        changes: Vec<DataChange>,
        limits: DataLimits,
    ) -> StoreAnswer<'_, Updated>;

    /// Replaces the credential by an unrelated one and raises the generation by one. The old
    /// credential, its parent and any offered successor are dead at once; there is no grace. It
    /// enters the log.
    fn rotate(&self, guard: Guard, rotation: Rotation) -> StoreAnswer<'_, Updated>;

    /// One step of a periodic renewal (law 8). Idempotent: a step already taken is `Done`; one
    /// that another renewal or rotation overtook is `Conflict`.
    fn renew(&self, guard: Guard, step: RenewalStep) -> StoreAnswer<'_, Updated>;

    /// Moves "last seen" of live sessions forwards, never backwards; changes nothing else and
    /// ignores sessions that are not live at `now`. Returns how many it moved.
    fn touch(&self, now: Timestamp, touches: Vec<Touch>) -> StoreAnswer<'_, u64>;

    /// Sets the groups of all of a user's live sessions and raises their generations by one, so
    /// that writes begun under the old groups are refused (law 11), and enters the log if there
    /// were any. Returns how many there were.
    fn regroup(&self, user: UserId, groups: Vec<String>, now: Timestamp) -> StoreAnswer<'_, u64>;

    /// Ends sessions and records each in the history with the reason. Idempotent. Ending a user
    /// or everyone raises epochs, so that logins begun before are refused at their insert.
    /// Expired sessions that are still kept end as expired, and are not counted. Enters the log in
    /// the same step if a live session ended or an epoch was raised; a bulk end is one entry.
    fn end(&self, end: End) -> StoreAnswer<'_, Ended>;

    /// The epoch of a user: how often all of the user's sessions were ended. Never goes back, and
    /// is not below that of any of the user's sessions: an insert with a higher one raises it.
    fn epoch(&self, user: UserId) -> StoreAnswer<'_, u64>;

    /// Moves at most `limit` expired sessions into the history, those that expired first before
    /// others, and drops at most `limit` entries of the history that are older than
    /// `history_before`. Anonymous sessions that expire leave no
    /// history; of those that were ended it goes at [`Sweep::anonymous_before`]. Drops at most
    /// `limit` entries of the log that no credential can need any more.
    fn sweep(&self, sweep: Sweep) -> StoreAnswer<'_, Swept>;
}

/// A session to insert.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Its record.
    pub record: Record,
    /// Its first data, in addition to what is carried over; an own key wins over a carried one.
    pub data: Vec<(String, String)>,
    /// The session of the same client whose place it takes.
    pub replaces: Option<Replaces>,
    /// The limit of concurrent sessions of `record.user`. The replaced one does not count.
    pub limit: Option<SessionLimit>,
    /// Most anonymous sessions at once, expired ones not yet swept included; applies when
    /// `record.user` is `None`.
    pub anonymous_cap: u64,
}

/// The session that a new one replaces: ended as [`EndReason::Replaced`] if it is still live.
#[derive(Clone, Debug)]
pub struct Replaces {
    /// Which.
    pub id: SessionId,
    /// Which of its data goes over to the new session; nothing if it is no longer live.
    pub carry: Carry,
}

/// Which data goes over to the session that a login makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Carry {
    /// None.
    #[default]
    Nothing,
    /// All.
    Everything,
    /// These keys, where present.
    Keys(Vec<String>),
}

/// What an insert came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It is there. `ended` lists the sessions that the limit ended, [`EndReason::Limit`].
    Done {
        /// Ended by the limit.
        ended: Vec<SessionId>,
    },
    /// The store had no room for all, and ended sessions for it that were not used for longest,
    /// [`EndReason::Capacity`]: never a login for a visitor (law 13).
    Crowded {
        /// What the insert came to; not `Crowded`. It can be refused even so: there was not enough
        /// room for it, or something else came in between.
        outcome: Box<Inserted>,
        /// Ended for want of room, of whatever user.
        pushed_out: Vec<SessionId>,
    },
    /// The id is in use or was.
    Conflict,
    /// There is no room: the anonymous cap is reached, or the store holds as much as it may.
    Full,
    /// The user's limit is reached and its policy is to refuse.
    LimitReached,
    /// The record's epoch is lower than the user's: the user's sessions were ended meanwhile.
    Superseded,
}

/// What a write expects of its session: live at `now`, with this privilege generation (law 1).
#[derive(Clone, Copy, Debug)]
pub struct Guard {
    /// Which session.
    pub id: SessionId,
    /// Its privilege generation as the writer knows it.
    pub generation: u32,
    /// The moment of the write.
    pub now: Timestamp,
}

/// What a guarded write came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Updated {
    /// Committed. For data: the new version of each changed key, in the order of the changes.
    Done {
        /// Versions; empty for writes of credentials.
        versions: Vec<u64>,
    },
    /// The session is not live, or its generation is another one.
    Gone,
    /// Something else than expected was there: for data, the first such key.
    Conflict {
        /// The key; empty for writes of credentials.
        key: String,
    },
    /// The data would exceed the limits.
    TooLarge {
        /// Keys the session would have.
        keys: usize,
        /// Bytes of keys and values it would have.
        bytes: usize,
    },
}

/// A fresh credential for a change of privilege.
#[derive(Clone, Copy, Debug)]
pub struct Rotation {
    /// The digest of the new credential.
    pub digest: SecretDigest,
    /// Its counter; must be one more than the record's, else `Conflict`.
    pub counter: u32,
    /// Set when the user has just proved who they are.
    pub authenticated_at: Option<Timestamp>,
}

/// One step of a renewal.
#[derive(Clone, Copy, Debug)]
pub enum RenewalStep {
    /// A successor was derived and is about to be sent. `counter` is that of the current
    /// credential.
    Offer {
        /// The counter the record must have.
        counter: u32,
        /// The digest of the successor.
        next: SecretDigest,
    },
    /// The successor was presented: it becomes current, the current one becomes the parent, the
    /// counter rises by one and `since` becomes the guard's `now`.
    Promote {
        /// The digest of the successor.
        next: SecretDigest,
    },
}

/// A use of a session.
#[derive(Clone, Copy, Debug)]
pub struct Touch {
    /// Which session.
    pub id: SessionId,
    /// When it was used.
    pub seen_at: Timestamp,
}

/// An order to end sessions.
#[derive(Clone, Debug)]
pub struct End {
    /// Which.
    pub selector: Selector,
    /// Why.
    pub reason: EndReason,
    /// Who ordered it, for the history: a user name, or a word such as `operator`.
    pub by: Option<String>,
    /// The moment of the end.
    pub now: Timestamp,
    /// The least epoch the user has afterwards; for user selectors, where the application keeps
    /// epochs of its own beside its users. The epoch rises by one at least, so a login has to
    /// take the higher of the two, not the application's alone.
    pub epoch: Option<u64>,
}

/// Which sessions to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// One.
    Session(SessionId),
    /// All of a user.
    User(UserId),
    /// All of a user but one, which is given the new epoch and otherwise left alone.
    UserExcept(UserId, SessionId),
    /// Every session, anonymous ones too.
    Everyone,
}

/// What an end came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How many live sessions it ended; 0 when there were none.
    pub count: u64,
    /// The user's epoch afterwards; 0 for one session or everyone.
    pub epoch: u64,
}

/// An order to sweep.
#[derive(Clone, Copy, Debug)]
pub struct Sweep {
    /// Sessions whose deadline is not after this are expired.
    pub now: Timestamp,
    /// History older than this is dropped.
    pub history_before: Timestamp,
    /// Most rows of each kind.
    pub limit: u32,
}

impl Sweep {
    /// History of anonymous sessions older than this is dropped: ten minutes, longer than any
    /// request that was under way when they ended. Visitors cannot fill the store with it.
    pub fn anonymous_before(&self) -> Timestamp {
        self.now.before(Duration::from_secs(600)).max(self.history_before)
    }
}

/// What a sweep came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Expired sessions removed.
    pub sessions: u64,
    /// Those of them that ended as idle; the others reached their absolute timeout.
    pub idle: u64,
    /// Entries of the history dropped.
    pub history: u64,
    /// Expired sessions still there, counted up to ten times the limit.
    pub backlog: u64,
    /// The deadline of the one that expired first, of those still there.
    pub oldest: Option<Timestamp>,
}
