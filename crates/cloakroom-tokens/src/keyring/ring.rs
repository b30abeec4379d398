use std::fmt;
use std::sync::Arc;

use cloakroom_core::Timestamp;

use super::{Entry, KeyState, RingError, RingKey, Rotation, Stamps, TokenKey};
use crate::jwk::{JwkError, PublicJwkSet};
use crate::jws::{KeyLookup, SigningKey, VerifyingKey};
use crate::sealed::{SealingKey, SealingKeyId};

/// What the keys of a ring are for. Keys are never shared between purposes (law 12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Purpose {
    /// Access tokens.
    AccessToken,
    /// Identity assertions to applications behind a proxy.
    IdentityAssertion,
    /// Signed cookies.
    SignedCookie,
}

/// The keys of one purpose. A copy is cheap, and is what a node works with until it reads again.
pub struct KeyRing<K> {
    purpose: Purpose,
    entries: Vec<Entry<K>>,
}

impl Purpose {
    /// The stable name, as lists and stores write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessToken => "access_token",
            Self::IdentityAssertion => "identity_assertion",
            Self::SignedCookie => "signed_cookie",
        }
    }
}

impl<K> KeyRing<K> {
    /// A ring without keys.
    pub const fn new(purpose: Purpose) -> Self {
        Self { purpose, entries: Vec::new() }
    }

    /// A ring as it was kept.
    ///
    /// # Errors
    /// [`RingError::KnownId`] for two keys with one id, [`RingError::Occupied`] for two that sign
    /// or are to sign next.
    pub fn restore(purpose: Purpose, entries: Vec<Entry<K>>) -> Result<Self, RingError> {
        let mut ring = Self::new(purpose);
        for entry in entries {
            ring.check_new(&entry.id)?;
            if let state @ (KeyState::Next | KeyState::Signing) = entry.state() {
                ring.check_free(state)?;
            }
            ring.entries.push(entry);
        }
        Ok(ring)
    }

    /// What its keys are for.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// All keys, retired ones too, in the order in which they came.
    pub fn entries(&self) -> &[Entry<K>] {
        &self.entries
    }

    /// The only key that signs; `None` before there is any.
    pub fn signing(&self) -> Option<&Arc<K>> {
        self.in_state(KeyState::Signing).and_then(Entry::key)
    }

    /// The keys that verify: all but the retired ones. The one to sign next is among them, for
    /// another node may have read already that it signs.
    pub fn verifying(&self) -> impl Iterator<Item = &Arc<K>> {
        self.entries.iter().filter_map(Entry::key)
    }

    pub(super) fn in_state(&self, state: KeyState) -> Option<&Entry<K>> {
        self.entries.iter().find(|entry| entry.state() == state)
    }

    /// Makes the announced key sign, and the one that signed verify, once everybody has read of
    /// the announcement.
    ///
    /// # Errors
    /// [`RingError::None`], [`RingError::TooEarly`].
    pub fn promote(&mut self, now: Timestamp, rotation: &Rotation) -> Result<(), RingError> {
        let next = self.in_state(KeyState::Next).ok_or(RingError::None(KeyState::Next))?;
        check_time(next.stamps.announced_at.after(rotation.announce_for()), now)?;
        self.promote_early(now)
    }

    /// As [`KeyRing::promote`], though somebody may not know the key yet and refuse its tokens:
    /// for when the key that signs must be given up at once.
    ///
    /// # Errors
    /// [`RingError::None`].
    pub fn promote_early(&mut self, now: Timestamp) -> Result<(), RingError> {
        self.in_state(KeyState::Next).ok_or(RingError::None(KeyState::Next))?;
        let now = self.stamp(now);
        for entry in &mut self.entries {
            match entry.state() {
                KeyState::Signing => entry.stamps.verifying_at = Some(now),
                KeyState::Next => entry.stamps.signing_at = Some(now),
                KeyState::Verifying | KeyState::Retired => {}
            }
        }
        Ok(())
    }

    /// Retires a key that verifies, once no token of it can be alive. The key is erased.
    ///
    /// # Errors
    /// [`RingError::UnknownId`], [`RingError::State`], [`RingError::TooEarly`].
    pub fn retire(
        &mut self,
        id: &str,
        now: Timestamp,
        rotation: &Rotation,
    ) -> Result<(), RingError> {
        let entry = self.with_id(id)?;
        if let Some(since) = entry.stamps.verifying_at {
            check_time(since.after(rotation.keep_for()), now)?;
        }
        self.retire_early(id, now)
    }

