use cloakroom_core::{Chain, SessionError, StoreError, UserError};
use http::StatusCode;

use crate::Problem;

/// Why a call on a [`Session`](crate::Session) failed. As a response it is a problem document
/// (RFC 9457) with the status named here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The request carries credentials of several live sessions (400).
    #[error("the request carries credentials of several sessions; log in again")]
    Ambiguous,
    /// The headers of the response are gone, so no credential can be given to the client (500).
    #[error("the response has begun, so a new credential can no longer reach the client")]
    HeadersSent,
    /// No session layer is around this handler (500).
    #[error("no session layer: add .layer(cloakroom.layer()) around this route")]
    NoLayer,
    /// The act needs a logged-in user (401).
    #[error("nobody is logged in")]
    NotLoggedIn,
    /// A credential would change on GET, HEAD or OPTIONS (500).
    #[error(
        "logins, logouts and rotations need a POST; for the callback of an identity provider \
         allow them on GET by name"
    )]
    SafeMethod,
    /// The session refused or failed.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The user id, name or a group is not allowed (400): often it was typed into a form.
    #[error(transparent)]
    User(#[from] UserError),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Session(error.into())
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        let text = || error.to_string();
        match error {
            Error::Ambiguous => Self::new(StatusCode::BAD_REQUEST, "ambiguous-credentials", text()),
            Error::NotLoggedIn => Self::not_logged_in(),
            Error::User(_) => Self::new(StatusCode::BAD_REQUEST, "invalid-user", text()),
            Error::Session(inner) => of_session(inner),
            _ => internal(),
        }
    }
}

fn of_session(error: &SessionError) -> Problem {
    let text = || error.to_string();
    match error {
        SessionError::Conflict { .. } => Problem::new(StatusCode::CONFLICT, "conflict", text()),
        SessionError::Full => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too-many-sessions", text())
        }
        SessionError::Gone => Problem::new(StatusCode::UNAUTHORIZED, "session-ended", text()),
        SessionError::Replaced => {
            Problem::new(StatusCode::CONFLICT, "credential-superseded", text())
        }
        SessionError::LimitReached => Problem::new(StatusCode::CONFLICT, "session-limit", text()),
        SessionError::Store(_) => Problem::unavailable(),
        SessionError::Superseded => {
            Problem::new(StatusCode::UNAUTHORIZED, "login-superseded", text())
        }
        SessionError::TooLarge { .. } => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "session-data-too-large", text())
        }
        _ => internal(),
    }
}

fn internal() -> Problem {
    let detail = "Something went wrong on the server; its log says what.";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal-error", detail)
}

#[cfg(feature = "axum")]
impl axum::response::IntoResponse for Error {
    fn into_response(self) -> axum::response::Response {
        let problem = Problem::from(&self);
        if problem.status.is_server_error() {
            tracing::error!(error = %Chain(&self), "a request failed: {self}");
        }
        problem.into_http()
    }
}
