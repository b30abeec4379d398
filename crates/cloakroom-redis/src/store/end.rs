use std::time::Duration;

use cloakroom_core::{Bucket, End, EndReason, Ended, Selector, SessionId, Timestamp, UserId};
use redis::Value;

use super::everyone;
use crate::calls::{Arguments, Calls};
use crate::connection::Fault;
use crate::history::Why;
use crate::keys::Part;
use crate::places;
use crate::record::Strange;
use crate::reply::{Parts, ids, number, number_or_zero};
use crate::script::{END_ONE, END_USER};

/// How long an entry of the log is kept at least, whatever sessions it concerned.
const LOG_LEAST: Duration = Duration::from_secs(600);

/// How often an end is told of sessions that came in between.
const MOST_TRIES: u32 = 1_000;

pub(super) async fn end(calls: &std::sync::Arc<Calls>, end: End) -> Result<Ended, Fault> {
    match &end.selector {
        Selector::Session(id) => {
            let by = end.by.as_deref();
            let count = end_one(calls, *id, end.reason, by, end.now, LOG_LEAST).await?;
            Ok(Ended { count, epoch: 0 })
        }
        Selector::User(user) => end_user(calls, user, None, &end).await,
        Selector::UserExcept(user, kept) => end_user(calls, user, Some(*kept), &end).await,
        Selector::Everyone => everyone::end(calls, &end).await,
    }
}

/// Ends one session; 1 if it was live. Its entry in the log is kept for `log_least`, or as long
/// as its credential could live.
pub(super) async fn end_one(
    calls: &Calls,
    id: SessionId,
    reason: EndReason,
    by: Option<&str>,
    now: Timestamp,
    log_least: Duration,
) -> Result<u64, Fault> {
    let mut arguments = Arguments::default();
    arguments.id(id).push(Why::text(reason, by)).number(log_least.as_millis());
    let answer = calls.run_in(&END_ONE, id.bucket(), now, &[id], arguments).await?;
    let mut parts = Parts::of(answer)?;
    let ended = number(parts.next()?)?;
    if number(parts.next()?)? == 1 {
        places::release(calls, &[id]).await;
    }
    Ok(ended)
}

/// A script has to be told what it may touch, and a login can come in between: then it is told
/// anew.
async fn end_user(
    calls: &Calls,
    user: &UserId,
    except: Option<SessionId>,
    end: &End,
) -> Result<Ended, Fault> {
    let bucket = Bucket::of(user);
    let except = except.filter(|id| id.bucket() == bucket);
    let except = except.map_or(Vec::new(), |id| id.as_bytes().to_vec());
    let why = Why::text(end.reason, end.by.as_deref());
    let mut known: Vec<SessionId> = Vec::new();
    for _ in 0..MOST_TRIES {
        let mut arguments = Arguments::default();
        arguments.push(user.as_str()).push(except.as_slice());
        arguments.number(end.epoch.unwrap_or(0)).push(why.as_str()).ids(&known);
        let answer = calls.run_in(&END_USER, bucket, end.now, &known, arguments).await?;
        let mut parts = Parts::of(answer)?;
        match parts.word()?.as_str() {
            "done" => {
                return Ok(Ended { count: number(parts.next()?)?, epoch: number(parts.next()?)? });
            }
            "need" => known = ids(parts.next()?)?,
            _ => return Err(Strange("an unknown answer to an end").into()),
        }
    }
    Err(Fault::not_done("the user's sessions changed too often meanwhile"))
}

/// The part that counts everyone is read first: between the two questions the sum only rises, so
/// the answer is at most too low, and a login under it is refused.
pub(super) async fn epoch(calls: &Calls, user: &UserId) -> Result<u64, Fault> {
    let bucket = Bucket::of(user);
    let mut questions = redis::pipe();
    questions.cmd("HGET").arg(calls.keys.of(bucket, Part::Meta)).arg("everyone");
    questions.cmd("HGET").arg(calls.keys.of(bucket, Part::Epochs)).arg(user.as_str());
    let mut answers = calls.send_all(&questions).await?.into_iter();
    let mut part = || number_or_zero(answers.next().unwrap_or(Value::Nil));
    Ok(part()? + part()?)
}
