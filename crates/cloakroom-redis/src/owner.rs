use cloakroom_core::StoreError;
use redis::Cmd;

use crate::{RedisStore, reply};

const OPERATION: &str = "look up whose sessions these are";

impl RedisStore {
    /// Notes whose sessions these are, unless that was noted before, and returns what is noted.
    /// `owner` is a name that all nodes with the same users have in common: a node that finds
    /// another one must not go on, or users of different databases would share sessions.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn owned_by(&self, owner: &str) -> Result<String, StoreError> {
        let key = self.calls.keys.owner();
        let mut note = Cmd::new();
        note.arg("SET").arg(&key).arg(owner).arg("NX");
        self.calls.send(&note).await.map_err(|fault| fault.of_write(OPERATION))?;
        let mut look = Cmd::new();
        look.arg("GET").arg(&key);
        let found = self.calls.send(&look).await.map_err(|fault| fault.of_read(OPERATION))?;
        reply::text(found).map_err(|strange| StoreError::failed(OPERATION, strange))
    }
}
