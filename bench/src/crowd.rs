use std::rc::Rc;
use std::time::Instant;

use anyhow::{Result, ensure};
use axum::Router;
use axum::http::StatusCode;
use rustix::time::{ClockId, clock_gettime};
use tokio::task::LocalSet;

use crate::case::Case;
use crate::measure::micros;
use crate::random::Random;
use crate::request::call;

/// Clients that each wait for their answer before they send the next request.
const CLIENTS: usize = 64;

/// What a crowd of clients cost per request, in microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    pub wall: f64,
    /// Processor time of the whole process, the writer's thread included.
    pub cpu: f64,
    /// Writes that shared one commit, on average.
    pub together: f64,
}

/// 64 clients at once, `each` requests one after the other from every one.
pub async fn crowd(case: &Rc<Case>, app: &Router, each: usize) -> Result<Crowd> {
    let store = case.peer.inside.as_ref().and_then(|inside| inside.store.as_ref());
    let activity = || store.map(|store| store.database().activity()).unwrap_or_default();
    let clients = LocalSet::new();
    let (before, cpu, begun) = (activity(), cpu_micros(), Instant::now());
    let running: Vec<_> = (0..CLIENTS)
        .map(|n| clients.spawn_local(client(Rc::clone(case), app.clone(), n, each)))
        .collect();
    clients.await;
    let (wall, cpu) = (micros(begun.elapsed()), cpu_micros() - cpu);
    for client in running {
        ensure!(client.await? == 0, "{}: requests of a crowd failed", case.name);
    }
    let (after, requests) = (activity(), (CLIENTS * each) as f64);
    let together = (after.writes - before.writes) as f64
        / (after.transactions - before.transactions).max(1) as f64;
    Ok(Crowd { wall: wall / requests, cpu: cpu / requests, together })
}

/// Returns how many of its requests failed.
async fn client(case: Rc<Case>, mut app: Router, n: usize, each: usize) -> usize {
    let mut random = Random::new(n as u64 * 0x9E37_79B9_7F4A_7C15 + 1);
    let mut failed = 0;
    for _ in 0..each {
        let request = case.request(&mut random);
        failed += usize::from(call(&mut app, request).await.status() != StatusCode::OK);
    }
    failed
}

fn cpu_micros() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}
