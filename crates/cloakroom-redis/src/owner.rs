use cloakroom_core::StoreError;

use crate::connection::Fault;
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
        let look = redis::cmd("GET").arg(&key).to_owned();
        let look = || async {
            let found = self.calls.send(&look).await?;
            Ok(reply::optional_bytes(found)?)
        };
        let failed = |fault: Fault| fault.of_read(OPERATION);
        // A server that is full takes no write that is not needed.
        let mut found = look().await.map_err(failed)?;
        if found.is_none() {
            let note = redis::cmd("SET").arg(&key).arg(owner).arg("NX").to_owned();
            self.calls.send(&note).await.map_err(|fault| fault.of_write(OPERATION))?;
            found = look().await.map_err(failed)?;
        }
        let found = String::from_utf8(found.unwrap_or_default());
        found.map_err(|strange| StoreError::failed(OPERATION, strange))
    }
}
