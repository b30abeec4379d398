//! How a login takes the place of a session of another bucket.
//!
//! The old session is claimed for the new one: from then on writes to its data wait. The new one
//! is inserted with the data read by the claim, then the old one ends. The insert decides: if
//! whoever claimed is not heard of for [`LEASE`], anybody may settle the claim, by looking whether
//! the new session was made. If it was not, a fence sees to it that it never will be.

use std::time::Duration;

use cloakroom_core::{Carry, EndReason, Replaces, SessionId, Timestamp};
use redis::Value;

use super::end::end_one;
use crate::calls::{Arguments, Calls};
use crate::connection::Fault;
use crate::record::Strange;
use crate::reply::{Parts, bytes, list, number};
use crate::script::{CLAIM, CLAIMED, RELEASE, SETTLE};

/// How long a claim is left alone, on the server's clock.
const LEASE: Duration = Duration::from_secs(2);

const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);
const MOST_WAITS: u32 = 100;

/// What a claim came to.
pub(super) enum Claimed {
    /// The old session is frozen; this is what it carries.
    Yes(Carried),
    /// It is not live.
    NotLive,
}

/// Data that goes over, with its versions.
#[derive(Default)]
pub(super) struct Carried {
    pub(super) last_version: u64,
    /// Key and value by turns.
    pub(super) pairs: Vec<Vec<u8>>,
}

/// Somebody else holds a claim.
pub(super) struct Busy {
    /// For which session; `None` if that is not known.
    by: Option<SessionId>,
    is_due: bool,
}

impl Busy {
    pub(super) fn read(parts: &mut Parts) -> Result<Self, Strange> {
        let by = <[u8; 16]>::try_from(bytes(parts.next()?)?);
        let is_due = number(parts.next()?)? == 1;
        Ok(Self { by: by.ok().map(SessionId::from_bytes), is_due })
    }
}

/// Waits for other claims on a session, as long as it makes sense.
pub(super) struct Patience {
    pause: Duration,
    waits: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self { pause: FIRST_PAUSE, waits: 0 }
    }
}

impl Patience {
    /// Waits for the claim on `old`, or settles it if it is due.
    pub(super) async fn wait(
        &mut self,
        calls: &Calls,
        old: SessionId,
        busy: &Busy,
        now: Timestamp,
    ) -> Result<(), Fault> {
        self.waits += 1;
        if self.waits > MOST_WAITS {
            return Err(Fault::not_done("the session is being replaced by a login"));
        }
        if busy.is_due {
            return settle(calls, old, busy.by, now).await;
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }
}

pub(super) async fn claim(
    calls: &Calls,
    replaces: &Replaces,
    new: SessionId,
    now: Timestamp,
) -> Result<Claimed, Fault> {
    let mut patience = Patience::default();
    loop {
        let mut arguments = Arguments::default();
        arguments.id(replaces.id).id(new).number(LEASE.as_millis());
        carry(&mut arguments, &replaces.carry);
        let bucket = replaces.id.bucket();
        let answer = calls.run_in(&CLAIM, bucket, now, &[replaces.id], arguments).await?;
        let mut parts = Parts::of(answer)?;
        match parts.word()?.as_str() {
            "none" => return Ok(Claimed::NotLive),
            "claimed" => {
                let last_version = number(parts.next()?)?;
                let pairs = list(parts.next()?)?.into_iter().map(bytes);
                let pairs = pairs.collect::<Result<_, _>>()?;
                return Ok(Claimed::Yes(Carried { last_version, pairs }));
            }
            "busy" => {
                let busy = Busy::read(&mut parts)?;
                patience.wait(calls, replaces.id, &busy, now).await?;
            }
            _ => return Err(Strange("an unknown answer to a claim").into()),
        }
    }
}

/// What to carry, as scripts take it.
pub(super) fn carry(arguments: &mut Arguments, carry: &Carry) {
    let (word, keys) = match carry {
        Carry::Nothing => ("nothing", &[][..]),
        Carry::Everything => ("everything", &[][..]),
        Carry::Keys(keys) => ("keys", keys.as_slice()),
    };
    arguments.push(word).list(keys.iter().map(|key| key.as_bytes()));
}

/// Lets go of a session that is not replaced after all.
pub(super) async fn release(
    calls: &Calls,
    old: SessionId,
    new: Option<SessionId>,
    now: Timestamp,
) -> Result<(), Fault> {
    let mut arguments = Arguments::default();
    arguments.id(old).push(new.map_or(Vec::new(), |id| id.as_bytes().to_vec()));
    calls.run_in(&RELEASE, old.bucket(), now, &[old], arguments).await.map(drop)
}

/// Settles the claim on a session if whoever made it is not heard of; whether it did.
pub(super) async fn settle_if_due(
    calls: &Calls,
    old: SessionId,
    now: Timestamp,
) -> Result<bool, Fault> {
    let mut arguments = Arguments::default();
    arguments.id(old);
    let answer = calls.run_in(&CLAIMED, old.bucket(), now, &[], arguments).await?;
    let busy = Busy::read(&mut Parts::of(answer)?)?;
    if busy.is_due {
        settle(calls, old, busy.by, now).await?;
    }
    Ok(busy.is_due)
}

async fn settle(
    calls: &Calls,
    old: SessionId,
    by: Option<SessionId>,
    now: Timestamp,
) -> Result<(), Fault> {
    let was_made = match by {
        None => false,
        Some(new) => {
            let mut arguments = Arguments::default();
            arguments.id(new);
            let answer = calls.run_in(&SETTLE, new.bucket(), now, &[new], arguments).await?;
            answer == Value::Int(1)
        }
    };
    match was_made {
        true => end_one(calls, old, EndReason::Replaced, None, now, Duration::ZERO).await.map(drop),
        false => release(calls, old, by, now).await,
    }
}
