use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use cloakroom::{
    Cursor, EndReason, NameMatch, Page, Query, Record, SessionId, StoreError, Summary, UserId,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::body::{Body, OptionalBody};
use super::credential::admitted;
use super::holder::{Holder, SessionsEnd, SessionsRead};
use super::named::Named;
use super::problem::{ApiError, ProblemDetails};
use super::query::{Params, position, rows, short};
use super::session::{EndOrder, EndedCount, Session};
use crate::app::{App, SharedApp};
use crate::operator::Time;
use crate::users::UserRow;

/// Which sessions to list: those for which all that is given holds.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Those of the user with this id; the newest 1,000 of them.
    #[param(max_length = 128)]
    user: Option<String>,
    /// Those of users with exactly this name.
    #[param(max_length = 128)]
    name: Option<String>,
    /// Those of users whose names begin so, in order of the names.
    #[param(max_length = 128)]
    name_prefix: Option<String>,
    /// Most rows: 1 to 200, 50 unless given.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next` of the page before.
    #[param(
        pattern = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(~[!-~]{1,128})?$"
    )]
    after: Option<String>,
}

/// A page of live sessions.
#[derive(Serialize, ToSchema)]
pub(super) struct SessionPage {
    /// The sessions.
    items: Vec<Session>,
    /// What to send as `after` for the next page; null on the last one.
    #[schema(required)]
    next: Option<String>,
}

impl SessionPage {
    const EMPTY: Self = Self { items: Vec::new(), next: None };
}

/// List live sessions of logged-in users, newest first; with `name_prefix` in order of the names.
///
/// A session that is live throughout is on exactly one page, whatever else changes. A page costs
/// the same however many sessions there are: where many that expired wait to be swept, it can be
/// short, or empty, and still have a `next`.
#[utoipa::path(
    operation_id = "list_sessions", get, path = "/v1/sessions", tag = "sessions", security(("api_key" = ["sessions:read"])),
    params(Filter), responses((status = 200, description = "A page", body = SessionPage))
)]
pub(super) async fn list(
    State(app): State<SharedApp>,
    _: Holder<SessionsRead>,
    Params(filter): Params<Filter>,
) -> Result<Json<SessionPage>, ApiError> {
    let limit = rows(filter.limit)?;
    let after: Option<Cursor> = position(filter.after.as_deref())?;
    for text in [&filter.user, &filter.name, &filter.name_prefix] {
        short("user, name and name_prefix", text.as_deref())?;
    }
    if let Some(user) = &filter.user {
        return of_user(&app, user, &filter, after, limit).await;
    }
    let name = match (filter.name, filter.name_prefix) {
        (Some(name), Some(prefix)) if !name.starts_with(&prefix) => {
            return Ok(Json(SessionPage::EMPTY));
        }
        (Some(name), _) => Some(NameMatch::Exact(name)),
        (None, prefix) => prefix.map(NameMatch::Prefix),
    };
    let sessions = app.cloakroom.sessions();
    let query = Query { name, after, limit, now: sessions.now() };
    let Page { items, next } = sessions.store().sessions(query).await?;
    Ok(Json(page(&app, items, next).await?))
}

/// One user has few sessions: they are read at once and cut here.
async fn of_user(
    app: &App,
    user: &str,
    filter: &Filter,
    after: Option<Cursor>,
    limit: u32,
) -> Result<Json<SessionPage>, ApiError> {
    let Ok(user) = UserId::new(user) else { return Ok(Json(SessionPage::EMPTY)) };
    let sessions = app.cloakroom.sessions();
    let mut items = sessions.store().sessions_of(user, sessions.now()).await?;
    items.retain(|session| {
        let name = session.user_name.as_deref().unwrap_or_default();
        after.as_ref().is_none_or(|after| session.id < after.id)
            && filter.name.as_deref().is_none_or(|wanted| name == wanted)
            && filter.name_prefix.as_deref().is_none_or(|prefix| name.starts_with(prefix))
    });
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let last = items.last().filter(|_| more);
    let next = last.map(|session| Cursor { id: session.id, name: None });
    Ok(Json(page(app, items, next).await?))
}

