use cloakroom_core::{Guard, RenewalStep, Rotation, Updated};
use redis::Value;

use crate::calls::{Arguments, Calls};
use crate::connection::Fault;
use crate::keys::Part;
use crate::record::{Strange, padded};
use crate::reply::text;
use crate::script::{RENEW, ROTATE};

pub(super) async fn rotate(
    calls: &Calls,
    guard: Guard,
    rotation: Rotation,
) -> Result<Updated, Fault> {
    let mut arguments = Arguments::default();
    arguments.id(guard.id).number(guard.generation).push(padded(rotation.counter));
    arguments.push(*rotation.digest.as_bytes());
    arguments.push(rotation.authenticated_at.map_or(String::new(), |at| padded(at.unix_millis())));
    let (id, now) = (guard.id, guard.now);
    updated(calls.run_in(&ROTATE, id.bucket(), now, &[id], arguments).await?)
}

pub(super) async fn renew(
    calls: &Calls,
    guard: Guard,
    step: RenewalStep,
) -> Result<Updated, Fault> {
    let meta = calls.keys.of(guard.id.bucket(), Part::Meta);
    let (word, counter, next) = match step {
        RenewalStep::Offer { counter, next } => ("offer", counter, next),
        RenewalStep::Promote { next } => ("promote", 0, next),
    };
    let mut arguments = Arguments::default();
    arguments.time(guard.now).number(guard.generation).push(word).number(counter);
    arguments.push(*next.as_bytes());
    updated(calls.run(&RENEW, &[meta, calls.keys.record(guard.id)], &arguments).await?)
}

fn updated(answer: Value) -> Result<Updated, Fault> {
    match text(answer)?.as_str() {
        "done" => Ok(Updated::Done { versions: Vec::new() }),
        "gone" => Ok(Updated::Gone),
        "conflict" => Ok(Updated::Conflict { key: String::new() }),
        _ => Err(Strange("an unknown answer to a renewal").into()),
    }
}
