//! The places of anonymous sessions. Their cap is one number for all buckets, so it is kept by a
//! sorted set of its own: the id of each anonymous session, with the moment at which to look
//! whether the session is still there.
//!
//! A place is taken before the session is inserted and given back after it has ended, so the cap
//! is never exceeded; a place that a crash left taken is given back by a sweep a minute later.

use std::time::Duration;

use cloakroom_core::{SessionId, Timestamp};
use redis::Value;

use crate::calls::{Arguments, Calls};
use crate::connection::Fault;
use crate::keys::Part;
use crate::record::decode;
use crate::reply::{ids, number_or_zero, optional_bytes};
use crate::script::{LOOK, RESERVE};

/// What came of asking for a place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reserved {
    /// All are taken.
    Full,
    /// Taken now.
    Taken,
    /// The session has it already.
    Had,
}

const LOOK_AFTER: Duration = Duration::from_secs(60);

pub(crate) async fn reserve(
    calls: &Calls,
    id: SessionId,
    cap: u64,
    replaced: Option<SessionId>,
    now: Timestamp,
) -> Result<Reserved, Fault> {
    let mut arguments = Arguments::default();
    arguments.id(id).number(cap);
    arguments.push(replaced.map_or(Vec::new(), |id| id.as_bytes().to_vec()));
    arguments.number(now.after(LOOK_AFTER).unix_millis());
    match calls.run(&RESERVE, &[calls.keys.places()], &arguments).await? {
        Value::Int(0) => Ok(Reserved::Full),
        Value::Int(1) => Ok(Reserved::Taken),
        _ => Ok(Reserved::Had),
    }
}

/// Gives places back. That it may fail is no fault: a sweep finds them.
pub(crate) async fn release(calls: &Calls, freed: &[SessionId]) {
    if freed.is_empty() {
        return;
    }
    let mut command = redis::cmd("ZREM");
    command.arg(calls.keys.places());
    freed.iter().for_each(|id| {
        command.arg(id.as_bytes());
    });
    let _ = calls.send(&command).await;
}

/// Looks whether the sessions of at most `limit` places are still there.
pub(crate) async fn look(calls: &Calls, now: Timestamp, limit: u32) -> Result<(), Fault> {
    let mut due = redis::cmd("ZRANGEBYSCORE");
    due.arg(calls.keys.places()).arg("-inf").arg(now.unix_millis());
    due.arg("LIMIT").arg(0).arg(limit);
    let due = ids(calls.send(&due).await?)?;
    if due.is_empty() {
        return Ok(());
    }
    let mut questions = redis::pipe();
    for id in &due {
        questions.cmd("GET").arg(calls.keys.record(*id));
        questions.cmd("HGET").arg(calls.keys.of(id.bucket(), Part::Meta)).arg("everyone");
    }
    let mut answers = calls.send_all(&questions).await?.into_iter();
    let mut looked = Arguments::default();
    for id in due {
        let record = optional_bytes(answers.next().unwrap_or(Value::Nil))?;
        let everyone = number_or_zero(answers.next().unwrap_or(Value::Nil))?;
        let kept = record.map(|record| decode(id, &record)).transpose()?;
        match kept.filter(|kept| kept.everyone >= everyone) {
            Some(kept) => {
                let again = kept.record.deadline().max(now.after(LOOK_AFTER)).unix_millis();
                looked.number(again)
            }
            None => looked.push(""),
        };
        looked.id(id);
    }
    calls.run(&LOOK, &[calls.keys.places()], &looked).await.map(drop)
}
