use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use cloakroom::Problem;
use tokio::time::timeout;

use super::head::refusal;
use crate::app::SharedApp;
use crate::ui::error::ErrorKind;

/// How long the server may take over a request that has arrived. All that is waited for inside
/// has shorter limits of its own.
const LONGEST: Duration = Duration::from_secs(30);

/// Answers 503 when a request takes too long. What changes something runs on to its end
/// (law 9), so its outcome is not known.
pub async fn in_time(State(app): State<SharedApp>, request: Request, next: Next) -> Response {
    answer_within(LONGEST + app.config.limits.body_timeout, request, next).await
}

async fn answer_within(longest: Duration, request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    match timeout(longest, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            tracing::error!(%method, path, "a request took longer than {longest:?}");
            let kind = match method {
                Method::POST => ErrorKind::OutcomeUnknown,
                _ => ErrorKind::Unavailable,
            };
            let detail = "The answer took too long. Look before you try again.";
            refusal(kind, Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too-slow", detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn;
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_request_that_takes_too_long_is_answered_that_its_outcome_is_unknown() {
        let stuck = get(std::future::pending::<()>).post(std::future::pending::<()>);
        let routes: Router = Router::new()
            .route("/", stuck)
            .layer(from_fn(|request, next| answer_within(LONGEST, request, next)));
        for (method, kind) in [("GET", ErrorKind::Unavailable), ("POST", ErrorKind::OutcomeUnknown)]
        {
            let request = Request::builder().method(method).body(Body::empty()).unwrap();
            let answer = routes.clone().oneshot(request).await.unwrap();
            assert_eq!(answer.status(), 503);
            assert_eq!(answer.extensions().get::<ErrorKind>(), Some(&kind));
        }
    }
}
