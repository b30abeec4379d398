//! What the tests share.

use cloakroom_redis::Options;
use cloakroom_testkit::servers::Redis;

/// Options for a server, with every script checking that it declared its keys.
pub(crate) fn options(redis: &Redis) -> Options {
    Options::new(redis.url()).checking_keys()
}
