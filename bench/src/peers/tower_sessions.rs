use anyhow::{Context, Result};
use axum::Router;
use axum::extract::Path;
use axum::http::header::SET_COOKIE;
use axum::routing::{get, post};
use tower_sessions::session::Error;
use tower_sessions::{MemoryStore, Session, SessionManagerLayer};

use super::{Peer, user};
use crate::request::{call, post_form};

/// tower-sessions with its memory store and its defaults.
pub async fn tower_sessions(sessions: usize) -> Result<Peer> {
    let mut app = Router::new()
        .route("/login/{n}", post(log_in))
        .route("/untouched", get(untouched))
        .route("/who", get(who))
        .route("/count", get(count))
        .route("/insert", post(insert))
        .route("/update", post(update))
        .layer(SessionManagerLayer::new(MemoryStore::default()));
    let mut cookies = Vec::with_capacity(sessions);
    for n in 0..sessions {
        let answer = call(&mut app, post_form(&format!("/login/{n}"))).await;
        let set = answer.headers().get(SET_COOKIE).context("tower-sessions set no cookie")?;
        let cookie = set.to_str()?.split(';').next().unwrap_or_default();
        cookies.push(cookie.to_owned());
    }
    Ok(Peer { app, cookies, inside: None })
}

async fn log_in(session: Session, Path(n): Path<usize>) -> Result<&'static str, Failed> {
    session.insert("user", user(n)).await?;
    Ok("welcome")
}

async fn untouched() -> &'static str {
    "user-12345"
}

async fn who(session: Session) -> Result<String, Failed> {
    Ok(session.get("user").await?.unwrap_or_default())
}

async fn count(session: Session) -> Result<String, Failed> {
    let count: u64 = session.get("n").await?.unwrap_or(0);
    Ok(count.to_string())
}

async fn insert(session: Session) -> Result<&'static str, Failed> {
    session.insert("n", 0).await?;
    Ok("user-12345")
}

/// It has no compare-and-set: this is what its users write, and it loses updates.
async fn update(session: Session) -> Result<&'static str, Failed> {
    let n: u64 = session.get("n").await?.unwrap_or(0);
    session.insert("n", n + 1).await?;
    Ok("user-12345")
}

struct Failed(Error);

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl axum::response::IntoResponse for Failed {
    fn into_response(self) -> axum::response::Response {
        (axum::http::StatusCode::INTERNAL_SERVER_ERROR, self.0.to_string()).into_response()
    }
}
