use std::collections::{BTreeMap, HashSet};

use axum::Json;
use axum::extract::{RawQuery, State};
use cloakroom::{
    DataChange, Entry, Expect, Guard, Keys, SessionError, SessionId, Updated, check_key,
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::body::Body;
use super::data_schema::{ChangeForms, DataKey};
use super::holder::{Holder, SessionsRead, SessionsWrite};
use super::named::Named;
use super::object::Object;
use super::problem::{ApiError, ProblemDetails, conflict};
use super::sessions::live;
use super::whole::Whole;
use crate::app::{App, SharedApp};

/// Most keys of one call, which is all that a session can have.
const MOST_KEYS: usize = 64;
/// Tries of a write whose session's groups change meanwhile.
const MOST_TRIES: usize = 3;

/// Data of a session.
#[derive(Serialize, ToSchema)]
pub(super) struct Data {
    /// By key.
    entries: BTreeMap<String, DataEntry>,
}

/// One key of a session's data.
#[derive(Serialize, ToSchema)]
pub(super) struct DataEntry {
    /// The value, exactly as it was written; null when the key is absent.
    #[schema(value_type = serde_json::Value)]
    value: Box<RawValue>,
    /// Changes with every write of the key; 0 when it is absent.
    version: u64,
}

/// Read keys of a session's data, as one consistent snapshot.
#[utoipa::path(
    operation_id = "read_data", get, path = "/v1/sessions/{id}/data", tag = "data", security(("api_key" = ["sessions:read"])),
    params(
        ("id" = String, Path, description = "The session's public id"),
        ("key" = Option<Vec<DataKey>>, Query, description = "A key to read; may be repeated; all keys unless given", max_items = 64),
    ),
    responses(
        (status = 200, description = "The data", body = Data),
        (status = 404, description = "`unknown-session`", body = ProblemDetails),
        (status = 410, description = "`session-ended`", body = ProblemDetails),
    )
)]
pub(super) async fn read(
    State(app): State<SharedApp>,
    _: Holder<SessionsRead>,
    Named(id): Named,
    RawQuery(query): RawQuery,
) -> Result<Json<Data>, ApiError> {
    let keys = keys(query.as_deref().unwrap_or_default())?;
    let (record, _) = live(&app, id.parse()?).await?;
    let sessions = app.cloakroom.sessions();
    let entries = sessions.store().read(record.id, sessions.now(), keys).await?;
    let entries = entries.ok_or_else(ApiError::session_ended)?;
    let entries = entries.into_iter().map(shown).collect::<Result<_, _>>()?;
    Ok(Json(Data { entries }))
}

fn keys(query: &str) -> Result<Keys, ApiError> {
    let mut keys = Vec::new();
    for (name, key) in form_urlencoded::parse(query.as_bytes()) {
        if name != "key" {
            return Err(ApiError::invalid_query("The only parameter is key."));
        }
        check_key(&key).map_err(|error| ApiError::invalid_query(format!("{error}.")))?;
        keys.push(key.into_owned());
    }
    if keys.len() > MOST_KEYS {
        return Err(ApiError::invalid_query(format!("Ask for at most {MOST_KEYS} keys.")));
    }
    Ok(if keys.is_empty() { Keys::All } else { Keys::These(keys) })
}

fn shown(entry: Entry) -> Result<(String, DataEntry), ApiError> {
    let json = entry.json.unwrap_or_else(|| "null".to_owned());
    let value = RawValue::from_string(json).map_err(|error| {
        tracing::error!(%error, key = entry.key, "session data that is no JSON");
        ApiError::internal()
    })?;
    Ok((entry.key, DataEntry { value, version: entry.version }))
}

/// Changes of a session's data, all or none of them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Changes {
    /// 1 to 64 changes of different keys.
    #[schema(value_type = Vec<ChangeForms>, min_items = 1, max_items = 64)]
    changes: Vec<Object<Change>>,
}

/// One change: `value` or `remove`, and `expect` or `overwrite`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    key: String,
    #[serde(default, deserialize_with = "present")]
    value: Option<Box<RawValue>>,
    #[serde(default)]
    remove: Option<Yes>,
    #[serde(default)]
    expect: Option<Whole>,
    #[serde(default)]
    overwrite: Option<Yes>,
}

