use std::path::PathBuf;

use anyhow::{Context, Result, bail};

pub const USAGE: &str = "\
usage: cloakroom-bench [sweep|lists|logins|memory] [--smoke] [--rounds N] [--sessions N] [--only TEXT]
                       [--data DIR] [--server FILE]
  without a word what sessions cost per request, beside a bare handler
  sweep         verification and logins while a million expired sessions are swept
  lists         pages, searches and counts at 1 000 and at 100 000 sessions
  logins        verification by a real server during 500 logins at once
  memory        a million sessions in memory: their size, snapshots, and all expiring at once
  --smoke       tiny counts, to see that everything runs; the figures mean nothing
  --rounds N    interleaved rounds of each case (default 15)
  --sessions N  live sessions of each peer (default 100000)
  --only TEXT   only cases whose name contains TEXT
  --data DIR    where the databases go, a real disk (default: the directory for temporary files)
  --server FILE the built cloakroom, for lists and logins (default: $CLOAKROOM_BINARY)";

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Requests,
    Sweep,
    Lists,
    Logins,
    Memory,
}

/// What to measure, and how long.
#[derive(Clone, Debug)]
pub struct Options {
    pub mode: Mode,
    pub smoke: bool,
    pub rounds: usize,
    pub sessions: usize,
    /// Requests per pass of a case that answers from memory; slower ones take fewer.
    pub requests: usize,
    pub only: Option<String>,
    pub data: PathBuf,
    pub server: Option<PathBuf>,
}

impl Options {
    pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut arguments = arguments.peekable();
        let word = arguments.next_if(|word| !word.starts_with('-'));
        let mut options = Self {
            mode: Mode::named(word.as_deref())?,
            smoke: false,
            rounds: 15,
            sessions: 100_000,
            requests: 8_192,
            only: None,
            data: std::env::temp_dir(),
            server: std::env::var_os("CLOAKROOM_BINARY").map(PathBuf::from),
        };
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
                "--server" => options.server = Some(value?.into()),
                _ => bail!("unknown option {name}\n{USAGE}"),
            }
        }
        Ok(options)
    }

    pub fn wants(&self, case: &str) -> bool {
        self.only.as_ref().is_none_or(|only| case.contains(only.as_str()))
    }
}

impl Mode {
    fn named(word: Option<&str>) -> Result<Self> {
        match word {
            None => Ok(Self::Requests),
            Some("sweep") => Ok(Self::Sweep),
            Some("lists") => Ok(Self::Lists),
            Some("logins") => Ok(Self::Logins),
            Some("memory") => Ok(Self::Memory),
            Some(other) => bail!("nothing is called {other}\n{USAGE}"),
        }
    }
}
