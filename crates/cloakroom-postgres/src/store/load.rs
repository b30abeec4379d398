use std::sync::Arc;

use cloakroom_core::Record;
use tokio_postgres::Row;

use crate::row::{Decoded, record, record_columns};

pub(super) const LOAD: &str =
    concat!("SELECT ", record_columns!(), " FROM {schema}.session WHERE id = $1 AND deadline > $2");

pub(super) fn loaded(rows: &[Row]) -> Decoded<Option<Arc<Record>>> {
    rows.first().map(|row| record(row).map(Arc::new)).transpose()
}
