use cloakroom_core::{
    DataChange, DataLimits, Entry, Expect, Guard, Keys, SessionId, Timestamp, Updated,
};
use redis::Value;

use super::claim::{Busy, Patience};
use crate::calls::{Arguments, Calls};
use crate::connection::Fault;
use crate::keys::Part;
use crate::record::Strange;
use crate::reply::{Parts, bytes, list, number, optional_bytes, text};
use crate::script::{READ, UPDATE};

pub(super) async fn read(
    calls: &Calls,
    id: SessionId,
    now: Timestamp,
    keys: Keys,
) -> Result<Option<Vec<Entry>>, Fault> {
    let meta = calls.keys.of(id.bucket(), Part::Meta);
    let of_session = [meta, calls.keys.record(id), calls.keys.data(id)];
    let mut arguments = Arguments::default();
    arguments.time(now);
    match &keys {
        Keys::All => arguments.push("all"),
        Keys::These(keys) => {
            keys.iter().fold(arguments.push("these"), |arguments, key| arguments.push(key.as_str()))
        }
    };
    let answer = calls.run(&READ, &of_session, &arguments).await?;
    if answer == Value::Nil {
        return Ok(None);
    }
    let values = list(answer)?.into_iter();
    Ok(Some(match keys {
        Keys::All => all(values)?,
        Keys::These(keys) => {
            let pairs = keys.into_iter().zip(values);
            let entries = pairs.map(|(key, value)| entry(key, optional_bytes(value)?));
            entries.collect::<Result<_, _>>()?
        }
    }))
}

fn all(mut values: impl Iterator<Item = Value>) -> Result<Vec<Entry>, Strange> {
    let mut entries = Vec::new();
    while let (Some(key), Some(value)) = (values.next(), values.next()) {
        entries.push(entry(text(key)?, Some(bytes(value)?))?);
    }
    entries.sort_unstable_by(|one, other| one.key.cmp(&other.key));
    Ok(entries)
}

/// A value is its version, a colon, and the JSON.
fn entry(key: String, value: Option<Vec<u8>>) -> Result<Entry, Strange> {
    let Some(value) = value else { return Ok(Entry { key, json: None, version: 0 }) };
    let value = String::from_utf8(value).map_err(|_| Strange("data that is not UTF-8"))?;
    let (version, json) = value.split_once(':').ok_or(Strange("data without a version"))?;
    let version = version.parse().map_err(|_| Strange("data without a version"))?;
    Ok(Entry { key, json: Some(json.to_owned()), version })
}

pub(super) async fn update(
    calls: &Calls,
    guard: Guard,
    changes: &[DataChange],
    limits: DataLimits,
) -> Result<Updated, Fault> {
    let (id, bucket) = (guard.id, guard.id.bucket());
    let keys = [
        calls.keys.of(bucket, Part::Meta),
        calls.keys.record(id),
        calls.keys.data(id),
        calls.keys.of(bucket, Part::Claims),
    ];
    let arguments = arguments(guard, changes, limits);
    let mut patience = Patience::default();
    loop {
        let mut parts = Parts::of(calls.run(&UPDATE, &keys, &arguments).await?)?;
        match parts.word()?.as_str() {
            "done" => {
                let versions = list(parts.next()?)?.into_iter().map(number);
                return Ok(Updated::Done { versions: versions.collect::<Result<_, _>>()? });
            }
            "gone" => return Ok(Updated::Gone),
            "conflict" => return Ok(Updated::Conflict { key: text(parts.next()?)? }),
            "large" => {
                let mut size = || number(parts.next()?).map(|size| size as usize);
                return Ok(Updated::TooLarge { keys: size()?, bytes: size()? });
            }
            "busy" => {
                let busy = Busy::read(&mut parts)?;
                patience.wait(calls, id, &busy, guard.now).await?;
            }
            _ => return Err(Strange("an unknown answer to a write").into()),
        }
    }
}

fn arguments(guard: Guard, changes: &[DataChange], limits: DataLimits) -> Arguments {
    let mut arguments = Arguments::default();
    arguments.id(guard.id).time(guard.now).number(guard.generation);
    arguments.number(limits.keys).number(limits.bytes);
    for change in changes {
        arguments.push(change.key.as_str());
        match change.expect {
            Expect::Any => arguments.push("*"),
            Expect::Version(version) => arguments.number(version),
        };
        arguments.push(if change.json.is_some() { "=" } else { "-" });
        arguments.push(change.json.as_deref().unwrap_or_default());
    }
    arguments
}
