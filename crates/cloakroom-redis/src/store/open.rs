use std::sync::{Arc, Mutex};

use cloakroom_core::{Bucket, SessionId, Timestamp};
use tokio::runtime::Handle;
use tracing::warn;

use super::RedisStore;
use crate::address::{Address, check, refused};
use crate::calls::Calls;
use crate::connection::Keeper;
use crate::keys::{Keys, Part};
use crate::{OpenError, Options};

impl RedisStore {
    /// Connects as `options` say, which may be just a URL, and warns in the log of what the server
    /// does not keep.
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub async fn open(options: impl Into<Options>) -> Result<Self, OpenError> {
        let options = options.into();
        let Address { client, server } = Address::of(&options)?;
        let connecting =
            Keeper::connect(client, options.connect_timeout, options.response_timeout).await;
        let keeper = connecting.map_err(|fault| refused(&server, fault.text().to_string()))?;
        let facts = keeper.last_link().map(|link| link.facts.clone());
        let facts = facts.ok_or_else(|| OpenError::Unreachable {
            server: server.clone(),
            reason: "the connection was lost at once".to_owned(),
        })?;
        check(&facts, &server)?;
        if options.require_durable && !facts.warnings.is_empty() {
            return Err(OpenError::NotDurable { server, reasons: facts.warnings });
        }
        for warning in &facts.warnings {
            warn!(server, "{warning}");
        }
        let calls = Arc::new(Calls {
            keeper,
            keys: Keys::new(&options.prefix),
            runtime: Handle::current(),
            incarnation: fresh_incarnation(),
            checks_keys: options.checks_keys,
        });
        begin(&calls).await.map_err(|reason| OpenError::Unreachable { server, reason })?;
        Ok(Self { calls, seen: Arc::new(Mutex::new(facts)) })
    }
}

/// Gives every bucket an incarnation.
async fn begin(calls: &Calls) -> Result<(), String> {
    let mut commands = redis::pipe();
    for bucket in Bucket::all() {
        let meta = calls.keys.of(bucket, Part::Meta);
        commands.cmd("HSETNX").arg(meta).arg("incarnation").arg(&calls.incarnation);
    }
    let begun = calls.send_all(&commands).await;
    begun.map(drop).map_err(|fault| fault.text().to_string())
}

fn fresh_incarnation() -> String {
    // Any text that no other life of the keys has.
    SessionId::new(None, Timestamp::default()).to_string()
}
