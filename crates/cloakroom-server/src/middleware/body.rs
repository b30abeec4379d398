use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use crate::app::SharedApp;

/// Largest form taken, in bytes: every field of the largest form fits many times.
const MOST_BYTES: usize = 32 * 1024;

/// Reads the whole form before anybody asks who sent it. Else a session could be looked at, ended
/// meanwhile, and what it may do be done hours later, when the last byte of the form arrives
/// (law 2).
pub async fn whole_body(State(app): State<SharedApp>, request: Request, next: Next) -> Response {
    let longest = app.config.limits.body_timeout;
    let (parts, body) = request.into_parts();
    if announced(&parts.headers).is_some_and(|bytes| bytes > MOST_BYTES) {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    }
    match timeout(longest, to_bytes(body, MOST_BYTES)).await {
        Ok(Ok(bytes)) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
        // Larger than the most, or cut short, and then nobody reads the answer.
        Ok(Err(_)) => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
    }
}

fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
