#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![expect(clippy::test_attr_in_doctest, reason = "the example shows a file of tests")]

mod faults;
mod outcome;
mod random;
mod reference;
mod rounds;
mod steps;
mod subject;
mod visible;
mod wrap;

pub mod broken;
pub mod fixtures;
pub mod laws;
pub mod model;
pub mod servers;
pub mod suite;

pub use cloakroom_core::{ManualClock, SessionStore};
pub use faults::{Fault, Faults, Faulty, Hold};
pub use random::Random;
pub use reference::ReferenceStore;
pub use rounds::{rounds, seeds};
pub use steps::{Actor, Yielding, interleave, yield_point};
pub use subject::{Subject, eventually};
pub use wrap::{Call, Kept, Operation, SharedStore, Wrap, Wrapped};
