use axum::Router;
use axum::routing::{get, post};

use super::Peer;

/// The floor: the same routes and answers of about the same length, no session.
pub fn bare() -> Router {
    Router::new()
        .route("/untouched", get(answer))
        .route("/who", get(answer))
        .route("/count", get(answer))
        .route("/insert", post(answer))
        .route("/update", post(answer))
}

async fn answer() -> &'static str {
    "user-12345"
}

/// The floor as a case of its own, which shows how far the measurement itself can be trusted.
pub fn bare_peer() -> Peer {
    let cookie = format!("__Host-session={}", "x".repeat(88));
    Peer { app: bare(), cookies: vec![cookie], inside: None }
}
