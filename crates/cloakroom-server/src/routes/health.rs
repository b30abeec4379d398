use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cloakroom::{Chain, Problem, Query};

use crate::app::SharedApp;

/// The process answers. Asks nothing of the store.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// Requests can be served: sessions and users can be read.
pub(super) async fn ready(State(app): State<SharedApp>) -> Response {
    let sessions = app.cloakroom.sessions();
    let one = Query { name: None, after: None, limit: 1, now: sessions.now() };
    let answers = match sessions.store().sessions(one).await {
        Ok(_) => app.users.is_empty().await,
        Err(error) => Err(error),
    };
    match answers {
        Ok(_) => (StatusCode::OK, "ready\n").into_response(),
        Err(error) => {
            tracing::error!(error = %Chain(&error), "not ready");
            Problem::unavailable().into_response()
        }
    }
}
