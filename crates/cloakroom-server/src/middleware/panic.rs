use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use cloakroom::Problem;

use super::head::refusal;
use crate::ui::error::ErrorKind;

/// Answers 500 when the code that handles a request panics, and goes on with the next one
/// (ASVS 5.0 16.5.4). The panic itself is logged where it happens.
pub async fn survive(request: Request, next: Next) -> Response {
    let mut answer = pin!(next.run(request));
    poll_fn(|cx| {
        // Nothing of a request that panicked is looked at again.
        match catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(cx))) {
            Ok(polled) => polled,
            Err(_) => Poll::Ready(fault()),
        }
    })
    .await
}

fn fault() -> Response {
    let detail = "Something went wrong on our side. You have not been signed out.";
    refusal(ErrorKind::Fault, Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "fault", detail))
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn;
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn a_handler_that_panics_is_500_and_the_next_request_is_answered() {
        let broken = || async {
            tokio::task::yield_now().await;
            if std::hint::black_box(true) {
                panic!("a test of panics");
            }
        };
        let routes: Router = Router::new()
            .route("/broken", get(broken))
            .route("/", get(|| async { "well" }))
            .layer(from_fn(survive));
        for (path, status) in [("/broken", 500), ("/", 200), ("/broken", 500)] {
            let request = Request::builder().uri(path).body(Body::empty()).unwrap();
            let answer = routes.clone().oneshot(request).await.unwrap();
            assert_eq!(answer.status(), status, "{path}");
        }
    }
}
