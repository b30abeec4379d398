use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::middleware::Next;
use axum::response::Response;

use crate::app::SharedApp;
use crate::config::Scheme;

/// No inline script or style, nothing from elsewhere, no framing (ASVS 5.0 3.4.3, 3.4.6).
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
                      img-src 'self' data:; connect-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// Adds the headers that tell browsers what pages may do (ASVS 5.0 chapter 3.4).
pub async fn secure(State(app): State<SharedApp>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY.as_str(), policy(&app)),
        (REFERRER_POLICY.as_str(), HeaderValue::from_static("same-origin")),
        (X_CONTENT_TYPE_OPTIONS.as_str(), HeaderValue::from_static("nosniff")),
        (X_FRAME_OPTIONS.as_str(), HeaderValue::from_static("DENY")),
        ("cross-origin-opener-policy", HeaderValue::from_static("same-origin")),
        ("cross-origin-resource-policy", HeaderValue::from_static("same-origin")),
    ] {
        headers.insert(axum::http::HeaderName::from_static(name), value);
    }
    // Pages without a session too: a form with what somebody typed is nobody else's business.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if app.config.server.public_url.scheme() == Scheme::Https {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(STRICT_TRANSPORT_SECURITY, year);
    }
    response
}

/// A form's redirect is checked against `form-action` too, and a sign-in leads to an application.
fn policy(app: &SharedApp) -> HeaderValue {
    let origins: Vec<String> = app.config.apps.values().map(|app| app.origin.to_string()).collect();
    if origins.is_empty() {
        return HeaderValue::from_static(POLICY);
    }
    let actions = format!("form-action 'self' {}", origins.join(" "));
    let policy = POLICY.replace("form-action 'self'", &actions);
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static(POLICY))
}
