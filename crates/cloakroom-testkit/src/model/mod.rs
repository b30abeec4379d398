//! Random acts on a store under test and on [`ReferenceStore`]. Every outcome and
//! everything that can be seen must agree after each act.

mod act;
mod compare;
mod play;
mod versions;

use std::fmt;

use cloakroom_core::SessionStore;

use crate::random::Random;
use crate::reference::ReferenceStore;
use crate::rounds::{rounds, seeds};
use crate::subject::Subject;

use act::Step;
use play::Play;

/// Acts in one round.
const STEPS: usize = 120;

/// Runs rounds of random acts on fresh stores, in a runtime of its own.
///
/// ```
/// # async fn fresh() -> cloakroom_core::MemoryStore { cloakroom_core::MemoryStore::new() }
/// // In a test of its own:
/// cloakroom_testkit::model::run(fresh);
/// ```
///
/// # Panics
/// The store differs from the reference. The message has the seed and the fewest acts found
/// that show the difference.
pub fn run<F, S>(fresh: impl Fn() -> F)
where
    F: Future<Output = S>,
    S: SessionStore,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a test may make a runtime");
    runtime.block_on(async {
        for seed in seeds(rounds(10, 1000)) {
            if let Some(difference) = difference(&fresh, seed).await {
                panic!("{difference}\nreplay it with CLOAKROOM_SEED={seed}");
            }
        }
    });
}

/// One round: what the store does otherwise than the reference, if anything.
pub async fn difference<F, S>(fresh: &impl Fn() -> F, seed: u64) -> Option<Difference>
where
    F: Future<Output = S>,
    S: SessionStore,
{
    let mut random = Random::new(seed);
    let steps: Vec<Step> = (0..STEPS).map(|_| Step::any(&mut random)).collect();
    let what = play(fresh, &steps).await?;
    Some(shrink(fresh, steps, what).await)
}

/// What a store does otherwise than the reference.
pub struct Difference {
    steps: Vec<Step>,
    what: Found,
}

/// A difference, and after how many steps it showed.
struct Found {
    after: usize,
    what: String,
}

async fn play<F, S>(fresh: &impl Fn() -> F, steps: &[Step]) -> Option<Found>
where
    F: Future<Output = S>,
    S: SessionStore,
{
    let mut play = Play::new(Subject::new(ReferenceStore::new()), Subject::new(fresh().await));
    for (index, step) in steps.iter().enumerate() {
        if let Err(what) = play.step(step).await {
            return Some(Found { after: index + 1, what });
        }
    }
    None
}

/// Replays the steps up to the difference, each time without one more that it does not need.
async fn shrink<F, S>(fresh: &impl Fn() -> F, mut steps: Vec<Step>, mut what: Found) -> Difference
where
    F: Future<Output = S>,
    S: SessionStore,
{
    steps.truncate(what.after);
    for index in (0..steps.len()).rev() {
        if index >= steps.len() {
            continue;
        }
        let mut fewer = steps.clone();
        fewer.remove(index);
        if let Some(found) = play(fresh, &fewer).await {
            fewer.truncate(found.after);
            (steps, what) = (fewer, found);
        }
    }
    Difference { steps, what }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "the store differs from the reference after these acts:")?;
        for step in &self.steps {
            writeln!(formatter, "  {step:?}")?;
        }
        formatter.write_str(&self.what.what)
    }
}

impl fmt::Debug for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}
