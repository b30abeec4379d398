//! What the tests share.

use cloakroom_redis::{Options, RedisStore};
use cloakroom_testkit::servers::Redis;

/// Options for a server, with every script checking that it declared its keys.
pub(crate) fn options(redis: &Redis) -> Options {
    Options::new(redis.url()).checking_keys()
}

/// A store on a server that must be there.
pub(crate) async fn open(redis: &Redis) -> RedisStore {
    RedisStore::open(options(redis)).await.expect("a new server is opened")
}
