use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::routing::{get, post};
use cloakroom::sqlite::SqliteStore;
use cloakroom::{
    ClientInfo, Cloakroom, CurrentUser, Error, Issued, MemoryStore, Policy, SecretKey, Session,
    SessionStore, User,
};
use tokio::task::JoinSet;

use super::{Inside, Peer, user};
use crate::clock::SlowClock;

/// Logins that wait together, so that those in a database share commits.
const TOGETHER: usize = 512;

/// Cloakroom with sessions in memory.
pub async fn memory(sessions: usize) -> Result<Peer> {
    within(Arc::new(MemoryStore::new()), None, Policy::default(), sessions).await
}

/// Cloakroom with sessions in an SQLite file: WAL, full durability, no cache.
pub async fn sqlite(directory: &Path, sessions: usize) -> Result<Peer> {
    let store = SqliteStore::open(directory.join("sessions.db"))?;
    within(Arc::new(store.clone()), Some(store), Policy::default(), sessions).await
}

/// Cloakroom with sessions in `place`, which is or contains `store`.
pub async fn within(
    place: Arc<dyn SessionStore>,
    store: Option<SqliteStore>,
    policy: Policy,
    sessions: usize,
) -> Result<Peer> {
    let clock = Arc::new(SlowClock::new());
    let cloakroom = Cloakroom::store(place)
        .key(SecretKey::from_bytes([7; 32]))
        .clock(clock.clone())
        .policy(policy)
        .open()
        .await?;
    let cookies = log_in(&cloakroom, sessions).await?;
    let inside = Inside { sessions: cloakroom.sessions().clone(), clock, store };
    Ok(Peer { app: app(&cloakroom), cookies, inside: Some(inside) })
}

fn app(cloakroom: &Cloakroom) -> Router {
    Router::new()
        .route("/untouched", get(untouched))
        .route("/who", get(who))
        .route("/count", get(count))
        .route("/insert", post(insert))
        .route("/update", post(update))
        .layer(cloakroom.layer())
}

async fn untouched() -> &'static str {
    "user-12345"
}

async fn who(user: CurrentUser) -> String {
    user.id.into()
}

async fn count(session: Session) -> Result<String, Error> {
    let count: u64 = session.get("n").await?.unwrap_or(0);
    Ok(count.to_string())
}

async fn insert(session: Session) -> Result<&'static str, Error> {
    session.insert("n", 0).await?;
    Ok("user-12345")
}

async fn update(session: Session) -> Result<&'static str, Error> {
    session.update("n", |n: Option<u64>| n.unwrap_or(0) + 1).await?;
    Ok("user-12345")
}

async fn log_in(cloakroom: &Cloakroom, sessions: usize) -> Result<Vec<String>> {
    let name = cloakroom.cookie().name();
    let mut cookies = vec![String::new(); sessions];
    let mut next = 0;
    while next < sessions {
        let mut logins = JoinSet::new();
        for n in next..sessions.min(next + TOGETHER) {
            logins.spawn(one(cloakroom.clone(), n));
        }
        next += logins.len();
        while let Some(login) = logins.join_next().await {
            let (n, issued) = login??;
            cookies[n] = format!("{name}={}", issued.token.reveal());
        }
    }
    Ok(cookies)
}

async fn one(cloakroom: Cloakroom, n: usize) -> Result<(usize, Issued)> {
    let client = ClientInfo {
        address: Some("192.0.2.17".to_owned()),
        user_agent: Some(crate::request::USER_AGENT.to_owned()),
    };
    let issued = cloakroom.sessions().log_in(User::new(user(n))?, client, None).await;
    Ok((n, issued.context("a login failed")?))
}
