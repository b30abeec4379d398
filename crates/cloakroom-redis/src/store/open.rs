use std::sync::{Arc, Mutex};

use tokio::runtime::Handle;
use tracing::warn;

use super::RedisStore;
use crate::address::{Address, check, refused};
use crate::calls::Calls;
use crate::connection::{Durable, Keeper, Target};
use crate::keys::Keys;
use crate::log;
use crate::words::Words;
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
        let target = Target {
            client,
            connect_timeout: options.connect_timeout,
            response_timeout: options.response_timeout,
            durable: if options.require_durable { Durable::Required } else { Durable::Told },
        };
        let keeper = Keeper::connect(target).await;
        let keeper = keeper.map_err(|fault| refused(&server, fault.text().to_string()))?;
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
            words: Words::new(),
            checks_keys: options.checks_keys,
        });
        let begun = log::begin(&calls).await;
        begun.map_err(|fault| refused(&server, fault.text().to_string()))?;
        Ok(Self { calls, seen: Arc::new(Mutex::new(facts)) })
    }
}
