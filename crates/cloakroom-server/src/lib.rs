//! The server behind the `cloakroom` command: sign-in, devices and administration for
//! applications in any language.
//!
//! This library exists for the command and its tests; applications use the `cloakroom` crate or
//! the HTTP interface. `docs/architecture.md` says how the parts fit together.
#![forbid(unsafe_code)]

pub mod accounts;
pub mod api_keys;
pub mod app;
pub mod cli;
pub mod commands;
pub mod config;
pub mod events;
pub mod guesses;
pub mod identity;
pub mod listener;
pub mod logging;
pub mod metrics;
pub mod middleware;
pub mod node_keys;
pub mod operator;
pub mod passwords;
pub mod peer;
pub mod reservations;
pub mod returns;
pub mod routes;
pub mod serve;
pub mod sql;
pub mod stores;
pub mod strategy_change;
pub mod ui;
pub mod users;
