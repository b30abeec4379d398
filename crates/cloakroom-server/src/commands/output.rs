use std::io::{self, BufWriter, ErrorKind, Stdout, Write};

use anyhow::{Context, Result};
use serde::Serialize;

/// Standard output.
pub(super) struct Output(BufWriter<Stdout>);

/// Whoever read the output wants no more of it.
#[derive(Debug, thiserror::Error)]
#[error("the reader of the output went away")]
pub(super) struct Closed;

impl Output {
    pub(super) fn standard() -> Self {
        Self(BufWriter::new(io::stdout()))
    }

    pub(super) fn text(&mut self, text: &str) -> Result<()> {
        told(self.0.write_all(text.as_bytes()))
    }

    pub(super) fn line(&mut self, line: &str) -> Result<()> {
        self.text(line)?;
        self.text("\n")
    }

    /// One value as one line of JSON.
    pub(super) fn json(&mut self, value: &impl Serialize) -> Result<()> {
        self.line(&serde_json::to_string(value)?)
    }

    pub(super) fn flush(&mut self) -> Result<()> {
        told(self.0.flush())
    }
}

fn told(written: io::Result<()>) -> Result<()> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Closed.into()),
        written => written.context("cannot write the output"),
    }
}

/// A JSON array that is written as its items come, one on a line.
pub(super) struct Array<'a> {
    output: &'a mut Output,
    begun: bool,
}

impl<'a> Array<'a> {
    pub(super) fn new(output: &'a mut Output) -> Self {
        Self { output, begun: false }
    }

    pub(super) fn add<T: Serialize>(&mut self, items: &[T]) -> Result<()> {
        for item in items {
            self.output.text(if self.begun { ",\n " } else { "[" })?;
            self.begun = true;
            self.output.text(&serde_json::to_string(item)?)?;
        }
        Ok(())
    }

    pub(super) fn end(self) -> Result<()> {
        self.output.line(if self.begun { "]" } else { "[]" })?;
        self.output.flush()
    }
}
