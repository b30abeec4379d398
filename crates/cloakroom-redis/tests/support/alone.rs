//! A store on a server of its own.

use cloakroom_redis::RedisStore;
use cloakroom_testkit::servers::Redis;

use crate::support::options;

/// A store on a server that must be there.
pub(crate) async fn open(redis: &Redis) -> RedisStore {
    RedisStore::open(options(redis)).await.expect("a new server is opened")
}