/// Only `true`.
#[derive(Debug, Deserialize)]
#[serde(try_from = "bool")]
struct Yes;

impl TryFrom<bool> for Yes {
    type Error = &'static str;

    fn try_from(given: bool) -> Result<Self, Self::Error> {
        given.then_some(Self).ok_or("it can only be true; leave it out instead")
    }
}

/// So that null is a value and not a missing one.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}

/// The new versions.
#[derive(Serialize, ToSchema)]
pub(super) struct Versions {
    /// By key; 0 for a removed one.
    versions: BTreeMap<String, u64>,
}

/// Change keys of a session's data in one commit, all or none.
///
/// Changes of different keys never meet. A change that expects a version is refused with
/// `data-conflict` when the key has another one by now; read it again and decide.
#[utoipa::path(
    operation_id = "change_data", patch, path = "/v1/sessions/{id}/data", tag = "data",
    security(("api_key" = ["sessions:write"])),
    params(("id" = String, Path, description = "The session's public id")),
    request_body = Changes,
    responses(
        (status = 200, description = "Committed", body = Versions),
        (status = 404, description = "`unknown-session`", body = ProblemDetails),
        (status = 409, description = "`data-conflict`: the first such key is in `key`", body = ProblemDetails),
        (status = 410, description = "`session-ended`", body = ProblemDetails),
    )
)]
pub(super) async fn change(
    State(app): State<SharedApp>,
    _: Holder<SessionsWrite>,
    Named(id): Named,
    Body { value: Changes { changes }, .. }: Body<Changes>,
) -> Result<Json<Versions>, ApiError> {
    let changes = checked(changes.into_iter().map(|Object(change)| change).collect())?;
    let keys: Vec<String> = changes.iter().map(|change| change.key.clone()).collect();
    let versions = write(&app, id.parse()?, changes).await?;
    Ok(Json(Versions { versions: keys.into_iter().zip(versions).collect() }))
}

fn checked(changes: Vec<Change>) -> Result<Vec<DataChange>, ApiError> {
    let keys: HashSet<&str> = changes.iter().map(|change| change.key.as_str()).collect();
    if !(1..=MOST_KEYS).contains(&changes.len()) || keys.len() != changes.len() {
        return Err(ApiError::invalid_body(format!(
            "changes must be 1 to {MOST_KEYS} changes of different keys."
        )));
    }
    changes.into_iter().map(Change::checked).collect()
}

impl Change {
    fn checked(self) -> Result<DataChange, ApiError> {
        check_key(&self.key)?;
        let json = match (self.value, self.remove) {
            (Some(value), None) => Some(value.get().to_owned()),
            (None, Some(Yes)) => None,
            _ => return Err(ApiError::invalid_body("A change has either value or remove: true.")),
        };
        let expect = match (self.expect, self.overwrite) {
            (Some(Whole(version)), None) => Expect::Version(version),
            (None, Some(Yes)) => Expect::Any,
            _ => {
                return Err(ApiError::invalid_body(
                    "A change has either expect, with the version you read (0 for a new key), or \
                     overwrite: true.",
                ));
            }
        };
        Ok(DataChange { key: self.key, expect, json })
    }
}

async fn write(app: &App, id: SessionId, changes: Vec<DataChange>) -> Result<Vec<u64>, ApiError> {
    let sessions = app.cloakroom.sessions();
    let limits = sessions.policy().data;
    for _ in 0..MOST_TRIES {
        let (record, _) = live(app, id).await?;
        let guard = Guard { id, generation: record.generation, now: sessions.now() };
        match sessions.store().update(guard, changes.clone(), limits).await? {
            Updated::Done { versions } => return Ok(versions),
            Updated::Conflict { key } => return Err(conflict(&key)),
            Updated::TooLarge { keys, bytes } => {
                return Err(SessionError::TooLarge { keys, bytes, limits }.into());
            }
            // It ended, or its groups changed, which do not matter to the application's own data.
            Updated::Gone => {}
        }
    }
    Err(ApiError::session_ended())
}
