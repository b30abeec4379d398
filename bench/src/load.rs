use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use cloakroom_testkit::servers::http::{Address, Connection};

use crate::measure::micros;
use crate::random::Random;

/// Requests one after the other on one connection, from this thread.
pub struct Load {
    connection: Connection,
    /// A random one of them at a time; each must be answered 200.
    requests: Vec<Vec<u8>>,
    random: Random,
}

impl Load {
    pub fn new(address: &Address, requests: Vec<Vec<u8>>) -> Result<Self> {
        Ok(Self { connection: Connection::open(address)?, requests, random: Random::new(3) })
    }

    /// What it took from the request's first byte to the answer's last, in microseconds.
    pub fn one(&mut self) -> Result<f64> {
        let request = &self.requests[self.random.below(self.requests.len())];
        let begun = Instant::now();
        self.connection.write(request)?;
        let answer = self.connection.read_response("GET")?;
        let took = micros(begun.elapsed());
        ensure!(answer.status == 200, "a request was answered {}", answer.status);
        Ok(took)
    }

    pub fn for_a_while(&mut self, duration: Duration) -> Result<Vec<f64>> {
        let begun = Instant::now();
        self.run_while(|| begun.elapsed() < duration)
    }

    pub fn run_while(&mut self, go_on: impl Fn() -> bool) -> Result<Vec<f64>> {
        let mut each = Vec::new();
        while go_on() {
            each.push(self.one()?);
        }
        Ok(each)
    }
}
