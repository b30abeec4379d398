use std::fmt;
use std::sync::Arc;

use cloakroom_core::Timestamp;

use super::{RingError, RingKey};

/// What a key of a ring does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyState {
    /// It is announced, and will sign.
    Next,
    /// It signs.
    Signing,
    /// It signed, or was imported, and verifies.
    Verifying,
    /// It does nothing, and is remembered so that it never comes back.
    Retired,
}

/// When a key came into its states. Which one it is in follows from this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamps {
    /// When it came into the ring.
    pub announced_at: Timestamp,
    /// When it began to sign.
    pub signing_at: Option<Timestamp>,
    /// When it began to verify only.
    pub verifying_at: Option<Timestamp>,
    /// When it was retired.
    pub retired_at: Option<Timestamp>,
}

/// A key in a ring. Once it is retired, the key itself is gone and erased.
pub struct Entry<K> {
    pub(super) id: String,
    pub(super) algorithm: String,
    pub(super) key: Option<Arc<K>>,
    pub(super) stamps: Stamps,
}

impl KeyState {
    /// The stable name, as lists and stores write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Signing => "signing",
            Self::Verifying => "verifying",
            Self::Retired => "retired",
        }
    }
}

impl fmt::Display for KeyState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Stamps {
    /// Of a key that is announced.
    pub const fn announced(at: Timestamp) -> Self {
        Self { announced_at: at, signing_at: None, verifying_at: None, retired_at: None }
    }

    /// The state they say.
    pub const fn state(&self) -> KeyState {
        match self {
            Self { retired_at: Some(_), .. } => KeyState::Retired,
            Self { verifying_at: Some(_), .. } => KeyState::Verifying,
            Self { signing_at: Some(_), .. } => KeyState::Signing,
            _ => KeyState::Next,
        }
    }

    fn steps(&self) -> impl Iterator<Item = Timestamp> {
        let later = [self.signing_at, self.verifying_at, self.retired_at];
        std::iter::once(self.announced_at).chain(later.into_iter().flatten())
    }

    fn are_in_order(&self) -> bool {
        self.steps().is_sorted()
    }

    pub(super) fn latest(&self) -> Timestamp {
        self.steps().fold(self.announced_at, Timestamp::max)
    }
}

impl<K: RingKey> Entry<K> {
    /// A key as it was kept.
    ///
    /// # Errors
    /// [`RingError::Contradiction`]: the stamps are not in order, or the key never signs and yet
    /// is said to.
    pub fn restore(key: K, stamps: Stamps) -> Result<Self, RingError> {
        let entry = Self::new(key, stamps);
        let signs = matches!(stamps.state(), KeyState::Next | KeyState::Signing);
        let retired = stamps.state() == KeyState::Retired;
        let able = !signs || entry.key.as_ref().is_some_and(|key| key.can_sign());
        if retired || !able || !stamps.are_in_order() {
            return Err(RingError::Contradiction(entry.id));
        }
        Ok(entry)
    }

    pub(super) fn new(key: K, stamps: Stamps) -> Self {
        let (id, algorithm) = (key.ring_id(), key.algorithm_name().to_owned());
        Self { id, algorithm, key: Some(Arc::new(key)), stamps }
    }
}

impl<K> Entry<K> {
    /// What is remembered of a retired key.
    ///
    /// # Errors
    /// [`RingError::Contradiction`]: the stamps do not say that it was retired.
    pub fn restore_retired(
        id: impl Into<String>,
        algorithm: impl Into<String>,
        stamps: Stamps,
    ) -> Result<Self, RingError> {
        let (id, algorithm) = (id.into(), algorithm.into());
        if stamps.state() != KeyState::Retired || !stamps.are_in_order() {
            return Err(RingError::Contradiction(id));
        }
        Ok(Self { id, algorithm, key: None, stamps })
    }

    /// The id of the key.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The name of its algorithm.
    pub fn algorithm(&self) -> &str {
        &self.algorithm
    }

    /// The key; `None` once it is retired.
    pub fn key(&self) -> Option<&Arc<K>> {
        self.key.as_ref()
    }

    /// When it came into its states.
    pub fn stamps(&self) -> Stamps {
        self.stamps
    }

    /// What it does now.
    pub fn state(&self) -> KeyState {
        self.stamps.state()
    }
}

impl<K> Clone for Entry<K> {
    fn clone(&self) -> Self {
        let (id, algorithm) = (self.id.clone(), self.algorithm.clone());
        Self { id, algorithm, key: self.key.clone(), stamps: self.stamps }
    }
}

impl<K> fmt::Debug for Entry<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("Entry");
        debug.field("id", &self.id).field("algorithm", &self.algorithm);
        debug.field("state", &self.state()).finish_non_exhaustive()
    }
}
