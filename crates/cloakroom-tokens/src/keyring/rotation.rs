use std::time::Duration;

use cloakroom_core::Timestamp;

use super::{KeyRing, KeyState, Stamps};

/// How keys change: what must be waited for so that no token is refused for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// How long a key signs.
    pub period: Duration,
    /// The longest that a token lives which a key of the ring signs.
    pub longest_token: Duration,
    /// The longest until every node has read a change of the ring, and twice the most by which
    /// clocks of nodes differ.
    pub reading: Duration,
    /// The longest that verifiers keep a copy of the published keys.
    pub publishing: Duration,
}

/// What is to be done with a ring now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Put the first key in, which signs at once: [`KeyRing::begin`].
    Begin,
    /// Put a key in that will sign: [`KeyRing::announce`].
    Announce,
    /// Let the key that is announced sign: [`KeyRing::promote`].
    Promote,
    /// Retire the key with this id: [`KeyRing::retire`].
    Retire(String),
}

impl Rotation {
    /// How long a key is announced before it signs: until every node has read of it, and every
    /// verifier too that keeps a copy of what such a node published just before.
    pub fn announce_for(&self) -> Duration {
        self.reading.saturating_add(self.publishing)
    }

    /// How long a key verifies after another took its place: until every node has read of that,
    /// and the last token it signed is dead.
    pub fn keep_for(&self) -> Duration {
        self.reading.saturating_add(self.longest_token)
    }
}

impl<K> KeyRing<K> {
    /// What is due, if anything. A key that is announced signs as soon as it may, whether it was
    /// announced on schedule or by hand; the next is announced so early that it signs when the
    /// period of the present one is over. Imported keys are retired by hand only, for how long
    /// their tokens live is known to nobody here.
    pub fn due(&self, now: Timestamp, rotation: &Rotation) -> Option<Step> {
        let dead = |at: Timestamp| now >= at.after(rotation.keep_for());
        let retiring = self.entries().iter().find(|entry| {
            let Stamps { signing_at, verifying_at, .. } = entry.stamps();
            let signed = entry.state() == KeyState::Verifying && signing_at.is_some();
            signed && verifying_at.is_some_and(dead)
        });
        if let Some(entry) = retiring {
            return Some(Step::Retire(entry.id().to_owned()));
        }
        let signing = self.in_state(KeyState::Signing).and_then(|it| it.stamps().signing_at);
        match (self.in_state(KeyState::Next), signing) {
            (Some(next), _) => {
                let from = next.stamps().announced_at.after(rotation.announce_for());
                (now >= from).then_some(Step::Promote)
            }
            (None, None) => Some(Step::Begin),
            (None, Some(since)) => {
                let early = rotation.period.saturating_sub(rotation.announce_for());
                (now >= since.after(early)).then_some(Step::Announce)
            }
        }
    }
}
