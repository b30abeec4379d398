use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use super::problem::ApiError;

/// What a path names, decoded. What is no text names nothing.
pub(super) struct Named(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let read = Path::<String>::from_request_parts(parts, state).await;
        read.map(|Path(name)| Self(name)).map_err(|_| ApiError::not_found())
    }
}
