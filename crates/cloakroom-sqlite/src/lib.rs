//! Sessions in an SQLite file: [`SqliteStore`].
//!
//! One writer thread commits what waits for it together, with a savepoint for each operation, and
//! answers after the commit; readers answer inline on the calling thread. The file is in WAL mode
//! with full durability: what was acknowledged survives a crash of the process or the machine.
//! Several processes may have the file open at once.
//!
//! [`Database`] is the file underneath, for tables of a program's own beside the sessions.
#![forbid(unsafe_code)]

mod browse;
mod database;
mod error;
mod history;
mod log;
#[cfg(test)]
mod plans;
mod row;
mod store;

pub use database::{Activity, Database, Migrations, Options};
pub use error::OpenError;
pub use rusqlite;
pub use store::SqliteStore;
