//! Private real servers for tests: each in a directory of its own, on a port of its own, in a
//! process group of its own, and gone when its value is dropped or the test process dies.
//!
//! Everything here blocks and panics with an explanation: a test has nothing better to do with a
//! server that does not start. From an async test call it through `spawn_blocking`, or before and
//! after the part that awaits.
//!
//! - [`Cloakroom`], [`Nginx`], [`ChromeDriver`], [`Python`]: the servers and tools.
//! - [`Postgres`], [`PgBouncer`], [`Redis`] (Valkey too): what keeps sessions; each can be killed,
//!   stopped, paused and started again on its data. [`Proxy`]: faults on the way to them.
//!   [`StoreServers`]: those of one store that the whole server is tested on.
//! - [`Process`], [`TempDir`], [`free_port`], [`wait_until`]: what they are made of.
//! - [`http`]: a plain client that sends and shows exact bytes; [`Client`]: one with a cookie jar
//!   that behaves like a browser on one site.
//! - [`require`]: a program the machine may lack, as a visible skip.

mod account;
mod chromedriver;
mod client;
mod cloakroom;
mod dir;
mod faketime;
pub mod http;
mod jar;
mod nginx;
mod once;
mod pgbouncer;
mod port;
pub mod postgres;
mod process;
pub mod proxy;
mod python;
pub mod redis;
mod require;
mod service;
mod stores;
mod tls;
mod wait;

pub use chromedriver::ChromeDriver;
pub use client::Client;
pub use cloakroom::Cloakroom;
pub use dir::{TempDir, target_dir};
pub use nginx::Nginx;
pub use pgbouncer::PgBouncer;
pub use port::free_port;
pub use postgres::{Postgres, PostgresConnection, SharedPostgres};
pub use process::Process;
pub use proxy::Proxy;
pub use python::Python;
pub use redis::{Flavor, Redis, RedisBuilder, RedisConnection, Reply};
pub use require::{require, skip};
pub use stores::{StoreKind, StoreServers};
pub use wait::wait_until;