    /// As [`KeyRing::retire`], though its tokens are refused from now on: for a key that leaked.
    /// One that signs cannot be retired; promote another before.
    ///
    /// # Errors
    /// [`RingError::UnknownId`], [`RingError::State`].
    pub fn retire_early(&mut self, id: &str, now: Timestamp) -> Result<(), RingError> {
        let state = self.with_id(id)?.state();
        if let KeyState::Signing | KeyState::Retired = state {
            return Err(RingError::State { id: id.to_owned(), state });
        }
        let now = self.stamp(now);
        for entry in self.entries.iter_mut().filter(|entry| entry.id == id) {
            entry.stamps.retired_at = Some(now);
            entry.key = None;
        }
        Ok(())
    }

    /// The moment to note: on a node whose clock is behind that of the one before, the later of
    /// the two, so that stamps stay in order.
    fn stamp(&self, now: Timestamp) -> Timestamp {
        self.entries.iter().map(|entry| entry.stamps.latest()).fold(now, Timestamp::max)
    }

    fn with_id(&self, id: &str) -> Result<&Entry<K>, RingError> {
        let found = self.entries.iter().find(|entry| entry.id == id);
        found.ok_or_else(|| RingError::UnknownId(id.to_owned()))
    }

    fn check_new(&self, id: &str) -> Result<(), RingError> {
        if self.with_id(id).is_ok() { Err(RingError::KnownId(id.to_owned())) } else { Ok(()) }
    }

    fn check_free(&self, state: KeyState) -> Result<(), RingError> {
        if self.in_state(state).is_some() { Err(RingError::Occupied(state)) } else { Ok(()) }
    }
}

fn check_time(from: Timestamp, now: Timestamp) -> Result<(), RingError> {
    if now >= from { Ok(()) } else { Err(RingError::TooEarly { from }) }
}

impl<K: RingKey> KeyRing<K> {
    /// Puts the first key in. It signs at once, for there is no token yet.
    ///
    /// # Errors
    /// [`RingError::Occupied`], [`RingError::KnownId`], [`RingError::VerifiesOnly`].
    pub fn begin(&mut self, key: K, now: Timestamp) -> Result<(), RingError> {
        self.check_free(KeyState::Signing)?;
        self.announce(key, now)?;
        self.promote_early(now)
    }

    /// Puts a key in that will sign.
    ///
    /// # Errors
    /// [`RingError::Occupied`], [`RingError::KnownId`], [`RingError::VerifiesOnly`].
    pub fn announce(&mut self, key: K, now: Timestamp) -> Result<(), RingError> {
        self.check_free(KeyState::Next)?;
        self.check_new(&key.ring_id())?;
        if !key.can_sign() {
            return Err(RingError::VerifiesOnly(key.ring_id()));
        }
        self.entries.push(Entry::new(key, Stamps::announced(self.stamp(now))));
        Ok(())
    }

    /// Puts a key in that only verifies: an old one, or somebody else's.
    ///
    /// # Errors
    /// [`RingError::KnownId`].
    pub fn import(&mut self, key: K, now: Timestamp) -> Result<(), RingError> {
        self.check_new(&key.ring_id())?;
        let now = self.stamp(now);
        let stamps = Stamps { verifying_at: Some(now), ..Stamps::announced(now) };
        self.entries.push(Entry::new(key, stamps));
        Ok(())
    }
}

impl KeyRing<TokenKey> {
    /// What signs tokens now.
    pub fn signing_key(&self) -> Option<&SigningKey> {
        self.signing().and_then(|key| key.signing_key())
    }

    /// What is published: the public halves of all keys that verify, the next one among them.
    /// May be kept by who reads it for [`Rotation::publishing`], not longer.
    ///
    /// # Errors
    /// [`JwkError::TooMany`].
    pub fn published(&self) -> Result<PublicJwkSet, JwkError> {
        PublicJwkSet::new(self.verifying().filter_map(|key| key.public_jwk().cloned()))
    }
}

impl KeyLookup for KeyRing<TokenKey> {
    fn find(&self, kid: Option<&str>) -> Option<&VerifyingKey> {
        let kid = kid?;
        self.verifying().map(|key| key.verifying_key()).find(|key| key.kid() == kid)
    }
}

impl KeyRing<SealingKey> {
    /// The key with which cookies of this id open.
    pub fn opening_key(&self, id: SealingKeyId) -> Option<&SealingKey> {
        self.verifying().map(AsRef::as_ref).find(|key| key.id() == id)
    }
}

impl<K> Clone for KeyRing<K> {
    fn clone(&self) -> Self {
        Self { purpose: self.purpose, entries: self.entries.clone() }
    }
}

impl<K> fmt::Debug for KeyRing<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("KeyRing");
        debug.field("purpose", &self.purpose).field("entries", &self.entries).finish()
    }
}
