//! What sessions cost per request: each case beside a bare axum handler, in one process, on one
//! core.

use std::rc::Rc;

use anyhow::Result;

use crate::case::{Act, Case};
use crate::cores;
use crate::crowd;
use crate::disk::{Scratch, durable_appends};
use crate::measure::{Rounds, round};
use crate::options::Options;
use crate::random::Random;
use crate::{contest, peers, table};

/// Rounds that move the clock on; more would make credentials due for renewal.
const MOST_MINUTES: usize = 15;

pub fn run(options: &Options) -> Result<()> {
    let core = cores::last()?;
    cores::pin(core)?;
    println!("{}", table::head(options, core));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(measure(options))
}

async fn measure(options: &Options) -> Result<()> {
    let scratch = Scratch::new(&options.data)?;
    let mut random = Random::new(0x5EED);
    let cases = contest::cases(options, &scratch, &mut random).await?;
    measure_paired(options, &cases, &mut random).await?;
    measure_crowds(options, &scratch, &cases).await
}

/// All cases by turns, round after round; those that move the clock come after all others.
async fn measure_paired(options: &Options, cases: &[Rc<Case>], random: &mut Random) -> Result<()> {
    let (moving, standing): (Vec<_>, Vec<_>) =
        cases.iter().partition(|case| case.act == Act::VerifyFirst);
    println!("{}", table::paired_head());
    let mut verdicts = Vec::new();
    for (cases, rounds) in [(standing, options.rounds), (moving, options.rounds.min(MOST_MINUTES))]
    {
        for (case, rounds) in cases.iter().zip(by_turns(&cases, rounds, random).await?) {
            println!("{}", table::paired(case, &rounds));
            verdicts.extend(table::verdict(case, &rounds));
        }
    }
    println!("\n{}", verdicts.join("\n"));
    Ok(())
}

async fn by_turns(cases: &[&Rc<Case>], rounds: usize, random: &mut Random) -> Result<Vec<Rounds>> {
    let mut floor = peers::bare();
    let mut measured: Vec<Rounds> = cases.iter().map(|_| Rounds::default()).collect();
    for case in cases {
        // To warm up, not kept.
        round(case, &mut floor, random, &mut Rounds::default()).await?;
    }
    for _ in 0..rounds {
        for (case, rounds) in cases.iter().zip(&mut measured) {
            round(case, &mut floor, random, rounds).await?;
        }
    }
    Ok(measured)
}

async fn measure_crowds(options: &Options, scratch: &Scratch, cases: &[Rc<Case>]) -> Result<()> {
    let durable = |case: &&Rc<Case>| {
        let inside = case.peer.inside.as_ref();
        case.act.writes() && inside.is_some_and(|inside| inside.store.is_some())
    };
    let durable: Vec<_> = cases.iter().filter(durable).collect();
    if durable.is_empty() {
        return Ok(());
    }
    let (each, appends) = if options.smoke { (4, 20) } else { (400, 1_000) };
    println!("{}", table::crowd_head(&durable_appends(scratch.path(), appends)?));
    for case in durable {
        let bare = crowd::crowd(case, &peers::bare(), each).await?;
        let whole = crowd::crowd(case, &case.peer.app, each).await?;
        println!("{}", table::crowd(&case.name, &bare, &whole));
    }
    Ok(())
}