async fn page(
    app: &App,
    items: Vec<Summary>,
    next: Option<Cursor>,
) -> Result<SessionPage, StoreError> {
    let mut ids: Vec<UserId> = items.iter().filter_map(|item| item.user.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    let known = app.users.by_ids(&ids).await?;
    let shown = items.into_iter().map(|item| {
        let user = item.user.as_ref().and_then(|id| known.get(id));
        Session::from(item.clone()).with_groups_of(user)
    });
    Ok(SessionPage { items: shown.collect(), next: next.map(|next| next.to_string()) })
}

/// How many sessions there are.
#[derive(Serialize, ToSchema)]
pub(super) struct Count {
    /// Sessions of logged-in users.
    sessions: u64,
    /// Visitors' sessions.
    anonymous: u64,
    /// When this was counted.
    #[schema(value_type = String, format = DateTime)]
    as_of: Time,
}

/// Count sessions, from counters: expired ones count until they are swept.
#[utoipa::path(
    operation_id = "count_sessions", get, path = "/v1/sessions/count", tag = "sessions", security(("api_key" = ["sessions:read"])),
    responses((status = 200, description = "Counted", body = Count))
)]
pub(super) async fn count(
    State(app): State<SharedApp>,
    _: Holder<SessionsRead>,
) -> Result<Json<Count>, ApiError> {
    let sessions = app.cloakroom.sessions();
    let counts = sessions.store().counts(sessions.now()).await?;
    let (sessions, anonymous) = (counts.sessions, counts.anonymous);
    Ok(Json(Count { sessions, anonymous, as_of: Time(counts.as_of) }))
}

/// Look up a live session by its public id.
#[utoipa::path(
    operation_id = "read_session", get, path = "/v1/sessions/{id}", tag = "sessions", security(("api_key" = ["sessions:read"])),
    params(("id" = String, Path, description = "The session's public id")),
    responses(
        (status = 200, description = "It is live", body = Session),
        (status = 404, description = "`unknown-session`", body = ProblemDetails),
        (status = 410, description = "`session-ended`: `/v1/history/{id}` says why", body = ProblemDetails),
    )
)]
pub(super) async fn show(
    State(app): State<SharedApp>,
    _: Holder<SessionsRead>,
    Named(id): Named,
) -> Result<Json<Session>, ApiError> {
    let (record, known) = live(&app, id.parse()?).await?;
    Ok(Json(Session::of(&record, known.as_ref())))
}

/// A live session by its id, and its user if this server keeps them.
pub(super) async fn live(
    app: &App,
    id: SessionId,
) -> Result<(Arc<Record>, Option<UserRow>), ApiError> {
    let sessions = app.cloakroom.sessions();
    if let Some(record) = sessions.store().load(id, sessions.now()).await? {
        let known = admitted(app, &record).await?.ok_or_else(ApiError::session_ended)?;
        return Ok((record, known));
    }
    // One that expired enters the history only when it is swept.
    if sessions.store().ended(id).await?.is_none() && !was_live(app, id).await? {
        return Err(ApiError::unknown_session());
    }
    Err(ApiError::session_ended())
}

async fn was_live(app: &App, id: SessionId) -> Result<bool, StoreError> {
    let beginning = cloakroom::Timestamp::from_unix_millis(0);
    Ok(app.cloakroom.sessions().store().load(id, beginning).await?.is_some())
}

/// End a session. Ending one that has ended already ends nothing.
#[utoipa::path(
    operation_id = "end_session", post, path = "/v1/sessions/{id}/end", tag = "ends", security(("api_key" = ["sessions:end"])),
    params(("id" = String, Path, description = "The session's public id")),
    request_body(content = Option<EndOrder>),
    responses((status = 200, description = "Ended, or nothing to end", body = EndedCount))
)]
pub(super) async fn end(
    State(app): State<SharedApp>,
    holder: Holder<SessionsEnd>,
    Named(id): Named,
    OptionalBody(order): OptionalBody<EndOrder>,
) -> Result<Json<EndedCount>, ApiError> {
    let (reason, by) = (order.reason.into(), by(order.by, &holder)?);
    // What is no id is the id of no session.
    let Ok(id) = id.parse() else { return Ok(Json(EndedCount { ended: 0 })) };
    let was_live = app.cloakroom.sessions().end(id, reason, Some(&by)).await?;
    Ok(Json(EndedCount { ended: u64::from(was_live) }))
}

