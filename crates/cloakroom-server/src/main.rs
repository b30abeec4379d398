//! The `cloakroom` command.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    cloakroom_server::commands::main()
}
