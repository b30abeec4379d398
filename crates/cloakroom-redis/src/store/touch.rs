use std::collections::BTreeMap;

use cloakroom_core::{Bucket, SessionId, Timestamp, Touch, UserId};
use futures_util::future::join_all;

use crate::calls::{Arguments, Calls};
use crate::connection::Fault;
use crate::keys::Part;
use crate::record::{Strange, groups_text};
use crate::reply::{Parts, ids, number};
use crate::script::{REGROUP, TOUCH};

/// Touches of one script: it holds up everybody else for less than a millisecond or two.
const MOST_TOGETHER: usize = 200;

const MOST_TRIES: u32 = 200;

pub(super) async fn touch(
    calls: &Calls,
    now: Timestamp,
    touches: Vec<Touch>,
) -> Result<u64, Fault> {
    let mut by_bucket: BTreeMap<Bucket, Vec<Touch>> = BTreeMap::new();
    for touch in touches {
        by_bucket.entry(touch.id.bucket()).or_default().push(touch);
    }
    let batches = by_bucket.iter().flat_map(|(bucket, touches)| {
        touches.chunks(MOST_TOGETHER).map(|batch| touch_batch(calls, *bucket, now, batch))
    });
    let outcomes = join_all(batches).await;
    let moved: u64 = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).sum();
    match outcomes.into_iter().find_map(Result::err) {
        Some(fault) if moved > 0 => Err(fault.half_done()),
        Some(fault) => Err(fault),
        None => Ok(moved),
    }
}

async fn touch_batch(
    calls: &Calls,
    bucket: Bucket,
    now: Timestamp,
    touches: &[Touch],
) -> Result<u64, Fault> {
    let mut keys = vec![calls.keys.of(bucket, Part::Meta), calls.keys.of(bucket, Part::Expiry)];
    let mut arguments = Arguments::default();
    arguments.time(now);
    for touch in touches {
        keys.extend([calls.keys.record(touch.id), calls.keys.data(touch.id)]);
        arguments.id(touch.id).time(touch.seen_at);
    }
    Ok(number(calls.run(&TOUCH, &keys, &arguments).await?)?)
}

pub(super) async fn regroup(
    calls: &Calls,
    user: &UserId,
    groups: &[String],
    now: Timestamp,
) -> Result<u64, Fault> {
    let groups = groups_text(groups);
    let mut known: Vec<SessionId> = Vec::new();
    for _ in 0..MOST_TRIES {
        let mut arguments = Arguments::default();
        arguments.push(user.as_str()).push(groups.as_str()).ids(&known);
        let answer = calls.run_in(&REGROUP, Bucket::of(user), now, &known, arguments).await?;
        let mut parts = Parts::of(answer)?;
        match parts.word()?.as_str() {
            "done" => return Ok(number(parts.next()?)?),
            "need" => known = ids(parts.next()?)?,
            _ => return Err(Strange("an unknown answer to a change of groups").into()),
        }
    }
    Err(Fault::not_done("the user's sessions changed too often meanwhile"))
}
