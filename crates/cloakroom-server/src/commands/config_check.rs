use anyhow::Result;

use super::output::Output;
use crate::config::{Loaded, check_report};

pub(super) fn run(loaded: &Loaded, output: &mut Output) -> Result<()> {
    output.text(&check_report(loaded))?;
    output.flush()
}
