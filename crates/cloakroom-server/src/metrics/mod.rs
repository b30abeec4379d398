//! Numbers for Prometheus: those of the library, and those of the server.

mod families;
mod listener;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use crate::app::App;

pub use families::{families, metrics_markdown};
pub use listener::MetricsListener;

/// The page: the text format of Prometheus, version 0.0.4. Answers also while the store is down.
pub async fn page(app: &App) -> Response {
    let text: String = families(app).await.iter().map(ToString::to_string).collect();
    let headers =
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"), (CACHE_CONTROL, "no-store")];
    (headers, text).into_response()
}
