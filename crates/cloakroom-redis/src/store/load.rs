use std::sync::Arc;

use cloakroom_core::{Record, SessionId, Timestamp};
use redis::Value;

use super::claim;
use crate::calls::Calls;
use crate::connection::Fault;
use crate::keys::Part;
use crate::record::decode;
use crate::reply::{number_or_zero, optional_bytes};

pub(super) async fn load(
    calls: &Calls,
    id: SessionId,
    now: Timestamp,
) -> Result<Option<Arc<Record>>, Fault> {
    let (record, is_claimed) = look(calls, id, now).await?;
    if record.is_some() && is_claimed && claim::settle_if_due(calls, id, now).await? {
        return Ok(look(calls, id, now).await?.0);
    }
    Ok(record)
}

/// The record, and whether another session is about to take its place.
async fn look(
    calls: &Calls,
    id: SessionId,
    now: Timestamp,
) -> Result<(Option<Arc<Record>>, bool), Fault> {
    let mut questions = redis::pipe();
    questions.cmd("GET").arg(calls.keys.record(id));
    questions.cmd("HGET").arg(calls.keys.of(id.bucket(), Part::Meta)).arg("everyone");
    let mut answers = calls.send_all(&questions).await?.into_iter();
    let record = optional_bytes(answers.next().unwrap_or(Value::Nil))?;
    let everyone = number_or_zero(answers.next().unwrap_or(Value::Nil))?;
    let Some(record) = record else { return Ok((None, false)) };
    let kept = decode(id, &record)?;
    let is_live = !kept.record.is_expired(now) && kept.everyone >= everyone;
    Ok((is_live.then(|| Arc::new(kept.record)), kept.claimed))
}
