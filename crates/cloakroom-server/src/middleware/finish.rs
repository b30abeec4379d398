use axum::extract::Request;
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use cloakroom::Chain;
use tracing::Instrument;

use crate::middleware::PageError;
use crate::ui::error::ErrorKind;

/// Runs what changes something to its end in a task of its own (law 9): who signs out and closes
/// the window is signed out, and no act of several steps stays half done.
///
/// Stands around the reading of the form: whoever sent all of it and hung up has still asked.
pub async fn finish(request: Request, next: Next) -> Response {
    if *request.method() != Method::POST {
        return next.run(request).await;
    }
    match tokio::spawn(next.run(request).in_current_span()).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(error = %Chain(&error), "a request ended early");
            PageError::from(ErrorKind::Fault).into_response()
        }
    }
}
