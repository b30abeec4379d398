use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};

use crate::case::{Act, Case};
use crate::random::Random;
use crate::request::call;

/// Requests built at once: few enough that they stay in the processor's cache, as those of a
/// server do.
const BUILT: usize = 256;

/// What the rounds of one case came to.
#[derive(Debug, Default)]
pub struct Rounds {
    ratios: Vec<f64>,
    micros: Vec<f64>,
    bare_micros: Vec<f64>,
    p99_micros: Vec<f64>,
    /// Microseconds per session to write down what was noted, for cases that note something.
    flush_micros: Vec<f64>,
}

impl Rounds {
    pub fn best(&self) -> f64 {
        least(&self.micros)
    }

    pub fn bare(&self) -> f64 {
        least(&self.bare_micros)
    }

    /// The median of the paired ratios.
    pub fn ratio(&self) -> f64 {
        quantile(&self.ratios, 0.5)
    }

    /// The lower and the upper quartile of the paired ratios.
    pub fn spread(&self) -> (f64, f64) {
        (quantile(&self.ratios, 0.25), quantile(&self.ratios, 0.75))
    }

    pub fn p99(&self) -> f64 {
        quantile(&self.p99_micros, 0.5)
    }

    pub fn flush(&self) -> Option<f64> {
        (!self.flush_micros.is_empty()).then(|| least(&self.flush_micros))
    }
}

/// One round: the bare application, then the case, the same number of requests; then once more
/// the case with a clock around each request.
pub async fn round(
    case: &Case,
    floor: &mut Router,
    random: &mut Random,
    rounds: &mut Rounds,
) -> Result<()> {
    let mut app = case.peer.app.clone();
    if case.act == Act::VerifyFirst {
        return first_in_a_minute(case, floor, &mut app, random, rounds).await;
    }
    let bare = pass(case, floor, random).await?;
    let whole = pass(case, &mut app, random).await?;
    rounds.add(case, bare, whole);
    rounds.p99_micros.push(p99(case, &mut app, random).await?);
    Ok(())
}

/// A minute goes by before each pass; what it noted is written after it.
async fn first_in_a_minute(
    case: &Case,
    floor: &mut Router,
    app: &mut Router,
    random: &mut Random,
    rounds: &mut Rounds,
) -> Result<()> {
    let inside = case.peer.inside.as_ref().expect("only Cloakroom's clock can be moved");
    let bare = pass(case, floor, random).await?;
    inside.clock.skip(Duration::from_secs(61));
    let whole = pass(case, app, random).await?;
    rounds.add(case, bare, whole);
    let begun = Instant::now();
    let written = inside.sessions.flush().await?;
    ensure!(written > 0, "{}: nothing was noted", case.name);
    rounds.flush_micros.push(micros(begun.elapsed()) / written as f64);
    inside.clock.skip(Duration::from_secs(61));
    rounds.p99_micros.push(p99(case, app, random).await?);
    inside.sessions.flush().await?;
    Ok(())
}

impl Rounds {
    fn add(&mut self, case: &Case, bare: Duration, whole: Duration) {
        self.ratios.push(whole.as_secs_f64() / bare.as_secs_f64());
        self.micros.push(micros(whole) / case.requests as f64);
        self.bare_micros.push(micros(bare) / case.requests as f64);
    }
}

/// The time that `case.requests` requests take, building them not counted.
///
/// Where nothing waits for a disk it is told by the median batch, so that other programs which
/// take the processor away for a while do not count.
async fn pass(case: &Case, app: &mut Router, random: &mut Random) -> Result<Duration> {
    let (mut batches, mut left, mut failed) = (Vec::new(), case.requests, 0);
    while left > 0 {
        let requests = build(case, random, left.min(BUILT));
        let count = requests.len();
        left -= count;
        let begun = Instant::now();
        for request in requests {
            failed += usize::from(call(app, request).await.status() != StatusCode::OK);
        }
        batches.push(begun.elapsed().as_secs_f64() / count as f64);
    }
    ensure!(failed == 0, "{}: {failed} requests failed", case.name);
    let each = if case.waits { mean(&batches) } else { quantile(&batches, 0.5) };
    Ok(Duration::from_secs_f64(each * case.requests as f64))
}

async fn p99(case: &Case, app: &mut Router, random: &mut Random) -> Result<f64> {
    let mut each = Vec::with_capacity(case.requests);
    while each.len() < case.requests {
        let requests = build(case, random, BUILT.min(case.requests - each.len()));
        let mut before = Instant::now();
        for request in requests {
            drop(call(app, request).await);
            let after = Instant::now();
            each.push(micros(after - before));
            before = after;
        }
    }
    Ok(quantile(&each, 0.99))
}

fn build(case: &Case, random: &mut Random, count: usize) -> Vec<Request<Body>> {
    (0..count).map(|_| case.request(random)).collect()
}

pub fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

pub fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * part).round() as usize]
}
