use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use cloakroom::{EndReason, Issued, SessionError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Body;
use super::credential::{Credential, cookie_max_age};
use super::holder::{Holder, SessionsEnd, SessionsWrite};
use super::problem::{ApiError, ProblemDetails};
use super::session::{EndedCount, Session};
use crate::app::{App, SharedApp};
use crate::users::UserRow;

/// Tries of a rotation whose session's groups change meanwhile.
const MOST_TRIES: usize = 3;

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
    for _ in 0..MOST_TRIES {
        let good = asked.token.verify(&app).await?.ok_or_else(inactive)?;
        match app.cloakroom.sessions().rotate(&good.live, asked.reauthenticated).await {
            Ok(issued) => return Ok(Json(rotated(&app, &issued, good.known.as_ref()))),
            // It ended, or its groups changed and the credential is good still.
            Err(SessionError::Gone) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(inactive())
}

/// One answer for all that a credential can be but good.
fn inactive() -> ApiError {
    let detail = "This is not the credential of a live session.";
    ApiError::new(StatusCode::GONE, "session-ended", detail)
}

fn rotated(app: &App, issued: &Issued, known: Option<&UserRow>) -> Rotated {
    let record = &issued.live.record;
    Rotated {
        token: issued.token.reveal().to_owned(),
        session: Session::of(record, known),
        cookie_max_age: cookie_max_age(app, record),
    }
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
