use axum::extract::{Path, Query};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::middleware::PageError;
use crate::ui::assets::{CACHE_PLAIN, CACHE_VERSIONED, asset};
use crate::ui::error::ErrorKind;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Version {
    v: String,
}

pub(super) async fn show(
    Path(name): Path<String>,
    Query(asked): Query<Version>,
) -> Result<Response, PageError> {
    let asset = asset(&name).ok_or(ErrorKind::NotFound)?;
    let caching = if asked.v == asset.version { CACHE_VERSIONED } else { CACHE_PLAIN };
    let headers = [
        (CONTENT_TYPE, asset.content_type.to_owned()),
        (CACHE_CONTROL, caching.to_owned()),
        (ETAG, format!("\"{}\"", asset.version)),
    ];
    Ok((headers, asset.body).into_response())
}
