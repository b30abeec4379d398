use std::rc::Rc;

use anyhow::{Result, ensure};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use http_body_util::BodyExt;

use crate::peers::{Peer, user};
use crate::random::Random;
use crate::request::{call, request};

/// Sessions of a peer that must prove to work before anything is measured.
const CHECKED: usize = 50;

/// What a request does with its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Nothing: the price of having the layer around.
    Untouched,
    /// Reads who is logged in.
    Verify,
    /// Reads who is logged in, for the first time within a minute, which has to be written down.
    VerifyFirst,
    /// Sets one key of the session's data.
    Insert,
    /// Reads one key and writes it changed.
    Update,
}

impl Act {
    pub fn name(self) -> &'static str {
        match self {
            Self::Untouched => "untouched",
            Self::Verify => "verify",
            Self::VerifyFirst => "verify, first in a minute",
            Self::Insert => "insert",
            Self::Update => "update",
        }
    }

    pub fn writes(self) -> bool {
        matches!(self, Self::Insert | Self::Update)
    }

    fn target(self) -> (Method, &'static str) {
        match self {
            Self::Untouched => (Method::GET, "/untouched"),
            Self::Verify | Self::VerifyFirst => (Method::GET, "/who"),
            Self::Insert => (Method::POST, "/insert"),
            Self::Update => (Method::POST, "/update"),
        }
    }
}

/// One row of the table.
pub struct Case {
    pub name: String,
    pub act: Act,
    pub peer: Rc<Peer>,
    /// Whether each request waits for the disk.
    pub waits: bool,
    /// Requests per pass.
    pub requests: usize,
    /// The most that its median may be, as a multiple of bare.
    pub most: Option<f64>,
}

impl Case {
    /// A request of a random session.
    pub fn request(&self, random: &mut Random) -> Request<Body> {
        let (method, path) = self.act.target();
        let cookies = &self.peer.cookies;
        request(&method, path, Some(&cookies[random.below(cookies.len())]))
    }
}

/// Checks that random sessions of a peer answer with their own user, and that changes are kept.
pub async fn check(peer: &Peer, random: &mut Random) -> Result<()> {
    for _ in 0..CHECKED {
        let n = random.below(peer.cookies.len());
        let (status, body) = text(peer, &Method::GET, "/who", n).await?;
        let own = user(n);
        ensure!(status == StatusCode::OK && body == own, "{own} was answered {status} {body:?}");
    }
    let n = random.below(peer.cookies.len());
    text(peer, &Method::POST, "/insert", n).await?;
    for _ in 0..3 {
        text(peer, &Method::POST, "/update", n).await?;
    }
    let (_, count) = text(peer, &Method::GET, "/count", n).await?;
    ensure!(count == "3", "after three updates the count is {count}");
    Ok(())
}

async fn text(peer: &Peer, method: &Method, path: &str, n: usize) -> Result<(StatusCode, String)> {
    let request = request(method, path, Some(&peer.cookies[n]));
    let answer = call(&mut peer.app.clone(), request).await;
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}
