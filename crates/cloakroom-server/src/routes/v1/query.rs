use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use super::problem::ApiError;

/// Rows on a page unless the caller says otherwise.
const USUAL_LIMIT: u32 = 50;
/// Most rows on a page.
pub(super) const MOST_ROWS: u32 = 200;

/// Longest text to look for.
const MOST_CHARACTERS: usize = 128;

/// The query of a call, without unknown parameters.
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let read = Query::<T>::from_request_parts(parts, state).await;
        read.map(|Query(query)| Self(query))
            .map_err(|refusal| ApiError::invalid_query(format!("{}.", refusal.body_text())))
    }
}

/// Which part of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Paging {
    /// Most rows: 1 to 200, 50 unless given.
    #[param(minimum = 1, maximum = 200)]
    pub(super) limit: Option<u32>,
    /// `next` of the page before.
    #[param(max_length = 128)]
    pub(super) after: Option<String>,
}

/// The number of rows asked for.
pub(super) fn rows(limit: Option<u32>) -> Result<u32, ApiError> {
    match limit {
        None => Ok(USUAL_LIMIT),
        Some(limit) if (1..=MOST_ROWS).contains(&limit) => Ok(limit),
        Some(_) => Err(ApiError::invalid_query(format!("limit must be 1 to {MOST_ROWS}."))),
    }
}

/// A position in a list.
pub(super) fn position<T: std::str::FromStr>(after: Option<&str>) -> Result<Option<T>, ApiError> {
    let read = after.map(str::parse).transpose();
    read.map_err(|_| ApiError::invalid_query("after must be `next` of the page before."))
}

/// Refuses a text that is longer than any that could be found.
pub(super) fn short(what: &str, text: Option<&str>) -> Result<(), ApiError> {
    if text.is_none_or(|text| text.chars().count() <= MOST_CHARACTERS) {
        return Ok(());
    }
    Err(ApiError::invalid_query(format!("{what} has at most {MOST_CHARACTERS} characters.")))
}
