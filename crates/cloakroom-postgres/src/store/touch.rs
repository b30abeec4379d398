use std::collections::BTreeMap;

use cloakroom_core::{Timestamp, Touch, UserId};

use crate::Value;
use crate::text::stored;

pub(super) const TOUCH: &str = "SELECT {schema}.touch($1, $2, $3)";

pub(super) const REGROUP: &str = "SELECT {schema}.regroup($1, $2, $3)";

/// Each session once, with its last use, in the order in which rows are locked.
pub(super) fn touches(now: Timestamp, touches: &[Touch]) -> Vec<Value> {
    let mut last: BTreeMap<_, Timestamp> = BTreeMap::new();
    for Touch { id, seen_at } in touches {
        let latest = last.entry(*id).or_insert(*seen_at);
        *latest = (*latest).max(*seen_at);
    }
    vec![
        now.into(),
        Value::Uuids(last.keys().map(|id| *id.as_bytes()).collect()),
        Value::Integers(last.values().map(|moment| Some(moment.unix_millis())).collect()),
    ]
}

pub(super) fn regroup(user: &UserId, names: &[String], now: Timestamp) -> Vec<Value> {
    vec![user.into(), groups(names), now.into()]
}

pub(super) fn groups(names: &[String]) -> Value {
    Value::Texts(names.iter().map(|name| Some(stored(name).into_owned())).collect())
}
