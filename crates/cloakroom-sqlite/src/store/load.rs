use std::sync::Arc;

use cloakroom_core::{Record, SessionId, Timestamp};
use rusqlite::{Connection, Result};

use crate::row::{record, record_columns};

const LOAD: &str = concat!(
    "SELECT ",
    record_columns!(),
    " FROM cloakroom_session WHERE id = ?1 AND deadline > ?2"
);

#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[LOAD];

pub(super) fn load(
    database: &Connection,
    id: SessionId,
    now: Timestamp,
) -> Result<Option<Arc<Record>>> {
    let mut statement = database.prepare_cached(LOAD)?;
    let mut rows = statement.query((id.as_bytes(), now.unix_millis()))?;
    rows.next()?.map(|row| record(row).map(Arc::new)).transpose()
}
