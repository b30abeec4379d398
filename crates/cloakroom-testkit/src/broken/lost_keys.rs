use cloakroom_core::{
    Answer, DataChange, DataLimits, Expect, Guard, Keys, SessionStore, StoreAnswer, Updated,
};

use crate::steps::yield_point;
use crate::wrap::{SharedStore, Wrap};

/// An update of one key reads all of them, and writes all of them back.
#[derive(Debug)]
pub struct LostKey(SharedStore);

impl LostKey {
    /// Breaks `store`.
    pub fn around(store: SharedStore) -> Self {
        Self(store)
    }
}

impl Wrap for LostKey {
    fn inner(&self) -> &dyn SessionStore {
        &*self.0
    }

    fn update(
        &self,
        guard: Guard,
        mut changes: Vec<DataChange>,
        limits: DataLimits,
    ) -> StoreAnswer<'_, Updated> {
        Answer::pending(async move {
            let all = self.0.read(guard.id, guard.now, Keys::All).await?.unwrap_or_default();
            yield_point().await;
            let asked = changes.len();
            for entry in all {
                if changes.iter().all(|change| change.key != entry.key) {
                    let (key, json) = (entry.key, entry.json);
                    changes.push(DataChange { key, expect: Expect::Any, json });
                }
            }
            let mut updated = self.0.update(guard, changes, limits).await?;
            if let Updated::Done { versions } = &mut updated {
                versions.truncate(asked);
            }
            Ok(updated)
        })
    }
}

/// A write never looks at the version that it expects.
#[derive(Debug)]
pub struct LastWriteWins(SharedStore);

impl LastWriteWins {
    /// Breaks `store`.
    pub fn around(store: SharedStore) -> Self {
        Self(store)
    }
}

impl Wrap for LastWriteWins {
    fn inner(&self) -> &dyn SessionStore {
        &*self.0
    }

    fn update(
        &self,
        guard: Guard,
        mut changes: Vec<DataChange>,
        limits: DataLimits,
    ) -> StoreAnswer<'_, Updated> {
        for change in &mut changes {
            change.expect = Expect::Any;
        }
        self.0.update(guard, changes, limits)
    }
}
