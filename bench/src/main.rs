//! What sessions cost. How it is measured and what came out is in README.md.
#![forbid(unsafe_code)]

mod case;
mod clock;
mod contest;
mod cores;
mod crowd;
mod disk;
mod gate;
mod lists;
mod load;
mod logins;
mod measure;
mod memory;
mod options;
mod peers;
mod random;
mod request;
mod requests;
mod seed;
mod site;
mod sweep;
mod table;
mod tail;
mod verify;

use anyhow::Result;
use options::{Mode, Options};

fn main() -> Result<()> {
    let options = Options::parse(std::env::args().skip(1))?;
    match options.mode {
        Mode::Requests => requests::run(&options),
        Mode::Sweep => sweep::run(&options),
        Mode::Lists => lists::run(&options),
        Mode::Logins => logins::run(&options),
        Mode::Memory => memory::run(&options),
    }
}
