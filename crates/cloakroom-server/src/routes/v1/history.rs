use axum::Json;
use axum::extract::State;
use cloakroom::HistoryQuery;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::holder::{Holder, SessionsRead};
use super::named::Named;
use super::problem::{ApiError, ProblemDetails};
use super::query::{Params, position, rows, short};
use super::session::Ended;
use crate::app::SharedApp;

/// Which ended sessions to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Those of users with exactly this name.
    #[param(max_length = 128)]
    name: Option<String>,
    /// Most rows: 1 to 200, 50 unless given.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next` of the page before.
    #[param(
        format = "uuid",
        pattern = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
    )]
    after: Option<String>,
}

/// A page of ended sessions.
#[derive(Serialize, ToSchema)]
pub(super) struct EndedPage {
    /// In the order in which they began, newest first.
    items: Vec<Ended>,
    /// What to send as `after` for the next page; null on the last one.
    #[schema(required)]
    next: Option<String>,
}

/// List ended sessions of logged-in users and why they ended. Expired ones appear once they are
/// swept.
#[utoipa::path(
    operation_id = "list_history", get, path = "/v1/history", tag = "history", security(("api_key" = ["sessions:read"])),
    params(Filter), responses((status = 200, description = "A page", body = EndedPage))
)]
pub(super) async fn list(
    State(app): State<SharedApp>,
    _: Holder<SessionsRead>,
    Params(filter): Params<Filter>,
) -> Result<Json<EndedPage>, ApiError> {
    short("name", filter.name.as_deref())?;
    let after = position(filter.after.as_deref())?;
    let query = HistoryQuery { name: filter.name, after, limit: rows(filter.limit)? };
    let page = app.cloakroom.sessions().store().history(query).await?;
    let items = page.items.into_iter().map(Into::into).collect();
    Ok(Json(EndedPage { items, next: page.next.map(|next| next.to_string()) }))
}

/// Look up why a session ended.
#[utoipa::path(
    operation_id = "read_ended_session", get, path = "/v1/history/{id}", tag = "history", security(("api_key" = ["sessions:read"])),
    params(("id" = String, Path, description = "The session's public id")),
    responses(
        (status = 200, description = "It ended so", body = Ended),
        (status = 404, description = "`unknown-session`: it is live, or never was, or ended too long ago", body = ProblemDetails),
    )
)]
pub(super) async fn show(
    State(app): State<SharedApp>,
    _: Holder<SessionsRead>,
    Named(id): Named,
) -> Result<Json<Ended>, ApiError> {
    let ended = app.cloakroom.sessions().store().ended(id.parse()?).await?;
    Ok(Json(ended.ok_or_else(ApiError::unknown_session)?.into()))
}
