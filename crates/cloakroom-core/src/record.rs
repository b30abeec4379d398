use std::time::Duration;

use crate::{ClientInfo, EndReason, SecretDigest, SessionId, Timestamp, UserId};

/// What a store keeps of a session, apart from the application's data.
#[derive(Clone, Debug)]
pub struct Record {
    /// The public id.
    pub id: SessionId,
    /// The digest of the current credential's secret.
    pub digest: SecretDigest,
    /// Where the periodic renewal of the credential stands.
    pub renewal: Renewal,
    /// Who is logged in; `None` for an anonymous visitor.
    pub user: Option<UserId>,
    /// The name that lists and searches show; the id's text unless the application gave one.
    pub user_name: Option<String>,
    /// The groups held now.
    pub groups: Vec<String>,
    /// The user's epoch when the login began.
    pub epoch: u64,
    /// Counts changes of privilege; a write that expects an older one is refused (law 1).
    pub generation: u32,
    /// When the session began.
    pub created_at: Timestamp,
    /// When the user last proved who they are.
    pub authenticated_at: Option<Timestamp>,
    /// When it was last used, to the granularity of its idle timeout.
    pub last_seen_at: Timestamp,
    /// Its idle timeout.
    pub idle_timeout: Duration,
    /// The moment after which it is refused whatever happens.
    pub absolute_deadline: Timestamp,
    /// Whether it outlives the browser ("remember me").
    pub remembered: bool,
    /// Address and user agent of the client at login.
    pub client: ClientInfo,
}

/// Where the periodic renewal of a credential stands (law 8).
#[derive(Clone, Copy, Debug)]
pub struct Renewal {
    /// How often the credential was replaced, by renewal or rotation.
    pub counter: u32,
    /// When the current credential came into use.
    pub since: Timestamp,
    /// The successor that was offered and not yet presented.
    pub next: Option<SecretDigest>,
    /// The parent, accepted during the grace after `since`.
    pub previous: Option<SecretDigest>,
}

impl Renewal {
    /// Of a credential just issued at random: nothing offered, no parent.
    pub fn fresh(counter: u32, now: Timestamp) -> Self {
        Self { counter, since: now, next: None, previous: None }
    }
}

impl Record {
    /// The moment at which it ends if it is not used.
    pub fn idle_deadline(&self) -> Timestamp {
        self.last_seen_at.after(self.idle_timeout)
    }

    /// The earlier of the two deadlines; at it, the session is gone.
    pub fn deadline(&self) -> Timestamp {
        self.idle_deadline().min(self.absolute_deadline)
    }

    /// Whether a deadline has passed.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.deadline()
    }

    /// Which deadline comes first.
    pub fn expiry_reason(&self) -> EndReason {
        if self.absolute_deadline <= self.idle_deadline() {
            EndReason::Absolute
        } else {
            EndReason::Idle
        }
    }
}
