use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use cloakroom::Problem;

use crate::ui::error::ErrorKind;

/// Longest address, in bytes; nginx takes as much unless told otherwise.
const MOST_OF_ADDRESS: usize = 8 * 1024;
/// Longest head, names and values together, in bytes: what nginx takes unless told otherwise, so
/// that strangers' cookies that passed it keep nobody out here.
const MOST_BYTES: usize = 32 * 1024;

/// Refuses what is larger than any browser with a reasonable number of cookies sends.
pub async fn bounded_head(request: Request, next: Next) -> Response {
    let address = request.uri().to_string().len();
    let headers = request.headers().iter();
    let bytes = headers.map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>();
    if address > MOST_OF_ADDRESS {
        refusal(
            ErrorKind::AddressTooLong,
            Problem::new(
                StatusCode::URI_TOO_LONG,
                "address-too-long",
                format!("Addresses have at most {MOST_OF_ADDRESS} bytes."),
            ),
        )
    } else if address + bytes > MOST_BYTES {
        refusal(
            ErrorKind::TooMuchSent,
            Problem::new(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "head-too-large",
                format!("Headers have at most {MOST_BYTES} bytes; send fewer cookies."),
            ),
        )
    } else {
        next.run(request).await
    }
}

/// A problem for programs, which `draw_errors` makes a page.
pub(super) fn refusal(kind: ErrorKind, problem: Problem) -> Response {
    let mut response = problem.into_response();
    response.extensions_mut().insert(kind);
    response
}
