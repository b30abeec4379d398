use cloakroom_core::{MemoryStore, SecretDigest, SessionStore};

use crate::suite::Dump;
use crate::wrap::Wrap;

/// What the client presents is kept as it is, where its digest should be.
#[derive(Clone, Debug, Default)]
pub struct ClearTextSecret(MemoryStore);

impl Wrap for ClearTextSecret {
    fn inner(&self) -> &dyn SessionStore {
        &self.0
    }
}

impl Dump for ClearTextSecret {
    fn dump(&self) -> Vec<u8> {
        self.0.dump()
    }

    fn admit(&self, secret: &[u8; 32]) -> SecretDigest {
        SecretDigest::from_bytes(*secret)
    }
}
