//! The connection to the server: one, shared by all, made anew by a task of its own.

mod backoff;
mod fault;
mod keeper;
mod link;

pub(crate) use fault::Fault;
pub(crate) use keeper::{Durable, Keeper, Target};
pub(crate) use link::Link;
