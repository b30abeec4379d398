use cloakroom_core::{Guard, RenewalStep, Rotation, Updated};
use tokio_postgres::Row;

use super::statements::Statements;
use crate::row::{Decoded, only};
use crate::{Sql, Value};

pub(super) const ROTATE: &str = "SELECT {schema}.rotate($1, $2, $3, $4, $5, $6)";

pub(super) const OFFER: &str = "SELECT {schema}.offer($1, $2, $3, $4, $5)";

pub(super) const PROMOTE: &str = "SELECT {schema}.promote($1, $2, $3, $4)";

pub(super) fn rotation(guard: Guard, rotation: Rotation) -> Vec<Value> {
    let mut values = guarded(guard);
    values.push(rotation.counter.into());
    values.push(rotation.digest.into());
    values.push(rotation.authenticated_at.into());
    values
}

pub(super) fn renewal(
    statements: &Statements,
    guard: Guard,
    step: RenewalStep,
) -> (&Sql, Vec<Value>) {
    let mut values = guarded(guard);
    match step {
        RenewalStep::Offer { counter, next } => {
            values.extend([counter.into(), next.into()]);
            (&statements.offer, values)
        }
        RenewalStep::Promote { next } => {
            values.push(next.into());
            (&statements.promote, values)
        }
    }
}

fn guarded(guard: Guard) -> Vec<Value> {
    vec![guard.id.into(), guard.now.into(), guard.generation.into()]
}

pub(super) fn updated(rows: &[Row]) -> Decoded<Updated> {
    Ok(match only(rows)?.try_get::<_, &str>(0)? {
        "done" => Updated::Done { versions: Vec::new() },
        "gone" => Updated::Gone,
        "conflict" => Updated::Conflict { key: String::new() },
        other => return Err(format!("unknown outcome {other:?}").into()),
    })
}
