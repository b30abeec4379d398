use cloakroom_core::{Sweep, Swept};
use tokio_postgres::Row;

use crate::Value;
use crate::row::{Decoded, moment, only, unsigned};

pub(super) const SWEEP: &str = "SELECT sessions, idle, history, backlog, oldest
    FROM {schema}.sweep($1, $2, $3, $4)";

pub(super) fn order(sweep: Sweep) -> Vec<Value> {
    vec![
        sweep.now.into(),
        sweep.history_before.into(),
        sweep.anonymous_before().into(),
        sweep.limit.into(),
    ]
}

pub(super) fn swept(rows: &[Row]) -> Decoded<Swept> {
    let row = only(rows)?;
    Ok(Swept {
        sessions: unsigned(row, 0)?,
        idle: unsigned(row, 1)?,
        history: unsigned(row, 2)?,
        backlog: unsigned(row, 3)?,
        oldest: moment(row, 4)?,
    })
}
