//! The end of everyone: every bucket gets a higher epoch, which makes all its sessions dead at
//! once; then they are moved into the history, in steps.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_core::{Bucket, End, Ended, SessionId, Timestamp};
use futures_util::future::join_all;
use tracing::warn;

use crate::calls::{Arguments, Calls};
use crate::connection::Fault;
use crate::history::Why;
use crate::keys::Part;
use crate::places;
use crate::record::Strange;
use crate::reply::{Parts, ids, number, number_or_zero};
use crate::script::{BURY_DOOMED, DOOM, RAISE};

/// Sessions of one script.
const MOST_TOGETHER: u32 = 200;

/// How long the answer waits for the history. It goes on behind the answer.
const WAIT_FOR_HISTORY: Duration = Duration::from_millis(800);

const MOST_TRIES: u32 = 5;

pub(super) async fn end(calls: &Arc<Calls>, end: &End) -> Result<Ended, Fault> {
    let mut target = raise(calls, 1).await?;
    let why = Why::text(end.reason, end.by.as_deref());
    let latest = latest(calls).await?;
    let (mut count, mut has_begun) = (0, false);
    for _ in 0..MOST_TRIES {
        let order = Order { target, why: &why, latest, now: end.now };
        let dooms = join_all(Bucket::all().map(|bucket| doom(calls, bucket, &order)));
        let (mut behind, mut failed) = (None, None);
        for doomed in dooms.await {
            match doomed {
                Ok(Doomed::Done(live)) => {
                    count += live;
                    has_begun = true;
                }
                Ok(Doomed::Behind(epoch)) => behind = behind.max(Some(epoch)),
                Err(fault) => failed = Some(fault),
            }
        }
        if let Some(fault) = failed {
            return Err(if has_begun { fault.half_done() } else { fault });
        }
        let Some(epoch) = behind else {
            bury_all(calls, end.now).await;
            return Ok(Ended { count, epoch: 0 });
        };
        // The counter was set back, or another end of everyone was faster in some bucket.
        target = raise(calls, epoch.saturating_sub(target) + 1).await.map_err(Fault::half_done)?;
    }
    Err(Fault::lost("others end everyone at the same time again and again"))
}

async fn raise(calls: &Calls, by: u64) -> Result<u64, Fault> {
    let mut arguments = Arguments::default();
    arguments.number(by);
    Ok(number(calls.run(&RAISE, &[calls.keys.everyone()], &arguments).await?)?)
}

enum Doomed {
    /// So many live sessions ended.
    Done(u64),
    /// The bucket has this epoch already.
    Behind(u64),
}

/// What every bucket is told.
struct Order<'a> {
    target: u64,
    why: &'a str,
    /// When the last credential of any bucket dies.
    latest: u64,
    now: Timestamp,
}

async fn doom(calls: &Calls, bucket: Bucket, order: &Order<'_>) -> Result<Doomed, Fault> {
    let mut arguments = Arguments::default();
    arguments.number(order.target).push(order.why).number(order.latest);
    let mut parts = Parts::of(calls.run_in(&DOOM, bucket, order.now, &[], arguments).await?)?;
    match parts.word()?.as_str() {
        "done" => Ok(Doomed::Done(number(parts.next()?)?)),
        "behind" => Ok(Doomed::Behind(number(parts.next()?)?)),
        _ => Err(Strange("an unknown answer to an end of everyone").into()),
    }
}

/// The last absolute deadline in any bucket, so that the entries of all stay as long.
async fn latest(calls: &Calls) -> Result<u64, Fault> {
    let latest = of_all(calls, "latest").await?;
    Ok(latest.into_iter().max().unwrap_or_default())
}

/// A number of every bucket.
async fn of_all(calls: &Calls, field: &str) -> Result<Vec<u64>, Fault> {
    let mut questions = redis::pipe();
    for bucket in Bucket::all() {
        questions.cmd("HGET").arg(calls.keys.of(bucket, Part::Meta)).arg(field);
    }
    let answers = calls.send_all(&questions).await?.into_iter();
    Ok(answers.map(number_or_zero).collect::<Result<_, _>>()?)
}

/// Begins to move all into the history, and waits a moment for it.
async fn bury_all(calls: &Arc<Calls>, now: Timestamp) {
    let task = calls.runtime.spawn({
        let calls = Arc::clone(calls);
        async move {
            let buckets = join_all(Bucket::all().map(|bucket| bury(&calls, bucket, now, u32::MAX)));
            if let Some(fault) = buckets.await.into_iter().find_map(Result::err) {
                // They are dead; a sweep moves the rest.
                warn!("not all ended sessions are in the history yet: {}", fault.text());
            }
        }
    });
    let _ = tokio::time::timeout(WAIT_FOR_HISTORY, task).await;
}

/// Moves sessions that ended with everyone into the history, until all are there or about `most`.
async fn bury(calls: &Calls, bucket: Bucket, now: Timestamp, most: u32) -> Result<(), Fault> {
    let (mut known, mut buried): (Vec<SessionId>, u64) = (Vec::new(), 0);
    loop {
        let mut arguments = Arguments::default();
        arguments.number(MOST_TOGETHER.min(most)).ids(&known);
        let answer = calls.run_in(&BURY_DOOMED, bucket, now, &known, arguments).await?;
        let mut parts = Parts::of(answer)?;
        buried += number(parts.next()?)?;
        places::release(calls, &ids(parts.next()?)?).await;
        known = ids(parts.next()?)?;
        if known.is_empty() || buried >= u64::from(most) {
            return Ok(());
        }
    }
}

/// What a sweep does for it: about `most` sessions of each bucket in which some wait.
pub(super) async fn bury_rest(calls: &Calls, now: Timestamp, most: u32) -> Result<(), Fault> {
    let waiting = of_all(calls, "doomed").await?;
    let buckets = Bucket::all().zip(waiting).filter(|(_, waiting)| *waiting > 0);
    let most = most.max(1);
    let buries = join_all(buckets.map(|(bucket, _)| bury(calls, bucket, now, most)));
    buries.await.into_iter().collect()
}
