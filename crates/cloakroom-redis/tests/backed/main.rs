//! Redis as a cache of a store that keeps everything.

#[path = "../support/mod.rs"]
mod support;

mod late_fill;
mod losses;
mod other_backing;
mod scene;
mod untold;
