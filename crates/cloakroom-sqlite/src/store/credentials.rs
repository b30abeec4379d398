use cloakroom_core::{Change, Guard, RenewalStep, Rotation, SecretDigest, Timestamp, Updated};
use rusqlite::{Connection, OptionalExtension, Result, params};

use crate::log::append;
use crate::row::{digest, timestamp, unsigned};

const CREDENTIAL: &str =
    "SELECT renewal_counter, digest, renewal_next, absolute_deadline FROM cloakroom_session
    WHERE id = ?1 AND deadline > ?2 AND generation = ?3";

const ROTATE: &str = "UPDATE cloakroom_session
    SET digest = ?2, renewal_counter = ?3, renewal_since = ?4, renewal_next = NULL,
        renewal_previous = NULL, generation = generation + 1,
        authenticated_at = ifnull(?5, authenticated_at)
    WHERE id = ?1";

const OFFER: &str = "UPDATE cloakroom_session SET renewal_next = ?2 WHERE id = ?1";

const PROMOTE: &str = "UPDATE cloakroom_session SET renewal_previous = digest, digest = ?2,
    renewal_next = NULL, renewal_counter = renewal_counter + 1, renewal_since = ?3 WHERE id = ?1";

#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[CREDENTIAL, ROTATE, OFFER, PROMOTE];

/// What a step has to be compared with.
struct Credential {
    counter: u32,
    current: Option<SecretDigest>,
    next: Option<SecretDigest>,
    absolute_deadline: Timestamp,
}

pub(super) fn rotate(database: &Connection, guard: Guard, rotation: Rotation) -> Result<Updated> {
    let Some(credential) = credential(database, guard)? else {
        return Ok(Updated::Gone);
    };
    if credential.counter.checked_add(1) != Some(rotation.counter) {
        return Ok(overtaken());
    }
    database.prepare_cached(ROTATE)?.execute(params![
        guard.id.as_bytes(),
        rotation.digest.as_bytes(),
        rotation.counter,
        guard.now.unix_millis(),
        rotation.authenticated_at.map(Timestamp::unix_millis),
    ])?;
    // The generation that the guard found, plus one.
    let rotated = Change::Rotated(guard.id, guard.generation + 1);
    append(database, &rotated, credential.absolute_deadline)?;
    Ok(done())
}

pub(super) fn renew(database: &Connection, guard: Guard, step: RenewalStep) -> Result<Updated> {
    let Some(credential) = credential(database, guard)? else {
        return Ok(Updated::Gone);
    };
    match step {
        RenewalStep::Offer { counter, next } => offer(database, guard, &credential, counter, next),
        RenewalStep::Promote { next } => promote(database, guard, &credential, next),
    }
}

fn offer(
    database: &Connection,
    guard: Guard,
    credential: &Credential,
    counter: u32,
    next: SecretDigest,
) -> Result<Updated> {
    let is_open = credential.next.is_none_or(|offered| offered == next);
    if credential.counter != counter || !is_open {
        return Ok(overtaken());
    }
    if credential.next.is_none() {
        let mut statement = database.prepare_cached(OFFER)?;
        statement.execute((guard.id.as_bytes(), next.as_bytes()))?;
    }
    Ok(done())
}

fn promote(
    database: &Connection,
    guard: Guard,
    credential: &Credential,
    next: SecretDigest,
) -> Result<Updated> {
    if credential.current == Some(next) {
        return Ok(done());
    }
    if credential.next != Some(next) {
        return Ok(overtaken());
    }
    let mut statement = database.prepare_cached(PROMOTE)?;
    statement.execute((guard.id.as_bytes(), next.as_bytes(), guard.now.unix_millis()))?;
    Ok(done())
}

fn credential(database: &Connection, guard: Guard) -> Result<Option<Credential>> {
    let mut statement = database.prepare_cached(CREDENTIAL)?;
    let found = statement.query_row(
        params![guard.id.as_bytes(), guard.now.unix_millis(), guard.generation],
        |row| {
            Ok(Credential {
                counter: unsigned(row, 0)?,
                current: digest(row, 1)?,
                next: digest(row, 2)?,
                absolute_deadline: timestamp(row, 3)?,
            })
        },
    );
    found.optional()
}

fn done() -> Updated {
    Updated::Done { versions: Vec::new() }
}

fn overtaken() -> Updated {
    Updated::Conflict { key: String::new() }
}
