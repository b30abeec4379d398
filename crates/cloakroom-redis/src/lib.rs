//! Sessions in Redis or Valkey: [`RedisStore`].
//!
//! Everything falls into 64 buckets ([`cloakroom_core::Bucket`]); all keys of one have its number
//! in braces, so they share a slot of a cluster. Each act on a session is one script that touches
//! one bucket and declares its keys. What a crash of the server can take depends on its settings:
//! they are read at each connect, and [`RedisStore::server`] says what they come to.
//!
//! Where that is not enough, [`Backed`] keeps sessions in an SQL store and uses Redis as a cache.
#![forbid(unsafe_code)]

mod address;
mod backed;
mod browse;
mod calls;
mod connection;
mod error;
mod history;
mod keys;
mod log;
mod merge;
mod options;
mod owner;
mod places;
mod record;
mod reply;
mod script;
mod server;
mod store;
mod tidy;
mod words;

pub use backed::{Backed, CacheCounts};
pub use error::OpenError;
pub use options::Options;
pub use server::{Product, ServerFacts};
pub use store::RedisStore;
