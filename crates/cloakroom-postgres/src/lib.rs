//! Sessions in PostgreSQL: [`PostgresStore`].
//!
//! Every read is one statement and one round trip. Every write is one function of the schema, so
//! that it is one round trip too, runs to its end whatever becomes of the one who asked, and is
//! durable when it answers. Any number of nodes may share a database.
//!
//! [`Database`] is what lies underneath, for tables of a program's own beside the sessions: a
//! schema of an application's database, a bounded number of connections, migrations.
#![forbid(unsafe_code)]

mod browse;
mod database;
mod error;
mod history;
mod log;
mod row;
mod store;
mod text;
mod value;

pub use database::{Database, Fault, Migrations, Options, Password, Sql, Transaction};
pub use error::OpenError;
pub use store::PostgresStore;
pub use tokio_postgres::{self, Row};
pub use value::Value;
