use std::time::Duration;

use cloakroom_core::{
    EndReason, Inserted, LimitPolicy, NewSession, Replaces, SessionId, Timestamp,
};
use redis::Value;

use super::claim::{self, Busy, Carried, Claimed, Patience};
use super::end::end_one;
use crate::calls::{Arguments, Calls};
use crate::connection::Fault;
use crate::keys::Part;
use crate::places::{self, Reserved};
use crate::record::{Strange, encode};
use crate::reply::{Parts, ids};
use crate::script::INSERT;

/// How often the sessions of a user may change while one more is inserted.
const MOST_TRIES: u32 = 200;

pub(super) async fn insert(calls: &Calls, new: NewSession) -> Result<Inserted, Fault> {
    let record = &new.record;
    let now = record.created_at;
    if record.user.is_some() {
        return place(calls, &new, now).await;
    }
    let replaced = new.replaces.as_ref().map(|replaces| replaces.id);
    match places::reserve(calls, record.id, new.anonymous_cap, replaced, now).await? {
        Reserved::Full if is_known(calls, record.id).await? => Ok(Inserted::Conflict),
        Reserved::Full => Ok(Inserted::Full),
        reserved => {
            let inserted = place(calls, &new, now).await;
            let is_done = matches!(inserted, Ok(Inserted::Done { .. }) | Err(Fault::Lost(_)));
            if reserved == Reserved::Taken && !is_done {
                places::release(calls, &[record.id]).await;
            }
            inserted
        }
    }
}

async fn is_known(calls: &Calls, id: SessionId) -> Result<bool, Fault> {
    let mut questions = redis::pipe();
    questions.cmd("EXISTS").arg(calls.keys.record(id));
    questions.cmd("HEXISTS").arg(calls.keys.of(id.bucket(), Part::History)).arg(id.as_bytes());
    Ok(calls.send_all(&questions).await?.contains(&Value::Int(1)))
}

async fn place(calls: &Calls, new: &NewSession, now: Timestamp) -> Result<Inserted, Fault> {
    match &new.replaces {
        Some(replaces) if replaces.id.bucket() != new.record.id.bucket() => {
            across(calls, new, replaces, now).await
        }
        replaces => within(calls, new, replaces.as_ref(), &Carried::default(), now).await,
    }
}

/// Takes the place of a session of another bucket.
async fn across(
    calls: &Calls,
    new: &NewSession,
    replaces: &Replaces,
    now: Timestamp,
) -> Result<Inserted, Fault> {
    let id = new.record.id;
    let carried = match claim::claim(calls, replaces, id, now).await? {
        Claimed::NotLive => return within(calls, new, None, &Carried::default(), now).await,
        Claimed::Yes(carried) => carried,
    };
    let inserted = within(calls, new, None, &carried, now).await;
    match inserted {
        Ok(Inserted::Done { .. }) => {
            end_one(calls, replaces.id, EndReason::Replaced, None, now, Duration::ZERO)
                .await
                .map_err(Fault::half_done)?;
        }
        // Whether it was made is seen by whoever settles the claim.
        Err(Fault::Lost(_)) => {}
        // If this fails, the claim is settled when it is due.
        Ok(_) | Err(Fault::NotDone(_) | Fault::Unusable(_)) => {
            let _ = claim::release(calls, replaces.id, Some(id), now).await;
        }
    }
    inserted
}

/// Inserts in one step, replacing at most a session of the same bucket.
async fn within(
    calls: &Calls,
    new: &NewSession,
    replaces: Option<&Replaces>,
    carried: &Carried,
    now: Timestamp,
) -> Result<Inserted, Fault> {
    let id = new.record.id;
    let mut known: Vec<SessionId> = replaces.iter().map(|replaces| replaces.id).collect();
    let mut patience = Patience::default();
    for _ in 0..MOST_TRIES {
        let sessions = [&[id], known.as_slice()].concat();
        let arguments = arguments(new, replaces, carried, &known);
        let answer = calls.run_in(&INSERT, id.bucket(), now, &sessions, arguments).await?;
        let mut parts = Parts::of(answer)?;
        match (parts.word()?.as_str(), replaces) {
            ("done", _) => {
                let ended = ids(parts.next()?)?;
                places::release(calls, &ids(parts.next()?)?).await;
                return Ok(Inserted::Done { ended });
            }
            ("conflict", _) => return Ok(Inserted::Conflict),
            ("superseded", _) => return Ok(Inserted::Superseded),
            ("limit", _) => return Ok(Inserted::LimitReached),
            ("need", _) => {
                known = ids(parts.next()?)?;
                let replaced = replaces.map(|replaces| replaces.id);
                known.extend(replaced.filter(|id| !known.contains(id)));
            }
            ("busy", Some(replaces)) => {
                let busy = Busy::read(&mut parts)?;
                patience.wait(calls, replaces.id, &busy, now).await?;
            }
            _ => return Err(Strange("an unknown answer to an insert").into()),
        }
    }
    Err(Fault::not_done("the user's sessions changed too often meanwhile"))
}

fn arguments(
    new: &NewSession,
    replaces: Option<&Replaces>,
    carried: &Carried,
    known: &[SessionId],
) -> Arguments {
    let record = &new.record;
    let mut arguments = Arguments::default();
    arguments.id(record.id);
    arguments.push(record.user.as_ref().map_or("", |user| user.as_str()));
    arguments.push(record.user_name.as_deref().unwrap_or_default());
    arguments.push(encode(record)).number(record.epoch);
    match new.limit {
        None => arguments.push("").push(""),
        Some(limit) => arguments.number(limit.most.max(1)).push(match limit.policy {
            LimitPolicy::Refuse => "refuse",
            LimitPolicy::EndOldest => "oldest",
            LimitPolicy::EndLeastRecentlyUsed => "lru",
        }),
    };
    match replaces {
        None => arguments.push("").push("nothing").list(std::iter::empty::<Vec<u8>>()),
        Some(replaces) => {
            arguments.id(replaces.id);
            claim::carry(&mut arguments, &replaces.carry);
            &mut arguments
        }
    };
    arguments.number(carried.last_version).list(carried.pairs.iter().map(Vec::as_slice));
    let own: Vec<&str> =
        new.data.iter().flat_map(|(key, json)| [key.as_str(), json.as_str()]).collect();
    arguments.list(own.into_iter()).ids(known);
    arguments
}
