use cloakroom_core::Timestamp;

use super::KeyState;

/// A step that a ring does not take, because a token would be refused or two keys mixed up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RingError {
    /// The ring had a key with this id before. A retired one never comes back.
    #[error("the ring has, or had, a key with the id {0}")]
    KnownId(String),
    /// The ring has no key with this id.
    #[error("the ring has no key with the id {0}")]
    UnknownId(String),
    /// The ring has a key in this state, and there can be only one.
    #[error("the ring has a key that is {0} already")]
    Occupied(KeyState),
    /// The ring has no key in this state.
    #[error("the ring has no key that is {0}")]
    None(KeyState),
    /// The key verifies only and can never sign.
    #[error("the key {0} verifies only")]
    VerifiesOnly(String),
    /// The key is in a state from which this step does not lead.
    #[error("the key {id} is {state}")]
    State {
        /// Its id.
        id: String,
        /// Its state.
        state: KeyState,
    },
    /// Before this moment somebody could still need things as they are.
    #[error("too early: this can be done from {} ms since 1970 on", .from.unix_millis())]
    TooEarly {
        /// The first moment at which it can be done.
        from: Timestamp,
    },
    /// Stamps of a key that was kept contradict each other or the key.
    #[error("what was kept of the key {0} contradicts itself")]
    Contradiction(String),
}
