//! Orders about API keys.

use super::refusal::Refusal;
use super::reply::{FreshApiKey, KeyText};
use super::{Reply, ShownApiKey};
use crate::api_keys::{Added, ApiKey, Scope};
use crate::app::App;
use crate::events;

pub(super) async fn add(app: &App, name: &str, scopes: &[String]) -> Result<Reply, Refusal> {
    let (name, scopes) = (checked_name(name)?, checked_scopes(scopes)?);
    let key = ApiKey::generate()?;
    let now = app.cloakroom.sessions().now();
    match app.api_keys.add(&key, name.clone(), scopes, now).await? {
        Added::Done(row) => {
            events::token_created(None, &row.id);
            let (id, name, scopes) = (row.id, row.name, row.scopes);
            Ok(Reply::ApiKey(FreshApiKey { id, name, scopes, key: KeyText::new(&key) }))
        }
        Added::NameTaken => Err(Refusal::Failed(format!(
            "there is an API key {name} already; `cloakroom api-key remove {name}` removes it"
        ))),
        Added::TooMany => Err(Refusal::Failed(
            "there are 1,000 API keys; `cloakroom api-key list` shows which were not used"
                .to_owned(),
        )),
    }
}

/// A name that can stand in the history as who ended a session.
fn checked_name(name: &str) -> Result<String, Refusal> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if (1..=64).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(name.to_owned());
    }
    let message = "the name of an API key has 1 to 64 letters, digits, '.', '_' or '-'";
    Err(Refusal::Failed(message.to_owned()))
}

fn checked_scopes(given: &[String]) -> Result<Vec<Scope>, Refusal> {
    let scopes = given.iter().map(|scope| scope.parse()).collect::<Result<Vec<Scope>, _>>();
    let mut scopes = scopes.map_err(|error| Refusal::Failed(error.to_string()))?;
    scopes.sort_unstable();
    scopes.dedup();
    if scopes.is_empty() {
        return Err(Refusal::Failed("an API key needs a --scope at least".to_owned()));
    }
    Ok(scopes)
}

pub(super) async fn list(app: &App) -> Result<Reply, Refusal> {
    let items = app.api_keys.list().await?.into_iter().map(ShownApiKey::from).collect();
    Ok(Reply::ApiKeys { items })
}

pub(super) async fn remove(app: &App, key: &str) -> Result<Reply, Refusal> {
    match app.api_keys.remove(key).await? {
        Some(row) => {
            events::token_revoked(None, &row.id);
            Ok(Reply::ApiKeyRemoved { id: row.id, name: row.name })
        }
        // What was typed may be a key itself: it is not repeated.
        None => Err(Refusal::NotFound(
            "there is no API key of this id or name; `cloakroom api-key list` shows them"
                .to_owned(),
        )),
    }
}
