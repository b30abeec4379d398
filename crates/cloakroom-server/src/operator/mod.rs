//! What an operator orders on the command line, carried out in one place: by the running server,
//! which is asked through a socket in its data directory, or, while none runs, by the command
//! itself on the database.

mod api_keys;
mod carry_out;
pub mod client;
mod import;
mod order;
mod people;
mod refusal;
mod reply;
mod sessions;
pub mod socket;
#[cfg(test)]
mod tests;
mod time;

pub use carry_out::carry_out;
pub use import::{ForeignHash, Import, ImportFault, ImportSummary, ImportedPerson, MOST_FAULTS};
pub use order::{NewPerson, Order};
pub use reply::{
    FreshApiKey, KeyText, Link, LiveSession, PastSession, Person, PersonLink, Reply, ShownApiKey,
};
pub use time::Time;

/// Who ordered it, as the history of sessions has it.
pub(crate) const OPERATOR: &str = "operator";
