//! `/v1`: the JSON API for applications in any language.

mod body;
mod capabilities;
mod create;
mod credential;
mod data;
mod data_schema;
mod history;
mod holder;
mod named;
mod object;
mod openapi;
mod problem;
mod query;
mod rotate;
mod session;
mod sessions;
mod users;
mod verify;
mod whole;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, Method};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use cloakroom::Chain;
use tracing::Instrument;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use openapi::{document, show as show_document};

use self::problem::ApiError;
use crate::app::SharedApp;

/// Every call, with its part of the document.
fn calls() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::with_openapi(openapi::frame())
        .routes(routes!(sessions::list, create::create))
        .routes(routes!(verify::verify))
        .routes(routes!(verify::verify_batch))
        .routes(routes!(rotate::rotate))
        .routes(routes!(rotate::log_out))
        .routes(routes!(sessions::count))
        .routes(routes!(sessions::show))
        .routes(routes!(sessions::end))
        .routes(routes!(sessions::end_others))
        .routes(routes!(sessions::end_everyone))
        .routes(routes!(sessions::end_user))
        .routes(routes!(data::read, data::change))
        .routes(routes!(history::list))
        .routes(routes!(history::show))
        .routes(routes!(users::list, users::add))
        .routes(routes!(users::show, users::change))
        .routes(routes!(users::epoch))
        .routes(routes!(users::disable))
        .routes(routes!(users::enable))
        .routes(routes!(users::password_link))
        .routes(routes!(capabilities::show))
        .routes(routes!(openapi::show))
}

/// The calls, and a clear answer to what is none.
pub(super) fn router() -> Router<SharedApp> {
    Router::from(calls())
        .route("/v1", axum::routing::any(async || ApiError::not_found()))
        .route("/v1/", axum::routing::any(async || ApiError::not_found()))
        .route("/v1/{*rest}", axum::routing::any(async || ApiError::not_found()))
        .layer(from_fn(known_parameters))
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .layer(from_fn(private))
        .layer(from_fn(to_the_end))
}

/// The lists and the data are the only calls with parameters; elsewhere a parameter is a mistake
/// that must not be passed over.
async fn known_parameters(request: Request, next: Next) -> Response {
    const TAKING: [&str; 4] =
        ["/v1/sessions", "/v1/users", "/v1/history", "/v1/sessions/{id}/data"];
    let called = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let takes = request.method() == Method::GET && TAKING.contains(&called);
    if takes || called.contains("{*") || request.uri().query().is_none_or(str::is_empty) {
        return next.run(request).await;
    }
    ApiError::invalid_query("This call takes no parameters.").into_response()
}

/// Answers hold credentials and names: nobody keeps a copy.
async fn private(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Runs a call to its end in a task of its own, whether or not its sender waits (law 9).
async fn to_the_end(request: Request, next: Next) -> Response {
    match tokio::spawn(next.run(request).in_current_span()).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(error = %Chain(&error), "a call ended early");
            ApiError::internal().into_response()
        }
    }
}
