use std::collections::BTreeMap;

use cloakroom_core::{Bucket, SessionId, Sweep, Swept, Timestamp};
use futures_util::future::join_all;
use redis::Value;

use super::everyone;
use crate::calls::{Arguments, Calls};
use crate::connection::Fault;
use crate::keys::Part;
use crate::merge::{Found, Walk};
use crate::places;
use crate::reply::{Parts, id_of, ids, list, number, text};
use crate::script::{BURY_DUE, FORGET};

/// Sessions of one script.
const MOST_TOGETHER: usize = 100;

pub(super) async fn sweep(calls: &Calls, sweep: Sweep) -> Result<Swept, Fault> {
    let Sweep { now, limit, .. } = sweep;
    prune_log(calls, now, limit).await?;
    everyone::bury_rest(calls, now, limit).await?;
    let (sessions, idle) = bury_expired(calls, now, limit).await?;
    let named = forget(calls, Part::HistoryDue, sweep.history_before, limit, now).await?;
    let rest = limit.saturating_sub(u32::try_from(named).unwrap_or(u32::MAX));
    let anonymous =
        forget(calls, Part::HistoryVisitors, sweep.anonymous_before(), rest, now).await?;
    places::look(calls, now, limit).await?;
    let (backlog, oldest) = backlog(calls, now).await?;
    let backlog = backlog.min(u64::from(limit).saturating_mul(10));
    Ok(Swept { sessions, idle, history: named + anonymous, backlog, oldest })
}

/// Those that expired first, of all buckets.
async fn due(
    calls: &Calls,
    part: Part,
    until: Timestamp,
    limit: u32,
) -> Result<BTreeMap<Bucket, Vec<Vec<u8>>>, Fault> {
    let mut by_bucket: BTreeMap<Bucket, Vec<Vec<u8>>> = BTreeMap::new();
    if limit > 0 {
        let found = Walk::due(part, until, limit).take(calls, limit as usize).await?;
        for (bucket, Found { member, .. }) in found {
            by_bucket.entry(bucket).or_default().push(member);
        }
    }
    Ok(by_bucket)
}

async fn due_ids(
    calls: &Calls,
    part: Part,
    until: Timestamp,
    limit: u32,
) -> Result<Vec<(Bucket, Vec<SessionId>)>, Fault> {
    let due = due(calls, part, until, limit).await?.into_iter();
    let ids = due.map(|(bucket, members)| {
        let ids = members.iter().map(|member| id_of(member));
        Ok((bucket, ids.collect::<Result<Vec<_>, _>>()?))
    });
    ids.collect()
}

async fn bury_expired(calls: &Calls, now: Timestamp, limit: u32) -> Result<(u64, u64), Fault> {
    let due = due_ids(calls, Part::Expiry, now, limit).await?;
    let batches = due.iter().flat_map(|(bucket, ids)| {
        ids.chunks(MOST_TOGETHER).map(|batch| bury_batch(calls, *bucket, batch, now))
    });
    let (mut sessions, mut idle) = (0, 0);
    for buried in join_all(batches).await {
        let (all, of_them_idle) = buried?;
        sessions += all;
        idle += of_them_idle;
    }
    Ok((sessions, idle))
}

async fn bury_batch(
    calls: &Calls,
    bucket: Bucket,
    batch: &[SessionId],
    now: Timestamp,
) -> Result<(u64, u64), Fault> {
    let mut arguments = Arguments::default();
    arguments.ids(batch);
    let mut parts = Parts::of(calls.run_in(&BURY_DUE, bucket, now, batch, arguments).await?)?;
    let (sessions, idle) = (number(parts.next()?)?, number(parts.next()?)?);
    places::release(calls, &ids(parts.next()?)?).await;
    Ok((sessions, idle))
}

/// Drops entries of the history older than `before`.
async fn forget(
    calls: &Calls,
    part: Part,
    before: Timestamp,
    limit: u32,
    now: Timestamp,
) -> Result<u64, Fault> {
    let until = Timestamp::from_unix_millis(before.unix_millis().saturating_sub(1));
    let due = due_ids(calls, part, until, limit).await?;
    let batches = due.iter().flat_map(|(bucket, ids)| {
        ids.chunks(MOST_TOGETHER).map(|batch| {
            let mut arguments = Arguments::default();
            arguments.ids(batch);
            calls.run_in(&FORGET, *bucket, now, &[], arguments)
        })
    });
    let mut dropped = 0;
    for answer in join_all(batches).await {
        dropped += number(answer?)?;
    }
    Ok(dropped)
}

/// Drops entries of the log that no credential can need any more.
async fn prune_log(calls: &Calls, now: Timestamp, limit: u32) -> Result<(), Fault> {
    let due = due(calls, Part::LogDue, now, limit).await?;
    if due.is_empty() {
        return Ok(());
    }
    let mut commands = redis::pipe();
    for (bucket, numbers) in &due {
        commands.cmd("XDEL").arg(calls.keys.of(*bucket, Part::Log)).arg(numbers);
        commands.cmd("ZREM").arg(calls.keys.of(*bucket, Part::LogDue)).arg(numbers);
    }
    calls.send_all(&commands).await.map(drop)
}

/// How many expired sessions there are, and since when the first.
async fn backlog(calls: &Calls, now: Timestamp) -> Result<(u64, Option<Timestamp>), Fault> {
    let mut questions = redis::pipe();
    for bucket in Bucket::all() {
        let expiry = calls.keys.of(bucket, Part::Expiry);
        let now = now.unix_millis();
        questions.cmd("ZCOUNT").arg(&expiry).arg("-inf").arg(now);
        questions.cmd("ZRANGEBYSCORE").arg(&expiry).arg("-inf").arg(now);
        questions.arg("WITHSCORES").arg("LIMIT").arg(0).arg(1);
    }
    let (mut count, mut oldest) = (0, None);
    for answer in calls.send_all(&questions).await? {
        match answer {
            Value::Array(_) => {
                let score = list(answer)?.into_iter().nth(1).map(text).transpose()?;
                let score = score.and_then(|score| score.parse::<f64>().ok());
                #[expect(clippy::cast_possible_truncation, reason = "a cast from f64 saturates")]
                let first = score.map(|score| Timestamp::from_unix_millis(score as i64));
                oldest = [oldest, first].into_iter().flatten().min();
            }
            other => count += number(other)?,
        }
    }
    Ok((count, oldest))
}
