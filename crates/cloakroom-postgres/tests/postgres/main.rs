//! What is promised of PostgreSQL, on a private server, through a pooler and through a network
//! that fails.

mod contract;
mod deadlocks;
mod foreign;
mod logging;
mod migrating;
mod opening;
mod outages;
mod plans;
mod races;
mod support;
mod transactions;
mod trips;
mod view;
