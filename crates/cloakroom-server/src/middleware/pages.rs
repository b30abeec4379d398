use askama::Template;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use cloakroom::{Chain, Error, SessionError, StoreError};

use crate::app::SharedApp;
use crate::events;
use crate::routes::layout;
use crate::ui::error::{ErrorKind, ErrorPage};

/// Why a page cannot be shown. Drawn by [`draw_errors`], which knows the frame.
#[derive(Debug)]
pub enum PageError {
    /// Show this error page.
    Page(ErrorKind),
    /// Go somewhere else instead.
    Elsewhere(Redirect),
}

impl From<ErrorKind> for PageError {
    fn from(kind: ErrorKind) -> Self {
        Self::Page(kind)
    }
}

impl From<StoreError> for PageError {
    fn from(error: StoreError) -> Self {
        tracing::error!(error = %Chain(&error), "{error}");
        Self::Page(match error {
            StoreError::Unknown { .. } => ErrorKind::OutcomeUnknown,
            _ => ErrorKind::Unavailable,
        })
    }
}

impl From<Error> for PageError {
    fn from(error: Error) -> Self {
        match error {
            Error::Session(SessionError::Store(error)) => error.into(),
            Error::Session(SessionError::Full) => Self::Page(ErrorKind::NoRoom),
            Error::Ambiguous => Self::Page(ErrorKind::TwoSessions),
            Error::NotLoggedIn | Error::Session(SessionError::Gone) => {
                Self::Page(ErrorKind::FormExpired)
            }
            other => {
                tracing::error!(error = %Chain(&other), "{other}");
                Self::Page(ErrorKind::Fault)
            }
        }
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        match self {
            Self::Page(kind) => {
                let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
                response.extensions_mut().insert(kind);
                response
            }
            Self::Elsewhere(redirect) => redirect.into_response(),
        }
    }
}

/// Draws the page for a [`PageError`], and for refusals that the layers below made.
pub async fn draw_errors(State(app): State<SharedApp>, request: Request, next: Next) -> Response {
    let reads = request.method() == Method::GET;
    let asked_for = request.uri().path_and_query().filter(|_| reads).map(ToString::to_string);
    let response = next.run(request).await;
    let kind = response.extensions().get::<ErrorKind>().copied();
    let Some(kind) = kind.or_else(|| of_refusal(&response)) else { return response };
    if kind == ErrorKind::OtherSite {
        events::foreign_site_refused();
    }
    let page = ErrorPage {
        layout: layout(&app),
        kind,
        way_on: way_on(&app, kind, asked_for),
        reference: None,
    };
    let status = StatusCode::from_u16(kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut drawn = (status, Html(page.render().unwrap_or_default())).into_response();
    // The cookie of a logout or login that came before the error still has to reach the client.
    for (name, value) in response.headers() {
        if name != CONTENT_TYPE && name != axum::http::header::CONTENT_LENGTH {
            drawn.headers_mut().append(name, value.clone());
        }
    }
    drawn.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        drawn.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
    }
    drawn
}

/// Where the button of an error page leads; `None` for the account page.
fn way_on(app: &SharedApp, kind: ErrorKind, asked_for: Option<String>) -> Option<String> {
    match kind {
        ErrorKind::AlreadySetUp
        | ErrorKind::CookieDropped
        | ErrorKind::FormExpired
        | ErrorKind::TwoSessions => Some(format!("{}/login", app.config.server.prefix)),
        ErrorKind::Unavailable | ErrorKind::Fault => asked_for,
        _ => None,
    }
}

/// Refusals by the layers below. A handler's own page with such a status, a form with its mistakes,
/// is HTML and stays.
fn of_refusal(response: &Response) -> Option<ErrorKind> {
    let content = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let is_plain = content.is_none_or(|content| content.starts_with(b"text/plain"));
    match response.status() {
        StatusCode::FORBIDDEN if content == Some(b"application/problem+json") => {
            Some(ErrorKind::OtherSite)
        }
        StatusCode::BAD_REQUEST
        | StatusCode::UNPROCESSABLE_ENTITY
        | StatusCode::UNSUPPORTED_MEDIA_TYPE
        | StatusCode::PAYLOAD_TOO_LARGE
            if is_plain =>
        {
            Some(ErrorKind::BadForm)
        }
        StatusCode::REQUEST_TIMEOUT if is_plain => Some(ErrorKind::TooSlow),
        StatusCode::NOT_FOUND if content.is_none() => Some(ErrorKind::NotFound),
        _ => None,
    }
}
