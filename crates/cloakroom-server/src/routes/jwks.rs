use axum::Json;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use cloakroom::Jwks;

use crate::app::SharedApp;

/// The keys that identity assertions are verified with. May be cached for five minutes.
pub(super) async fn show(State(app): State<SharedApp>) -> Response {
    let document = Json(Jwks::new([app.assertions.jwk()]));
    ([(CACHE_CONTROL, "public, max-age=300")], document).into_response()
}
