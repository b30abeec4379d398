use std::fmt;

use zeroize::Zeroizing;

use crate::{Carry, Live, SessionId, SessionToken, User};

/// Where a session came from, as the application saw it at login.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientInfo {
    /// The client's address.
    pub address: Option<String>,
    /// The client's user agent; cut to 512 bytes.
    pub user_agent: Option<String>,
}

/// A login to be recorded. The application has already established who it is.
#[derive(Clone, Debug)]
pub struct Login {
    pub(crate) user: User,
    pub(crate) remember: bool,
    pub(crate) epoch: Option<u64>,
    pub(crate) carry: Carry,
}

impl Login {
    /// A login of `user` that carries no anonymous data over.
    pub fn new(user: User) -> Self {
        Self { user, remember: false, epoch: None, carry: Carry::Nothing }
    }

    /// Uses the longer pair of timeouts, and a cookie that outlives the browser.
    #[must_use]
    pub fn remember(mut self, remember: bool) -> Self {
        self.remember = remember;
        self
    }

    /// Which data of the anonymous session it replaces is kept. Data of another user's session
    /// is never carried.
    #[must_use]
    pub fn carry(mut self, carry: Carry) -> Self {
        self.carry = carry;
        self
    }

    /// Which data of the session that this login takes the place of goes over: another user's
    /// never does.
    pub fn carried_from(&self, live: &Live) -> Carry {
        match live.user() {
            Some(user) if *user != self.user.id => Carry::Nothing,
            _ => self.carry.clone(),
        }
    }

    /// The user's epoch, read with [`Sessions::epoch`](crate::Sessions::epoch) before the
    /// password was checked. If the user's sessions are ended in between, the login is refused.
    /// An epoch above the store's raises that one.
    #[must_use]
    pub fn as_of(mut self, epoch: u64) -> Self {
        self.epoch = Some(epoch);
        self
    }
}

impl From<User> for Login {
    fn from(user: User) -> Self {
        Self::new(user)
    }
}

/// What makes a login that is sent twice one login: the id that its session has, and a seed from
/// which, with the server's key, its credential is derived. Both have to be the same in every try
/// and in no other login. `Debug` does not show the seed.
#[derive(Clone)]
pub struct Once {
    /// The session's id.
    pub id: SessionId,
    pub(crate) seed: Zeroizing<[u8; 32]>,
}

impl Once {
    /// A login whose session has this id, made with [`SessionId::new`] in the first try; `seed` is
    /// a digest of what the tries have in common.
    pub fn new(id: SessionId, seed: [u8; 32]) -> Self {
        Self { id, seed: Zeroizing::new(seed) }
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Once").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A session just issued, with its credential.
#[derive(Debug)]
pub struct Issued {
    /// The new session.
    pub id: SessionId,
    /// Its credential, shown this once.
    pub token: SessionToken,
    /// Sessions that the limit of concurrent sessions ended; not told again by a repeated login.
    pub ended: Vec<SessionId>,
    /// Whether an earlier try of the same login had made it.
    pub repeated: bool,
    /// The session as a verification would see it.
    pub live: Live,
}
