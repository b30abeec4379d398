//! A session's data, packed: the version of the last write, then each key in order.

use std::collections::BTreeMap;

use super::bytes::{Malformed, Read, Reader, Writer};
use crate::{Carry, DataChange, DataLimits, Entry, Expect, Keys, Updated};

/// One key's value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'a> {
    pub(super) key: &'a str,
    pub(super) version: u64,
    pub(super) json: &'a str,
}

/// A key's version and JSON text, by key.
type Map<'a> = BTreeMap<&'a str, (u64, &'a str)>;

/// Packs keys that come in order.
pub(super) fn pack<'a>(
    last_version: u64,
    values: impl ExactSizeIterator<Item = (&'a str, u64, &'a str)>,
) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.number(last_version);
    writer.number(values.len() as u64);
    for (key, version, json) in values {
        writer.text(key);
        writer.number(version);
        writer.text(json);
    }
    writer.0
}

fn pack_map(last_version: u64, map: &Map<'_>) -> Vec<u8> {
    pack(last_version, map.iter().map(|(key, (version, json))| (*key, *version, *json)))
}

fn read(bytes: &[u8]) -> Read<(u64, Vec<Value<'_>>)> {
    let mut reader = Reader(bytes);
    let (last_version, count) = (reader.number()?, reader.number()?);
    let mut values: Vec<Value<'_>> = Vec::new();
    for _ in 0..count {
        let value = Value { key: reader.text()?, version: reader.number()?, json: reader.text()? };
        if values.last().is_some_and(|last| last.key >= value.key) {
            return Err(Malformed);
        }
        values.push(value);
    }
    reader.end()?;
    Ok((last_version, values))
}

/// Looks at all of what a file has.
pub(super) fn check(bytes: &[u8]) -> Read<()> {
    read(bytes).map(drop)
}

fn parsed(bytes: &[u8]) -> (u64, Vec<Value<'_>>) {
    read(bytes).expect("data were packed or checked by this module")
}

/// All keys, in order.
pub(super) fn entries(bytes: &[u8]) -> Vec<Value<'_>> {
    parsed(bytes).1
}

/// The keys asked for, as the store answers.
pub(super) fn answer(bytes: &[u8], keys: Keys) -> Vec<Entry> {
    let values = entries(bytes);
    let entry = |value: &Value<'_>| Entry {
        key: value.key.to_owned(),
        json: Some(value.json.to_owned()),
        version: value.version,
    };
    match keys {
        Keys::All => values.iter().map(entry).collect(),
        Keys::These(keys) => {
            let find = |key: String| match values.binary_search_by(|it| it.key.cmp(&key)) {
                Ok(index) => entry(&values[index]),
                Err(_) => Entry { key, json: None, version: 0 },
            };
            keys.into_iter().map(find).collect()
        }
    }
}

/// First data of a session: what is carried over, with its versions, so that a request that has
/// read it before the login still sees a change that came in between; and its own, which win.
pub(super) fn first(own: &[(String, String)], carried: Option<(&[u8], &Carry)>) -> Vec<u8> {
    let (mut map, mut last): (Map<'_>, u64) =
        carried.map_or_else(Default::default, |(bytes, carry)| {
            let (last, values) = parsed(bytes);
            let wanted = values.into_iter().filter(|value| is_wanted(value.key, carry));
            (wanted.map(|value| (value.key, (value.version, value.json))).collect(), last)
        });
    for (key, json) in own {
        last += 1;
        map.insert(key.as_str(), (last, json.as_str()));
    }
    pack_map(last, &map)
}

fn is_wanted(key: &str, carry: &Carry) -> bool {
    match carry {
        Carry::Nothing => false,
        Carry::Everything => true,
        Carry::Keys(keys) => keys.iter().any(|wanted| wanted == key),
    }
}

/// The data after `changes` and the new versions, or why there are none.
pub(super) fn change(
    bytes: &[u8],
    changes: &[DataChange],
    limits: DataLimits,
) -> Result<(Vec<u8>, Vec<u64>), Updated> {
    let (mut last, values) = parsed(bytes);
    let mut map: Map<'_> =
        values.into_iter().map(|value| (value.key, (value.version, value.json))).collect();
    let version = |key: &str| map.get(key).map_or(0, |(version, _)| *version);
    let unexpected = |change: &&DataChange| match change.expect {
        Expect::Any => false,
        Expect::Version(expected) => version(&change.key) != expected,
    };
    if let Some(change) = changes.iter().find(unexpected) {
        return Err(Updated::Conflict { key: change.key.clone() });
    }
    let versions = changes.iter().map(|change| apply(&mut map, &mut last, change)).collect();
    let size = map.iter().map(|(key, (_, json))| key.len() + json.len()).sum();
    if map.len() > limits.keys || size > limits.bytes {
        return Err(Updated::TooLarge { keys: map.len(), bytes: size });
    }
    Ok((pack_map(last, &map), versions))
}

fn apply<'a>(map: &mut Map<'a>, last: &mut u64, change: &'a DataChange) -> u64 {
    *last += 1;
    match &change.json {
        Some(json) => {
            map.insert(&change.key, (*last, json));
            *last
        }
        None => {
            map.remove(change.key.as_str());
            0
        }
    }
}
