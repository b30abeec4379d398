//! Sessions in an SQL store, with their records cached in Redis.

mod cache;
mod follower;
mod store;
mod trust;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_core::SessionStore;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tracing::warn;

use crate::address::{Address, check, refused};
use crate::calls::Calls;
use crate::connection::{Durable, Keeper, Target};
use crate::keys::Keys;
use crate::words::Words;
use crate::{OpenError, Options};
use cache::Cache;

/// Sessions in a store that keeps them for good, with their records cached in Redis. Clones are
/// one.
///
/// Every write goes to the backing store first, then what the cache holds of it is dropped.
/// Nothing else is kept in Redis, so Redis may lose all or be without disk, and anything may be
/// thrown out of it at any time. Records in the cache belong to one life of the server (its
/// `run_id`), so one that was set back or failed over begins empty.
///
/// An end that is acknowledged holds at once, here and elsewhere, as long as each node reaches
/// the same Redis. Where Redis could not be told of it, because the connection was lost or this
/// process died before, the others see it in the log of the backing store, which each applies to
/// the cache twice a second; a node that could not do so for [`Backed::BOUND`] reads the backing
/// store instead. So every end holds everywhere within that bound. Renewals and uses, which the
/// log does not hold, are told to Redis as soon as it can be reached; if this process dies before,
/// others may accept the former credential for a minute at most. Nobody is refused by what is
/// cached: a credential that does not fit is looked up in the backing store
/// ([`Store::reload`](cloakroom_core::Store::reload)).
///
/// Without Redis everything is read from the backing store.
#[derive(Clone)]
pub struct Backed {
    inner: Arc<Inner>,
}

struct Inner {
    backing: Arc<dyn SessionStore>,
    cache: Arc<Cache>,
    follower: AbortHandle,
}

/// How reads were answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheCounts {
    /// From Redis.
    pub hits: u64,
    /// From the backing store, since Redis did not have it.
    pub misses: u64,
    /// From the backing store, since Redis could not be asked or relied upon.
    pub bypassed: u64,
}

impl Backed {
    /// How long a node may go without the log of the backing store before it stops using the
    /// cache.
    pub const BOUND: Duration = trust::LEASE;

    /// Caches what `backing` keeps in the server that `options` name. A server that cannot be
    /// reached now is used once it can be.
    ///
    /// # Errors
    /// [`OpenError`] when the options are wrong or the server cannot be used at all.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub async fn open(
        options: impl Into<Options>,
        backing: Arc<dyn SessionStore>,
    ) -> Result<Self, OpenError> {
        let options = options.into();
        let (keeper, server) = keeper(&options).await?;
        let calls = Calls {
            keeper,
            keys: Keys::new(&options.prefix),
            runtime: Handle::current(),
            words: Words::new(),
            checks_keys: options.checks_keys,
        };
        let cache = Arc::new(Cache::new(calls, options.backing_name));
        if let Some(link) = cache.calls.keeper.last_link()
            // Where it cannot be told, the follower asks again.
            && matches!(cache.is_ours(&link).await, Ok(false))
        {
            return Err(OpenError::OtherBacking { server });
        }
        let following = follower::follow(Arc::clone(&cache), Arc::clone(&backing));
        let follower = tokio::spawn(following).abort_handle();
        Ok(Self { inner: Arc::new(Inner { backing, cache, follower }) })
    }

    /// How reads were answered so far.
    pub fn counts_of_reads(&self) -> CacheCounts {
        self.inner.cache.counts()
    }

    /// Whether the cache is in use now.
    pub fn is_caching(&self) -> bool {
        self.inner.cache.life().is_some()
    }
}

/// The connection, and where the server is.
async fn keeper(options: &Options) -> Result<(Keeper, String), OpenError> {
    let Address { client, server } = Address::of(options)?;
    let target = Target {
        client,
        connect_timeout: options.connect_timeout,
        // The backing store answers what Redis does not answer soon.
        response_timeout: options.response_timeout.min(cache::PATIENCE),
        durable: Durable::Needless,
    };
    match Keeper::connect(target.clone()).await {
        Ok(keeper) => {
            if let Some(link) = keeper.last_link() {
                check(&link.facts, &server)?;
            }
            Ok((keeper, server))
        }
        Err(fault) => match refused(&server, fault.text().to_string()) {
            OpenError::Unreachable { server, reason } => {
                warn!(server, reason, "Redis cannot be used yet; reading the backing store");
                Ok((Keeper::down(target, fault), server))
            }
            wrong => Err(wrong),
        },
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

impl fmt::Debug for Backed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Backed").field(&self.inner.backing).finish()
    }
}
