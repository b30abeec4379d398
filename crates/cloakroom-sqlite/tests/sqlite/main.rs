//! The SQLite store as its users see it. The contract of stores is tested in `contract.rs`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod beside;
mod child;
mod files;
mod migrating;
mod opening;
mod records;
mod support;
mod sweeping;
mod writing;
