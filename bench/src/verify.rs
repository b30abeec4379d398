use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use axum::Router;
use axum::http::{Method, StatusCode};
use tokio::runtime::{Builder, Runtime};

use crate::measure::micros;
use crate::peers::Peer;
use crate::random::Random;
use crate::request::{call, request};

/// Requests one after the other, on this thread.
pub struct Verify<'a> {
    peer: &'a Peer,
    app: Router,
    runtime: Runtime,
    random: Random,
}

impl<'a> Verify<'a> {
    pub fn new(peer: &'a Peer) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_time().build()?;
        Ok(Self { peer, app: peer.app.clone(), runtime, random: Random::new(7) })
    }

    /// What each request took, in microseconds.
    pub fn for_a_while(&mut self, duration: Duration) -> Result<Vec<f64>> {
        let (begun, mut each) = (Instant::now(), Vec::with_capacity(1 << 19));
        while begun.elapsed() < duration {
            for _ in 0..256 {
                let n = self.random.below(self.peer.cookies.len());
                let (status, took) = self.one(n);
                ensure!(status == StatusCode::OK, "a verification was answered {status}");
                each.push(took);
            }
        }
        Ok(each)
    }

    pub fn one(&mut self, n: usize) -> (StatusCode, f64) {
        let request = request(&Method::GET, "/who", Some(&self.peer.cookies[n]));
        let app = &mut self.app;
        self.runtime.block_on(async {
            let begun = Instant::now();
            let status = call(app, request).await.status();
            (status, micros(begun.elapsed()))
        })
    }
}
