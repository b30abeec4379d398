use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};

/// An error body for programs (RFC 9457). The code is stable; the text never says why a
/// credential failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// A stable code in kebab-case.
    pub code: &'static str,
    /// What happened and what to do, for people.
    pub detail: String,
    /// Further members, for programs (RFC 9457 section 3.2).
    pub members: Vec<(&'static str, serde_json::Value)>,
}

impl Problem {
    /// A problem.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), members: Vec::new() }
    }

    /// Adds a further member.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<serde_json::Value>) -> Self {
        self.members.push((name, value.into()));
        self
    }

    /// The answer to a request that needs a login and has none.
    pub fn not_logged_in() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "not-logged-in", "Log in and send the request again.")
    }

    /// The answer when the store failed: nothing is known about the session, so nothing is said.
    pub fn unavailable() -> Self {
        let detail =
            "Sessions cannot be checked right now. Try again in a moment; you stay logged in.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "sessions-unavailable", detail)
    }

    /// As an HTTP answer with any body that can be made from text.
    pub fn into_http<B: From<String>>(self) -> Response<B> {
        let mut body = serde_json::json!({
            "type": format!("urn:cloakroom:problem:{}", self.code),
            "title": self.status.canonical_reason(),
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        });
        for (name, value) in self.members {
            body[name] = value;
        }
        let mut response = Response::new(B::from(body.to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 9110 section 11.6.1; browsers ask nothing of the user for this scheme.
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("2"));
        }
        response
    }
}

#[cfg(feature = "axum")]
impl axum::response::IntoResponse for Problem {
    fn into_response(self) -> axum::response::Response {
        self.into_http()
    }
}
