use anyhow::Result;

use super::output::Output;

/// Needs no configuration, so that it works where that is wrong.
pub(super) fn run(output: &mut Output) -> Result<()> {
    output.line(concat!("cloakroom ", env!("CARGO_PKG_VERSION")))?;
    output.flush()
}
