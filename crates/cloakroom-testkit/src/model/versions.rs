use std::collections::HashMap;

use cloakroom_core::SessionId;

/// Versions of the reference beside those of the store. Their numbers may differ; which of them
/// are equal may not.
#[derive(Debug, Default)]
pub(super) struct Versions(HashMap<(SessionId, String), Vec<Pair>>);

/// A version of the reference and the store's for the same write.
pub(super) type Pair = (u64, u64);

impl Versions {
    /// Both stores gave these versions to one state of a key.
    ///
    /// # Errors
    /// They gave other ones before.
    pub(super) fn note(&mut self, id: SessionId, key: &str, pair: Pair) -> Result<(), String> {
        if pair == (0, 0) {
            return Ok(());
        }
        let known = self.0.entry((id, key.to_owned())).or_default();
        if pair.0 == 0 || pair.1 == 0 || known.iter().any(|seen| differ(*seen, pair)) {
            return Err(format!("versions of {key:?}: {pair:?} after {known:?}"));
        }
        if !known.contains(&pair) {
            known.push(pair);
        }
        Ok(())
    }

    /// One of the versions that the key had.
    pub(super) fn earlier(&self, id: SessionId, key: &str, number: usize) -> Pair {
        let known = self.0.get(&(id, key.to_owned())).filter(|known| !known.is_empty());
        known.map_or((0, 0), |known| known[number % known.len()])
    }
}

/// Whether one store says that two versions are the same and the other says they are not.
fn differ(one: Pair, other: Pair) -> bool {
    (one.0 == other.0) != (one.1 == other.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_may_differ_but_not_which_are_equal() {
        let id = SessionId::from_bytes([1; 16]);
        let mut versions = Versions::default();
        assert!(versions.note(id, "k", (1, 10)).is_ok());
        assert!(versions.note(id, "k", (2, 11)).is_ok());
        assert!(versions.note(id, "k", (1, 10)).is_ok());
        assert!(versions.note(id, "k", (3, 10)).is_err(), "a version was used again");
        assert!(versions.note(id, "k", (2, 12)).is_err(), "a version changed without a write");
        assert!(versions.note(id, "k", (0, 9)).is_err(), "absent here and present there");
        assert_eq!(versions.earlier(id, "k", 3), (2, 11));
    }
}
