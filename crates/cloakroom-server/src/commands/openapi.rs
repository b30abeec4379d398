use anyhow::Result;

use super::output::Output;
use crate::routes::v1;

pub(super) fn run(output: &mut Output) -> Result<()> {
    output.text(v1::document())?;
    output.flush()
}
