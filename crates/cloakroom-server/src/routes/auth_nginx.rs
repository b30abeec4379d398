//! The question nginx asks before it lets a request through (`auth_request`).

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{CACHE_CONTROL, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use cloakroom::{Chain, Error, Problem, Session, Timestamp};
use serde::Serialize;

use crate::app::{App, SharedApp};
use crate::config;
use crate::identity::{Identity, identify};
use crate::peer::is_trusted;

/// How long an identity assertion is good, in seconds.
const ASSERTION_SECONDS: i64 = 60;

/// The claims of an identity assertion (RFC 7519). The audience is the application's id.
#[derive(Serialize)]
struct Claims<'a> {
    iss: String,
    aud: &'a str,
    sub: &'a str,
    name: &'a str,
    display_name: &'a str,
    email: Option<&'a str>,
    groups: &'a [String],
    sid: String,
    auth_time: i64,
    iat: i64,
    exp: i64,
}

/// 200 with the identity, 401 without one, 403 to strangers, 404 for an unknown application, 503
/// when nothing can be told. Costs two reads of the local database and one signature.
pub(super) async fn verify(
    State(app): State<SharedApp>,
    Path(id): Path<String>,
    session: Session,
    request: Request<Body>,
) -> Response {
    if !is_trusted(&app, request.extensions()) {
        let detail = "Only trusted proxies may ask; see trusted_proxies in the configuration.";
        return Problem::new(StatusCode::FORBIDDEN, "not-a-trusted-proxy", detail).into_response();
    }
    let Some(asked_by) = app.config.apps.get(&id) else {
        let detail = "No application of this id is configured; add [app.<id>].";
        return Problem::new(StatusCode::NOT_FOUND, "unknown-app", detail).into_response();
    };
    match identify(&app, &session).await {
        Ok(Some(identity)) => admit(&app, &asked_by.id, &identity),
        Ok(None) | Err(Error::Ambiguous) => deny(&app, asked_by, request.headers()),
        Err(error) => error.into_response(),
    }
}

fn admit(app: &App, asked_by: &str, identity: &Identity) -> Response {
    let now = app.cloakroom.sessions().now();
    let assertion = match app.assertions.sign(&claims(app, asked_by, identity, now)) {
        Ok(assertion) => assertion,
        Err(error) => {
            tracing::error!(error = %Chain(&error), "an identity assertion could not be signed");
            return Problem::unavailable().into_response();
        }
    };
    let mut response = StatusCode::OK.into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let user = &identity.user;
    for (name, value) in [
        ("remote-user", user.name.as_str()),
        ("remote-name", user.display_name.as_str()),
        ("remote-email", user.email.as_deref().unwrap_or_default()),
        ("remote-groups", &user.groups.join(",")),
        ("remote-session", &identity.live.id().to_string()),
        ("x-cloakroom-assertion", &assertion),
    ] {
        headers.insert(HeaderName::from_static(name), header(value));
    }
    response
}

/// Every identity header is always there, empty when unknown, so that a proxy overwrites what a
/// client may have sent. Names for people go out as UTF-8.
fn header(value: &str) -> HeaderValue {
    HeaderValue::from_bytes(value.as_bytes()).unwrap_or(HeaderValue::from_static(""))
}

fn claims<'a>(app: &App, asked_by: &'a str, identity: &'a Identity, now: Timestamp) -> Claims<'a> {
    let (user, record) = (&identity.user, &identity.live.record);
    let issued = now.unix_seconds();
    Claims {
        iss: app.config.server.public_url.to_string(),
        aud: asked_by,
        sub: user.id.as_str(),
        name: &user.name,
        display_name: &user.display_name,
        email: user.email.as_deref(),
        groups: &user.groups,
        sid: record.id.to_string(),
        auth_time: record.authenticated_at.unwrap_or(record.created_at).unix_seconds(),
        iat: issued,
        exp: issued + ASSERTION_SECONDS,
    }
}

/// A person who opens a page is told where to sign in; everything else gets a plain 401.
fn deny(app: &App, asked_by: &config::App, headers: &HeaderMap) -> Response {
    let mut response = Problem::not_logged_in().into_response();
    if opens_page(headers) {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let to = text("x-original-url").and_then(|url| app.returns.accept(url));
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("app", asked_by.id.as_str()), ("to", to.unwrap_or_default())])
            .finish();
        let login = format!("{}{}/login?{query}", asked_by.origin, app.config.server.prefix);
        response.headers_mut().insert(LOCATION, header(&login));
    }
    response
}

fn opens_page(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let reads = matches!(text("x-original-method"), Some("GET" | "HEAD"));
    let navigates = text("sec-fetch-mode").is_none_or(|mode| mode == "navigate");
    let top = text("sec-fetch-dest").is_none_or(|dest| dest == "document");
    reads && navigates && top && text("accept").is_some_and(|accept| accept.contains("text/html"))
}
