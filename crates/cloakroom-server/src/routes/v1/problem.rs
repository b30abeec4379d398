use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cloakroom::{Chain, IdError, Problem, SessionError, StoreError, UserError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api_keys::Scope;
use crate::users::NameError;

/// An error (RFC 9457). The code is stable; no answer says why a credential failed.
#[derive(Serialize, ToSchema)]
pub(super) struct ProblemDetails {
    /// `urn:cloakroom:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// The meaning of the status.
    title: String,
    /// The HTTP status.
    status: u16,
    /// A stable code in kebab-case.
    code: String,
    /// What happened and what to do, for people.
    detail: String,
    /// The scope that the API key lacks, with `insufficient-scope`.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<Scope>,
    /// The key of session data that had changed, with `data-conflict`.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

/// Why a call was not done.
#[derive(Debug)]
pub(super) struct ApiError(Problem);

impl ApiError {
    pub(super) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self(Problem::new(status, code, detail))
    }

    pub(super) fn with(self, name: &'static str, value: impl Into<serde_json::Value>) -> Self {
        Self(self.0.with(name, value))
    }

    /// A body that has the shape but not the sense.
    pub(super) fn invalid_body(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-body", detail)
    }

    pub(super) fn invalid_query(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid-query", detail)
    }

    /// One code for a key that is missing, unknown or removed.
    pub(super) fn key_required() -> Self {
        let detail = "Send Authorization: Bearer and an API key that is in force; \
                      `cloakroom api-key add` makes one.";
        Self::new(StatusCode::UNAUTHORIZED, "api-key-required", detail)
    }

    pub(super) fn insufficient_scope(scope: Scope) -> Self {
        let detail = format!("This API key lacks the scope {scope}.");
        Self::new(StatusCode::FORBIDDEN, "insufficient-scope", detail).with("scope", scope.as_str())
    }

    pub(super) fn unknown_session() -> Self {
        let detail = "There is no session of this id, or it ended so long ago that the history \
                      no longer has it.";
        Self::new(StatusCode::NOT_FOUND, "unknown-session", detail)
    }

    pub(super) fn session_ended() -> Self {
        let detail = "This session has ended.";
        Self::new(StatusCode::GONE, "session-ended", detail)
    }

    pub(super) fn unknown_user() -> Self {
        let detail = "This server keeps no user of this id.";
        Self::new(StatusCode::NOT_FOUND, "unknown-user", detail)
    }

    pub(super) fn not_found() -> Self {
        let detail = "There is no such call; /v1/openapi.json lists them.";
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    pub(super) fn method_not_allowed() -> Self {
        let detail = "This call has another method; /v1/openapi.json lists them.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail)
    }

    pub(super) fn internal() -> Self {
        let detail = "Something went wrong on the server; its log says what.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal-error", detail)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        tracing::error!(error = %Chain(&error), "{error}");
        match error {
            StoreError::Unknown { .. } => {
                let detail = "Whether this was done is not known. Ends and creations with an \
                              Idempotency-Key can be sent again.";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "outcome-unknown", detail)
            }
            _ => Self(Problem::unavailable()),
        }
    }
}

impl From<SessionError> for ApiError {
    fn from(error: SessionError) -> Self {
        let text = error.to_string();
        match error {
            SessionError::Store(error) => error.into(),
            SessionError::Gone => Self::session_ended(),
            SessionError::Conflict { key } => conflict(&key),
            SessionError::Full => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "too-many-sessions", text)
            }
            SessionError::LimitReached => Self::new(StatusCode::CONFLICT, "session-limit", text),
            SessionError::Superseded => superseded(),
            SessionError::Replaced => {
                Self::new(StatusCode::CONFLICT, "credential-superseded", text)
            }
            SessionError::TooLarge { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "data-too-large", text)
            }
            SessionError::Invalid { .. } => Self::invalid_body(text),
            other => {
                tracing::error!(error = %Chain(&other), "{other}");
                Self::internal()
            }
        }
    }
}

pub(super) fn conflict(key: &str) -> ApiError {
    let detail = format!(
        "Something else changed {key:?} since the version you expect; read it again, or overwrite \
         on purpose."
    );
    ApiError::new(StatusCode::CONFLICT, "data-conflict", detail).with("key", key)
}

pub(super) fn superseded() -> ApiError {
    let detail = "All sessions of this user were ended after the epoch that this login is as of; \
                  check who it is again.";
    ApiError::new(StatusCode::CONFLICT, "epoch-superseded", detail)
}

impl From<UserError> for ApiError {
    fn from(error: UserError) -> Self {
        Self::invalid_body(format!("{error}."))
    }
}

impl From<NameError> for ApiError {
    fn from(error: NameError) -> Self {
        Self::invalid_body(format!("{error}."))
    }
}

impl From<IdError> for ApiError {
    /// What is no id is the id of no session.
    fn from(_error: IdError) -> Self {
        Self::unknown_session()
    }
}
