use axum::extract::{Request, State};
use axum::http::header::HOST;
use axum::http::{HeaderValue, Method, StatusCode, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use cloakroom::Problem;

use crate::app::SharedApp;

/// Lets only requests for a configured host reach the pages, so that a stranger's domain that
/// points at this machine (DNS rebinding) gets nothing. Reading from another name of this host is
/// sent to the right one.
pub async fn check_host(State(app): State<SharedApp>, request: Request, next: Next) -> Response {
    // Another hop could have gone by the other one (RFC 9112 section 3.2).
    if request.headers().get_all(HOST).iter().count() > 1 {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let host = request.headers().get(HOST).map(HeaderValue::as_bytes);
    let authority = request.uri().authority().map(|authority| authority.as_str().as_bytes());
    // Every HTTP/1.1 request has one, and where its target names a host too it is the same.
    let is_missing = host.is_none() && request.version() == Version::HTTP_11;
    if is_missing
        || host.zip(authority).is_some_and(|(one, other)| !one.eq_ignore_ascii_case(other))
    {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let host = host.or(authority).and_then(|host| std::str::from_utf8(host).ok());
    if host.is_some_and(|host| is_configured(&app, host)) {
        return next.run(request).await;
    }
    let public = &app.config.server.public_url;
    if request.method() == Method::GET {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        return Redirect::temporary(&format!("{public}{path}")).into_response();
    }
    let detail = format!("This server is reached at {public}.");
    Problem::new(StatusCode::MISDIRECTED_REQUEST, "unknown-host", detail).into_response()
}

fn is_configured(app: &SharedApp, host: &str) -> bool {
    let config = &app.config;
    let apps = config.apps.values().map(|app| &app.origin);
    apps.chain([&config.server.public_url])
        .any(|origin| origin.authority().eq_ignore_ascii_case(host))
}
