use anyhow::Result;

use super::output::Output;
use super::table::Table;
use super::told;
use crate::api_keys::Scope;
use crate::cli::ApiKeyCommand;
use crate::operator::client::{Operator, unexpected};
use crate::operator::{Order, Reply, ShownApiKey};

pub(super) async fn run(
    operator: &Operator,
    command: ApiKeyCommand,
    output: &mut Output,
) -> Result<()> {
    match command {
        ApiKeyCommand::Add { name, scopes, json } => {
            add(operator, name, scopes, json, output).await?;
        }
        ApiKeyCommand::List { json } => list(operator, json, output).await?,
        ApiKeyCommand::Remove { key } => remove(operator, key, output).await?,
    }
    output.flush()
}

/// The key on a line of its own, so that a script can take it.
async fn add(
    operator: &Operator,
    name: String,
    scopes: Vec<String>,
    json: bool,
    output: &mut Output,
) -> Result<()> {
    let fresh = match operator.order(Order::ApiKeyAdd { name, scopes }).await? {
        Reply::ApiKey(fresh) => fresh,
        other => return Err(unexpected(&other)),
    };
    if json {
        return output.json(&fresh);
    }
    output.line(fresh.key.reveal())?;
    output.flush()?;
    told::remark(&format!(
        "made the API key {} ({}); it is not shown again",
        fresh.name,
        names(&fresh.scopes)
    ));
    Ok(())
}

async fn list(operator: &Operator, json: bool, output: &mut Output) -> Result<()> {
    let items = match operator.order(Order::ApiKeyList).await? {
        Reply::ApiKeys { items } => items,
        other => return Err(unexpected(&other)),
    };
    if json {
        return output.json(&items);
    }
    let count = items.len() as u64;
    let mut table = Table::new(["NAME", "ID", "SCOPES", "MADE", "LAST USED"]);
    output.text(&table.rows(items.into_iter().map(row).collect()))?;
    output.line(&match count {
        0 => "no API keys yet; `cloakroom api-key add NAME --scope SCOPE` makes one".to_owned(),
        count => told::counted(count, "API key"),
    })
}

fn row(key: ShownApiKey) -> [String; 5] {
    let used = key.last_used_at.map_or_else(|| "never".to_owned(), |at| told::moment(at).text);
    [key.name, key.id, names(&key.scopes), told::moment(key.created_at).text, used]
}

fn names(scopes: &[Scope]) -> String {
    scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" ")
}

async fn remove(operator: &Operator, key: String, output: &mut Output) -> Result<()> {
    match operator.order(Order::ApiKeyRemove { key }).await? {
        Reply::ApiKeyRemoved { name, .. } => {
            output.line(&format!("removed the API key {name}; it is refused from now on"))
        }
        other => Err(unexpected(&other)),
    }
}
