//! Sessions, writes and moments to test with.

use std::time::Duration;

use cloakroom_core::{
    Carry, ClientInfo, DataChange, End, EndReason, Expect, Guard, LimitPolicy, NewSession, Record,
    Renewal, RenewalStep, Replaces, Rotation, SecretDigest, Selector, SessionId, SessionLimit,
    Sweep, Timestamp, UserId,
};

/// When tests begin: 2026-01-01T00:00:00Z.
pub const START: Timestamp = Timestamp::from_unix_millis(1_767_225_600_000);

/// The idle timeout of a [`Draft`]: one hour.
pub const IDLE: Duration = Duration::from_secs(3_600);

/// The absolute timeout of a [`Draft`]: one day.
pub const ABSOLUTE: Duration = Duration::from_secs(86_400);

/// The moment this many seconds after [`START`].
pub fn at(seconds: u64) -> Timestamp {
    START.after(Duration::from_secs(seconds))
}

/// A user id.
///
/// # Panics
/// `id` cannot be one.
pub fn user(id: &str) -> UserId {
    UserId::new(id).unwrap_or_else(|error| panic!("{id:?}: {error}"))
}

/// The digest of a credential whose secret is `word`.
pub fn digest(word: &str) -> SecretDigest {
    SecretDigest::of(word.as_bytes())
}

/// Overwrites `key` whatever is there.
pub fn write(key: &str, json: &str) -> DataChange {
    DataChange { key: key.to_owned(), expect: Expect::Any, json: Some(json.to_owned()) }
}

/// Writes `key` if it has this version.
pub fn write_if(key: &str, version: u64, json: &str) -> DataChange {
    DataChange { expect: Expect::Version(version), ..write(key, json) }
}

/// Removes `key` whatever is there.
pub fn remove(key: &str) -> DataChange {
    DataChange { json: None, ..write(key, "") }
}

/// A writer who knows the session under its first generation.
pub fn guard(id: SessionId, now: Timestamp) -> Guard {
    Guard { id, generation: 0, now }
}

/// A logout of what `selector` names.
pub fn logout(selector: Selector, now: Timestamp) -> End {
    End { selector, reason: EndReason::Logout, by: None, now, epoch: None }
}

/// The offer of a successor with the secret `word`.
pub fn offer(counter: u32, word: &str) -> RenewalStep {
    RenewalStep::Offer { counter, next: digest(word) }
}

/// The successor with the secret `word` was presented.
pub fn promote(word: &str) -> RenewalStep {
    RenewalStep::Promote { next: digest(word) }
}

/// A rotation to the secret `word`.
pub fn rotation(counter: u32, word: &str) -> Rotation {
    Rotation { digest: digest(word), counter, authenticated_at: None }
}

/// A sweep that drops no history.
pub fn sweep(now: Timestamp, limit: u32) -> Sweep {
    Sweep { now, history_before: Timestamp::from_unix_millis(0), limit }
}

/// Everything in a record, its digests included, as text to compare.
pub fn portrait(record: &Record) -> String {
    let digests = [Some(record.digest), record.renewal.next, record.renewal.previous];
    let digests = digests.map(|digest| digest.map(|digest| *digest.as_bytes()));
    format!("{record:?} {digests:02x?}")
}

/// A session to insert, step by step.
#[derive(Clone, Debug)]
pub struct Draft {
    new: NewSession,
}

impl Draft {
    /// A login of `name`, who is both id and name, at [`START`].
    pub fn of(name: &str) -> Self {
        let mut draft = Self::anonymous();
        draft.new.record.id = SessionId::new(Some(&user(name)), START);
        draft.new.record.digest = SecretDigest::of(draft.new.record.id.as_bytes());
        draft.new.record.user = Some(user(name));
        draft.new.record.user_name = Some(name.to_owned());
        draft.new.record.authenticated_at = Some(START);
        draft
    }

    /// A visitor nobody knows, at [`START`].
    pub fn anonymous() -> Self {
        let new = NewSession {
            record: anonymous_record(),
            data: Vec::new(),
            replaces: None,
            limit: None,
            anonymous_cap: 1_000_000,
        };
        Self { new }
    }

    /// Begins at `now`; changes the id, whose first bytes say when.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        let record = &mut self.new.record;
        record.id = SessionId::new(record.user.as_ref(), now);
        record.authenticated_at = record.user.as_ref().map(|_| now);
        (record.created_at, record.last_seen_at) = (now, now);
        record.absolute_deadline = now.after(ABSOLUTE);
        record.renewal = Renewal::fresh(0, now);
        self
    }

    /// Has this id.
    #[must_use]
    pub fn id(mut self, id: SessionId) -> Self {
        self.new.record.id = id;
        self
    }

    /// Ends when unused for so long.
    #[must_use]
    pub fn idle(mut self, timeout: Duration) -> Self {
        self.new.record.idle_timeout = timeout;
        self
    }

    /// Ends so long after it began.
    #[must_use]
    pub fn absolute(mut self, timeout: Duration) -> Self {
        self.new.record.absolute_deadline = self.new.record.created_at.after(timeout);
        self
    }

    /// Is shown under this name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.new.record.user_name = Some(name.to_owned());
        self
    }

    /// Holds `json` under `key` from the beginning.
    #[must_use]
    pub fn data(mut self, key: &str, json: &str) -> Self {
        self.new.data.push((key.to_owned(), json.to_owned()));
        self
    }

    /// Takes the place of `id`.
    #[must_use]
    pub fn replacing(mut self, id: SessionId, carry: Carry) -> Self {
        self.new.replaces = Some(Replaces { id, carry });
        self
    }

    /// Its user may have so many sessions.
    #[must_use]
    pub fn limit(mut self, most: u32, policy: LimitPolicy) -> Self {
        self.new.limit = Some(SessionLimit { most, policy });
        self
    }

    /// There may be so many anonymous sessions.
    #[must_use]
    pub fn anonymous_cap(mut self, cap: u64) -> Self {
        self.new.anonymous_cap = cap;
        self
    }

    /// Its login began when the user had this epoch.
    #[must_use]
    pub fn epoch(mut self, epoch: u64) -> Self {
        self.new.record.epoch = epoch;
        self
    }

    /// Has the record that `change` makes of this one.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Record)) -> Self {
        change(&mut self.new.record);
        self
    }

    /// The session to insert.
    pub fn build(self) -> NewSession {
        self.new
    }
}

fn anonymous_record() -> Record {
    let id = SessionId::new(None, START);
    Record {
        id,
        digest: SecretDigest::of(id.as_bytes()),
        renewal: Renewal::fresh(0, START),
        user: None,
        user_name: None,
        groups: Vec::new(),
        epoch: 0,
        generation: 0,
        created_at: START,
        authenticated_at: None,
        last_seen_at: START,
        idle_timeout: IDLE,
        absolute_deadline: START.after(ABSOLUTE),
        remembered: false,
        client: ClientInfo::default(),
    }
}
