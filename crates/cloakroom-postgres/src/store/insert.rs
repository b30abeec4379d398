use cloakroom_core::{Carry, Inserted, LimitPolicy, NewSession, Record, SecretDigest};
use tokio_postgres::Row;

use crate::Value;
use crate::row::{Decoded, only, session_ids};
use crate::text::stored;

pub(super) const INSERT: &str = "SELECT outcome, ended FROM {schema}.insert_session(
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
    $21, $22, $23, $24, $25, $26, $27)";

pub(super) fn values(new: &NewSession) -> Vec<Value> {
    let mut values = of_record(&new.record);
    let text = |text: &str| Some(stored(text).into_owned());
    values.push(Value::Texts(new.data.iter().map(|(key, _)| text(key)).collect()));
    values.push(Value::Texts(new.data.iter().map(|(_, json)| text(json)).collect()));
    let carry = new.replaces.as_ref().map_or(&Carry::Nothing, |replaces| &replaces.carry);
    values.push(new.replaces.as_ref().map(|replaces| replaces.id).into());
    values.push((*carry == Carry::Everything).into());
    values.push(Value::Texts(match carry {
        Carry::Keys(keys) => keys.iter().map(|key| text(key)).collect(),
        Carry::Nothing | Carry::Everything => Vec::new(),
    }));
    values.push(new.limit.map(|limit| i64::from(limit.most)).into());
    values.push(new.limit.map(|limit| policy(limit.policy).to_owned()).into());
    values.push(new.anonymous_cap.into());
    values
}

fn of_record(record: &Record) -> Vec<Value> {
    let text = |text: &Option<String>| text.as_deref().map(|text| stored(text).into_owned());
    let digest = |digest: &Option<SecretDigest>| Value::from(*digest);
    let idle_timeout = i64::try_from(record.idle_timeout.as_millis()).unwrap_or(i64::MAX);
    vec![
        record.id.into(),
        record.digest.into(),
        record.renewal.counter.into(),
        record.renewal.since.into(),
        digest(&record.renewal.next),
        digest(&record.renewal.previous),
        record.user.as_ref().map(|user| user.as_str().to_owned()).into(),
        text(&record.user_name).into(),
        super::touch::groups(&record.groups),
        record.epoch.into(),
        record.generation.into(),
        record.created_at.into(),
        record.authenticated_at.into(),
        record.last_seen_at.into(),
        idle_timeout.into(),
        record.absolute_deadline.into(),
        record.remembered.into(),
        text(&record.client.address).into(),
        text(&record.client.user_agent).into(),
    ]
}

fn policy(policy: LimitPolicy) -> &'static str {
    match policy {
        LimitPolicy::EndLeastRecentlyUsed => "end_least_recently_used",
        LimitPolicy::EndOldest => "end_oldest",
        LimitPolicy::Refuse => "refuse",
    }
}

pub(super) fn inserted(rows: &[Row]) -> Decoded<Inserted> {
    let row = only(rows)?;
    Ok(match row.try_get::<_, &str>(0)? {
        "done" => Inserted::Done { ended: session_ids(row, 1)? },
        "conflict" => Inserted::Conflict,
        "full" => Inserted::Full,
        "limit_reached" => Inserted::LimitReached,
        "superseded" => Inserted::Superseded,
        other => return Err(format!("unknown outcome {other:?}").into()),
    })
}
