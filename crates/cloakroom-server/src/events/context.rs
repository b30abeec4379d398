//! What is known of the request that an event belongs to: who, when, where (ASVS 5.0 16.2.1).

use axum::extract::{MatchedPath, Request};
use axum::http::HeaderMap;
use axum::http::header::USER_AGENT;
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;
use tracing::field::Empty;

use crate::peer::client_address;

/// Longest user agent in a line, in characters.
const LONGEST_AGENT: usize = 200;

/// Names the request in every line that is logged while it is answered. The address is the one of
/// the route, so that nothing a client put into a path reaches the log; unknown ones are left out.
pub async fn within_request(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let agent = agent(request.headers());
    let address = client_address(request.headers(), request.extensions());
    // An error's span, so that it is there at every level.
    let span = tracing::error_span!(
        "request",
        protocol = "http",
        source_ip = address,
        request_method = request.method().as_str(),
        request_uri = route,
        useragent = agent,
        by = Empty,
    );
    next.run(request).instrument(span).await
}

fn agent(headers: &HeaderMap) -> Option<String> {
    let agent = String::from_utf8_lossy(headers.get(USER_AGENT)?.as_bytes());
    Some(agent.chars().take(LONGEST_AGENT).collect())
}

/// Says who makes the request, once that is known: a user's name, or the id of an API key.
pub fn acting(by: &str) {
    tracing::Span::current().record("by", by);
}

/// Runs what an operator ordered by a command.
pub async fn by_operator<T>(order: impl Future<Output = T>) -> T {
    let by = crate::operator::OPERATOR;
    order.instrument(tracing::error_span!("order", protocol = "socket", by)).await
}
