//! Key rings: one key signs, many verify, and keys change without a logout (law 10).
//!
//! A ring is a value, and what it says is a pure function of it: who keeps it, and how nodes read
//! it, is not decided here. Every key has one purpose, that of its ring, one algorithm and one
//! state, and moves in one direction:
//!
//! | state | verifies | is published | signs |
//! |---|---|---|---|
//! | next | yes | yes | no |
//! | signing | yes | yes | yes |
//! | verifying | yes | yes | no |
//! | retired | no | no | no |
//!
//! A key is announced before it signs, for so long that every node and every verifier has read
//! of it ([`Rotation::announce_for`]). It verifies after it signed, for so long that no token of
//! it can be alive ([`Rotation::keep_for`]).

mod entry;
mod error;
mod key;
mod ring;
mod rotation;
#[cfg(test)]
mod rotation_tests;
#[cfg(test)]
mod tests;

pub use entry::{Entry, KeyState, Stamps};
pub use error::RingError;
pub use key::{RingKey, TokenKey};
pub use ring::{KeyRing, Purpose};
pub use rotation::{Rotation, Step};
