use anyhow::Result;

use super::output::Output;
use crate::operator::client::{Operator, unexpected};
use crate::operator::{Order, Reply};

pub(super) async fn run(operator: &Operator, output: &mut Output) -> Result<()> {
    match operator.order(Order::SetUpLink).await? {
        Reply::SetUp { link } => {
            output.line(link.reveal())?;
            output.line(
                "made a link for setting up the first administrator; good once, for an hour",
            )?;
            output.flush()
        }
        other => Err(unexpected(&other)),
    }
}
