use anyhow::Result;

use super::output::Output;
use super::pages::{Page, Pages};
use super::table::Table;
use super::told;
use crate::cli::Who;
use crate::operator::client::{Operator, unexpected};
use crate::operator::{LiveSession, Order, Reply};

pub(super) async fn run(operator: &Operator, who: Who, output: &mut Output) -> Result<()> {
    let Who { name, json } = who;
    let order = |after| Order::Who { name: name.clone(), after };
    let sessions = Pages { operator, order, page };
    if json {
        return sessions.write_json(output).await;
    }
    let table = Table::new(["SESSION", "USER", "SINCE", "LAST SEEN", "ADDRESS", "BROWSER"]);
    let count = sessions.write_table(table, row, output).await?;
    output.line(&summary(count, name.as_deref()))?;
    output.flush()
}

fn page(reply: Reply) -> Result<Page<LiveSession>> {
    match reply {
        Reply::Sessions { items, next } => Ok((items, next)),
        other => Err(unexpected(&other)),
    }
}

fn row(session: LiveSession) -> [String; 6] {
    [
        session.id.to_string(),
        session.user_name.unwrap_or_default(),
        told::moment(session.created_at).text,
        told::moment(session.last_seen_at).text,
        session.client_address.unwrap_or_default(),
        told::device(session.user_agent.as_deref()),
    ]
}

fn summary(count: u64, name: Option<&str>) -> String {
    match (count, name) {
        (0, None) => "nobody is logged in".to_owned(),
        (0, Some(name)) => format!("nobody is logged in as {name}"),
        (count, _) => told::counted(count, "session"),
    }
}