/// End all other sessions of the user of a session.
#[utoipa::path(
    operation_id = "end_other_sessions", post, path = "/v1/sessions/{id}/end-others", tag = "ends",
    security(("api_key" = ["sessions:end"])),
    params(("id" = String, Path, description = "The public id of the session that stays")),
    request_body(content = Option<EndOrder>),
    responses(
        (status = 200, description = "Ended", body = EndedCount),
        (status = 404, description = "`unknown-session`", body = ProblemDetails),
        (status = 410, description = "`session-ended`", body = ProblemDetails),
    )
)]
pub(super) async fn end_others(
    State(app): State<SharedApp>,
    holder: Holder<SessionsEnd>,
    Named(id): Named,
    OptionalBody(order): OptionalBody<EndOrder>,
) -> Result<Json<EndedCount>, ApiError> {
    let (reason, by) = (order.reason.into(), by(order.by, &holder)?);
    let (record, _) = live(&app, id.parse()?).await?;
    let Some(user) = &record.user else { return Ok(Json(EndedCount { ended: 0 })) };
    let sessions = app.cloakroom.sessions();
    let ended = sessions.end_others(user, record.id, reason, Some(&by)).await?;
    Ok(Json(EndedCount { ended: ended.count }))
}

/// End all sessions of a user, whether this server keeps the user or not. Logins under way are
/// refused.
#[utoipa::path(
    operation_id = "end_user_sessions", post, path = "/v1/users/{id}/end-sessions", tag = "ends",
    security(("api_key" = ["sessions:end"])),
    params(("id" = String, Path, description = "The user's id")),
    request_body(content = Option<EndOrder>),
    responses((status = 200, description = "Ended, or nothing to end", body = EndedCount))
)]
pub(super) async fn end_user(
    State(app): State<SharedApp>,
    holder: Holder<SessionsEnd>,
    Named(id): Named,
    OptionalBody(order): OptionalBody<EndOrder>,
) -> Result<Json<EndedCount>, ApiError> {
    let (reason, by) = (order.reason.into(), by(order.by, &holder)?);
    let Ok(user) = UserId::new(id) else { return Ok(Json(EndedCount { ended: 0 })) };
    let ended = app.cloakroom.sessions().end_user(&user, reason, Some(&by)).await?;
    Ok(Json(EndedCount { ended: ended.count }))
}

/// An order to end every session.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Everyone {
    /// The word `everyone`, so that it happens to nobody by mistake.
    #[expect(dead_code, reason = "that it could be read says it")]
    confirm: Confirmation,
    /// Who ordered it, for the history; `api:` and the API key's name unless given.
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]{1,128}$"
    )]
    by: Option<String>,
}

/// That it is meant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Confirmation {
    Everyone,
}

/// End every session, visitors' too.
#[utoipa::path(
    operation_id = "end_everyone", post, path = "/v1/sessions/end-everyone", tag = "ends",
    security(("api_key" = ["sessions:end"])), request_body = Everyone,
    responses((status = 200, description = "Ended", body = EndedCount))
)]
pub(super) async fn end_everyone(
    State(app): State<SharedApp>,
    holder: Holder<SessionsEnd>,
    Body { value: order, .. }: Body<Everyone>,
) -> Result<Json<EndedCount>, ApiError> {
    let by = by(order.by, &holder)?;
    let ended = app.cloakroom.sessions().end_everyone(EndReason::Admin, Some(&by)).await?;
    Ok(Json(EndedCount { ended: ended.count }))
}

fn by<S>(given: Option<String>, holder: &Holder<S>) -> Result<String, ApiError> {
    let Some(by) = given else { return Ok(holder.name()) };
    let fits = (1..=128).contains(&by.chars().count());
    if fits && !by.chars().any(char::is_control) {
        return Ok(by);
    }
    Err(ApiError::invalid_body("by has 1 to 128 characters and stands on one line."))
}
