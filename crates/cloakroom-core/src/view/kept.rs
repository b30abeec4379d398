use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use super::deadline::Deadline;
use crate::Timestamp;

/// What has a moment at which it can be dropped.
pub(super) trait Until {
    fn until(&self) -> Deadline;
}

impl Until for Deadline {
    fn until(&self) -> Deadline {
        *self
    }
}

/// Entries by name until they can be dropped.
#[derive(Debug)]
pub(super) struct Kept<K, V, S> {
    entries: HashMap<K, V, S>,
    /// None can be dropped before.
    earliest: Deadline,
}

/// What can be dropped, as a look found it.
pub(super) struct Due<K> {
    keys: Vec<K>,
    /// The earliest of those that stay; `None` if the look did not get to the end.
    earliest: Option<Deadline>,
}

impl<K: Eq + Hash + Clone, V: Until + Clone, S: BuildHasher + Clone> Kept<K, V, S> {
    pub(super) fn new(hasher: S) -> Self {
        Self { entries: HashMap::with_hasher(hasher), earliest: Deadline::NEVER }
    }

    pub(super) fn find<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.entries.get(key)
    }

    /// Adds an entry, or joins it with the one that is there.
    pub(super) fn put(&mut self, key: K, value: V, join: impl FnOnce(&mut V, V)) {
        self.earliest = self.earliest.min(value.until());
        match self.entries.entry(key) {
            std::collections::hash_map::Entry::Occupied(mut there) => join(there.get_mut(), value),
            std::collections::hash_map::Entry::Vacant(free) => drop(free.insert(value)),
        }
    }

    /// At most `most` entries that can be dropped; `None` if there can be none. Looks at all of
    /// them at worst.
    pub(super) fn due(&self, now: Timestamp, most: usize) -> Option<Due<K>> {
        self.earliest.has_passed(now).then_some(())?;
        let (mut keys, mut earliest) = (Vec::new(), Deadline::NEVER);
        for (key, value) in &self.entries {
            if !value.until().has_passed(now) {
                earliest = earliest.min(value.until());
            } else if keys.len() < most {
                keys.push(key.clone());
            } else {
                return Some(Due { keys, earliest: None });
            }
        }
        Some(Due { keys, earliest: Some(earliest) })
    }

    /// Drops what a look found and nothing has changed since. Returns how many there were.
    pub(super) fn drop_due(&mut self, due: Due<K>) -> usize {
        let dropped = due.keys.len();
        for key in due.keys {
            self.entries.remove(&key);
        }
        self.earliest = due.earliest.unwrap_or(self.earliest);
        dropped
    }

    /// The same in less memory, where most of it is free.
    pub(super) fn shrunk(&self) -> Option<Self> {
        let is_wide = self.entries.len() < self.entries.capacity() / 4;
        is_wide.then(|| {
            let room = self.entries.len() * 2;
            let mut entries =
                HashMap::with_capacity_and_hasher(room, self.entries.hasher().clone());
            entries.extend(self.iter().map(|(key, value)| (key.clone(), value.clone())));
            Self { entries, earliest: self.earliest }
        })
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter()
    }

    /// What the allocator gave for it, without what the entries point to: a place for an entry and
    /// a byte, for a power of two of them that is at most seven eighths full.
    pub(super) fn bytes(&self) -> usize {
        match self.entries.capacity() {
            0 => 0,
            full => (full * 8 / 7).next_power_of_two() * (size_of::<(K, V)>() + 1) + 16,
        }
    }
}

/// Makes hashes of session ids. They are random already, so a product with secret numbers is
/// enough that nobody can choose ids that fall together.
#[derive(Clone, Copy, Debug)]
pub(super) struct IdHashes([u64; 2]);

impl IdHashes {
    pub(super) fn new() -> Self {
        let random = RandomState::new();
        Self([0, 1].map(|which| random.hash_one(which)))
    }
}

impl BuildHasher for IdHashes {
    type Hasher = IdHash;

    fn build_hasher(&self) -> IdHash {
        IdHash { keys: self.0, hash: 0 }
    }
}

/// The hash of one id.
#[derive(Debug)]
pub(super) struct IdHash {
    keys: [u64; 2],
    hash: u64,
}

impl Hasher for IdHash {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(16) {
            let mut all = [0; 16];
            all[..chunk.len()].copy_from_slice(chunk);
            let all = u128::from_le_bytes(all);
            let [low, high] = [all as u64, (all >> 64) as u64];
            let product =
                u128::from(low ^ self.hash ^ self.keys[0]) * u128::from(high ^ self.keys[1]);
            self.hash = product as u64 ^ (product >> 64) as u64;
        }
    }

    /// The length that stands before the bytes of an id says nothing.
    fn write_usize(&mut self, _length: usize) {}

    fn finish(&self) -> u64 {
        self.hash
    }
}
