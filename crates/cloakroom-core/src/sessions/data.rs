use crate::{DataChange, Entry, Guard, Keys, Live, SessionError, Sessions, Updated, check_key};

impl Sessions {
    /// Reads keys of a live session's data: one consistent snapshot, one read of the store.
    ///
    /// # Errors
    /// [`SessionError::Gone`] when the session ended meanwhile, or a fault of the store.
    pub async fn read(&self, live: &Live, keys: Keys) -> Result<Vec<Entry>, SessionError> {
        let entries = self.0.store.read(live.id(), self.now(), keys).await?;
        entries.ok_or(SessionError::Gone)
    }

    /// Writes data, all of `changes` or none, in one commit. Returns the new versions.
    ///
    /// # Errors
    /// [`SessionError::Conflict`], [`SessionError::Gone`], [`SessionError::Invalid`],
    /// [`SessionError::TooLarge`], or a fault of the store.
    pub async fn write(
        &self,
        live: &Live,
        changes: Vec<DataChange>,
    ) -> Result<Vec<u64>, SessionError> {
        for change in &changes {
            check_key(&change.key)?;
        }
        let generation = live.record.generation;
        let guard = Guard { id: live.id(), generation, now: self.now() };
        let limits = self.0.policy.data;
        match self.0.store.update(guard, changes, limits).await? {
            Updated::Done { versions } => Ok(versions),
            Updated::Gone => Err(SessionError::Gone),
            Updated::Conflict { key } => Err(SessionError::Conflict { key }),
            Updated::TooLarge { keys, bytes } => {
                Err(SessionError::TooLarge { keys, bytes, limits })
            }
        }
    }
}
