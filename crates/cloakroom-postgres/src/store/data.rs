use cloakroom_core::{DataChange, DataLimits, Entry, Expect, Guard, Updated};
use tokio_postgres::Row;

use crate::Value;
use crate::row::{Decoded, only, text, unsigned};
use crate::text::stored;

/// A live session without data is one row without a key.
pub(super) const READ_ALL: &str = "SELECT data.key, data.json, data.version
    FROM {schema}.session LEFT JOIN {schema}.session_data AS data ON data.session_id = session.id
    WHERE session.id = $1 AND session.deadline > $2 ORDER BY data.key";

/// A live session of which no key is asked for is one row without a key.
pub(super) const READ_THESE: &str = "SELECT asked.key, data.json, data.version
    FROM {schema}.session
    LEFT JOIN unnest($3::text[]) WITH ORDINALITY AS asked (key, place) ON true
    LEFT JOIN {schema}.session_data AS data
        ON data.session_id = session.id AND data.key = asked.key
    WHERE session.id = $1 AND session.deadline > $2 ORDER BY asked.place";

pub(super) const UPDATE: &str = "SELECT outcome, last_version, wrong_key, key_count, byte_count
    FROM {schema}.update_data($1, $2, $3, $4, $5, $6, $7, $8)";

pub(super) fn entries(rows: &[Row]) -> Decoded<Option<Vec<Entry>>> {
    if rows.is_empty() {
        return Ok(None);
    }
    let entries = rows.iter().filter_map(|row| entry(row).transpose());
    entries.collect::<Decoded<_>>().map(Some)
}

fn entry(row: &Row) -> Decoded<Option<Entry>> {
    let Some(key) = text(row, 0)? else { return Ok(None) };
    let json = text(row, 1)?;
    let version = if json.is_some() { unsigned(row, 2)? } else { 0 };
    Ok(Some(Entry { key, json, version }))
}

pub(super) fn update(guard: Guard, changes: &[DataChange], limits: DataLimits) -> Vec<Value> {
    let text = |text: &str| Some(stored(text).into_owned());
    let expected = |change: &DataChange| match change.expect {
        Expect::Any => None,
        // A version that no counter reaches is none that is there.
        Expect::Version(version) => Some(i64::try_from(version).unwrap_or(i64::MAX)),
    };
    let json = |change: &DataChange| change.json.as_deref().and_then(text);
    vec![
        guard.id.into(),
        guard.now.into(),
        guard.generation.into(),
        Value::Texts(changes.iter().map(|change| text(&change.key)).collect()),
        Value::Integers(changes.iter().map(expected).collect()),
        Value::Texts(changes.iter().map(json).collect()),
        (limits.keys as u64).into(),
        (limits.bytes as u64).into(),
    ]
}

/// `written` says of each change whether it leaves a value.
pub(super) fn updated(rows: &[Row], written: &[bool]) -> Decoded<Updated> {
    let row = only(rows)?;
    Ok(match row.try_get::<_, &str>(0)? {
        "done" => Updated::Done { versions: versions(unsigned(row, 1)?, written) },
        "gone" => Updated::Gone,
        "conflict" => Updated::Conflict { key: text(row, 2)?.unwrap_or_default() },
        "too_large" => Updated::TooLarge { keys: unsigned(row, 3)?, bytes: unsigned(row, 4)? },
        other => return Err(format!("unknown outcome {other:?}").into()),
    })
}

/// The versions of the changes, in order; 0 for a removed key.
fn versions(last: u64, written: &[bool]) -> Vec<u64> {
    let numbered = (last + 1..).zip(written);
    numbered.map(|(version, is_written)| if *is_written { version } else { 0 }).collect()
}
