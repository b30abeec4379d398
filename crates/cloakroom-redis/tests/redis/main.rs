//! What only Redis has: settings, outages, steps across buckets.

#[path = "../support/alone.rs"]
mod alone;
#[path = "../support/mod.rs"]
mod support;

mod claims;
mod everyone;
mod indexes;
mod log;
mod memory;
mod opening;
mod outages;
mod users;
