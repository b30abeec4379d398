//! What each command does. Results go to standard output, remarks and errors to standard error.

mod api_key;
mod config_check;
mod end;
mod import;
mod key;
mod openapi;
mod output;
mod pages;
mod serve;
mod setup_link;
mod strategy;
mod table;
mod told;
mod user;
mod version;
mod who;
mod why;

use std::future::Future;
use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

use self::output::{Closed, Output};
use crate::cli::{Cli, Command, ConfigCommand, KeyCommand, StrategyCommand};
use crate::config::{self, Loaded};
use crate::operator::client::Operator;

/// Runs the command that this process was started with.
///
/// Exit codes: 0 done, 1 failed or not found, 2 wrong usage. A reader of the output who goes away
/// is no failure.
pub fn main() -> ExitCode {
    match run(Cli::parse()) {
        Err(error) if !error.is::<Closed>() => {
            // Nobody may be reading; the exit code says it too.
            let _ = writeln!(io::stderr(), "cloakroom: {error:#}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

fn run(cli: Cli) -> Result<()> {
    let mut output = Output::standard();
    match cli.command {
        Command::Openapi => return openapi::run(&mut output),
        Command::Version => return version::run(&mut output),
        _ => {}
    }
    let loaded = config::load(&cli.inputs())?;
    match cli.command {
        Command::Serve(_) => wait_for(serve::run(loaded)),
        Command::Config(ConfigCommand::Check) => config_check::run(&loaded, &mut output),
        Command::Key(KeyCommand::Adopt) => wait_for(key::adopt(&loaded.config, &mut output)),
        Command::Strategy(StrategyCommand::Adopt) => {
            wait_for(strategy::adopt(loaded.config, &mut output))
        }
        command => wait_for(order(command, loaded, &mut output)),
    }
}

async fn order(command: Command, loaded: Loaded, output: &mut Output) -> Result<()> {
    let operator = Operator::find(loaded.config).await?;
    match command {
        Command::ApiKey(command) => api_key::run(&operator, command, output).await,
        Command::End(end) => end::run(&operator, end, output).await,
        Command::SetupLink => setup_link::run(&operator, output).await,
        Command::User(user) => user::run(&operator, user, output).await,
        Command::Who(who) => who::run(&operator, who, output).await,
        Command::Why { session } => why::run(&operator, session, output).await,
        Command::Config(_)
        | Command::Key(_)
        | Command::Openapi
        | Command::Serve(_)
        | Command::Strategy(_)
        | Command::Version => Ok(()),
    }
}

fn wait_for(work: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.context("cannot start the threads")?.block_on(work)
}
