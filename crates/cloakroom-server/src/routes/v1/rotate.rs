use axum::Json;
use axum::extract::State;
use cloakroom::EndReason;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Body;
use super::credential::{Credential, cookie_max_age};
use super::holder::{Holder, SessionsEnd, SessionsWrite};
use super::problem::{ApiError, ProblemDetails};
use super::session::{EndedCount, Session};
use crate::app::SharedApp;

/// A credential to replace.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rotation {
    /// What the client presented.
    token: Credential,
    /// Whether the user has just proved again who they are.
    #[serde(default)]
    reauthenticated: bool,
}

/// A session and its new credential.
#[derive(Serialize, ToSchema)]
pub(super) struct Rotated {
    /// The new credential, shown this once. The old one is dead.
    #[schema(example = "clk_…")]
    token: String,
    /// The session.
    session: Session,
    /// Seconds that the cookie of a remembered login lives; left out for one that ends with the
    /// browser.
    #[serde(skip_serializing_if = "Option::is_none")]
    cookie_max_age: Option<u64>,
}

/// Give a session a fresh credential because its privileges changed. The old one is dead at once.
#[utoipa::path(
    operation_id = "rotate_session", post, path = "/v1/sessions/rotate", tag = "sessions",
    security(("api_key" = ["sessions:write"])), request_body = Rotation,
    responses(
        (status = 200, description = "Rotated", body = Rotated),
        (status = 410, description = "`session-ended`: the credential is not that of a live session", body = ProblemDetails),
    )
)]
pub(super) async fn rotate(
    State(app): State<SharedApp>,
    _: Holder<SessionsWrite>,
    Body { value: asked, .. }: Body<Rotation>,
) -> Result<Json<Rotated>, ApiError> {
    let good = asked.token.verify(&app).await?.ok_or_else(ApiError::session_ended)?;
    let issued = app.cloakroom.sessions().rotate(&good.live, asked.reauthenticated).await?;
    let session = Session::of(&issued.live.record, good.known.as_ref());
    let cookie_max_age = cookie_max_age(&app, &issued.live.record);
    Ok(Json(Rotated { token: issued.token.reveal().to_owned(), session, cookie_max_age }))
}

/// A credential whose session is to end.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LogOut {
    /// What the client presented.
    token: Credential,
}

/// Log out: end the session of a credential. One that is good for nothing ends nothing.
#[utoipa::path(
    operation_id = "log_out", post, path = "/v1/sessions/log-out", tag = "sessions",
    security(("api_key" = ["sessions:end"])), request_body = LogOut,
    responses((status = 200, description = "Ended, or nothing to end", body = EndedCount))
)]
pub(super) async fn log_out(
    State(app): State<SharedApp>,
    _: Holder<SessionsEnd>,
    Body { value: asked, .. }: Body<LogOut>,
) -> Result<Json<EndedCount>, ApiError> {
    let Some(good) = asked.token.verify(&app).await? else {
        return Ok(Json(EndedCount { ended: 0 }));
    };
    let (id, by) = (good.live.id(), good.live.user_name());
    let was_live = app.cloakroom.sessions().end(id, EndReason::Logout, by).await?;
    Ok(Json(EndedCount { ended: u64::from(was_live) }))
}
