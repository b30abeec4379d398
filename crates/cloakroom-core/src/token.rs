use std::fmt;

use zeroize::Zeroizing;

use crate::{Record, SecretDigest, SessionId, StoreError};

/// The credential a client holds. It is shown once, erased when dropped, has no `Display`, and
/// its `Debug` says only its name (law 4).
#[derive(Clone)]
pub struct SessionToken(Zeroizing<String>);

impl SessionToken {
    /// Wraps the text a codec has made.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text, to be sent to the client and nowhere else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SessionToken")
    }
}

/// A credential as a client presented it, read but not yet believed.
pub struct Presented {
    /// The session it names.
    pub id: SessionId,
    /// How often its session's credential had been replaced when it was issued.
    pub counter: u32,
    /// The digest of its secret.
    pub digest: SecretDigest,
    /// The secret itself, for deriving a successor.
    pub secret: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for Presented {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Presented")
    }
}

/// The bytes of an opaque credential. Needs keys, does no I/O.
pub trait TokenCodec: Send + Sync + fmt::Debug + 'static {
    /// A fresh random credential for a session.
    ///
    /// # Errors
    /// The system's random source failed; nothing predictable is ever issued instead.
    fn issue(
        &self,
        id: SessionId,
        counter: u32,
    ) -> Result<(SessionToken, SecretDigest), StoreError>;

    /// The one credential of a session that is made of this id and seed: the same call gives the
    /// same result, so that a login can be repeated. Whoever knows neither the key nor the seed
    /// can guess it no better than a random one. Its counter is 0.
    fn derive(&self, id: SessionId, seed: &[u8; 32]) -> (SessionToken, SecretDigest);

    /// Reads hostile input of any length. `None` when this server cannot have issued it: wrong
    /// shape or wrong tag. Costs no I/O (law 13).
    fn read(&self, presented: &str) -> Option<Presented>;

    /// The one successor of a presented credential: the same call gives the same result (law 8).
    fn successor(&self, presented: &Presented) -> (SessionToken, SecretDigest);

    /// Whether the record's credential was derived from `presented` by renewals, which proves
    /// that `presented` is an old credential of this very session.
    fn descends(&self, presented: &Presented, record: &Record) -> bool;
}
