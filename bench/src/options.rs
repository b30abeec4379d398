use std::path::PathBuf;

use anyhow::{Context, Result, bail};

pub const USAGE: &str = "\
usage: cloakroom-bench [--smoke] [--rounds N] [--sessions N] [--only TEXT] [--data DIR]
  --smoke       tiny counts, to see that everything runs; the figures mean nothing
  --rounds N    interleaved rounds of each case (default 15)
  --sessions N  live sessions of each peer (default 100000)
  --only TEXT   only cases whose name contains TEXT
  --data DIR    where the databases go, a real disk (default: the directory for temporary files)";

/// What to measure, and how long.
#[derive(Clone, Debug)]
pub struct Options {
    pub smoke: bool,
    pub rounds: usize,
    pub sessions: usize,
    /// Requests per pass of a case that answers from memory; slower ones take fewer.
    pub requests: usize,
    pub only: Option<String>,
    pub data: PathBuf,
}

impl Options {
    pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self {
            smoke: false,
            rounds: 15,
            sessions: 100_000,
            requests: 8_192,
            only: None,
            data: std::env::temp_dir(),
        };
        let mut arguments = arguments;
        while let Some(name) = arguments.next() {
            if name == "--smoke" {
                options = Self { smoke: true, rounds: 2, sessions: 300, requests: 256, ..options };
                continue;
            }
            let value = arguments.next().with_context(|| format!("{name} needs a value\n{USAGE}"));
            match name.as_str() {
                "--rounds" => options.rounds = value?.parse::<usize>()?.max(1),
                "--sessions" => options.sessions = value?.parse::<usize>()?.max(64),
                "--only" => options.only = Some(value?),
                "--data" => options.data = value?.into(),
                _ => bail!("unknown option {name}\n{USAGE}"),
            }
        }
        Ok(options)
    }

    pub fn wants(&self, case: &str) -> bool {
        self.only.as_ref().is_none_or(|only| case.contains(only.as_str()))
    }
}
