//! A record as one string: columns of fixed width that scripts read and write in place, then the
//! groups and what never changes as JSON. `lua/record.lua` knows the same places.

use std::time::Duration;

use cloakroom_core::{ClientInfo, Record, Renewal, SecretDigest, SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

const COLUMNS: usize = 11;
const WIDTH: usize = 20;
const START: usize = 2;
const DIGEST: usize = START + COLUMNS * WIDTH;
const NEXT: usize = DIGEST + 32;
const PREVIOUS: usize = NEXT + 33;
const GROUPS: usize = PREVIOUS + 33;
const LENGTH_WIDTH: usize = 8;

const FORMAT: u8 = b'1';
const CLAIMED: u8 = b'c';

/// What never changes of a session.
#[derive(Serialize, Deserialize)]
pub(crate) struct Fixed {
    pub(crate) user: Option<UserId>,
    pub(crate) name: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) remembered: bool,
    pub(crate) address: Option<String>,
    pub(crate) agent: Option<String>,
}

/// A record with what only this store needs to know of it.
pub(crate) struct Kept {
    pub(crate) record: Record,
    /// The part of its epoch that counts the ends of everyone, at its login.
    pub(crate) everyone: u64,
    /// Whether a session of another bucket is about to replace it.
    pub(crate) claimed: bool,
}

/// What is kept under a key of ours is not what we keep there.
#[derive(Debug, thiserror::Error)]
#[error("Redis holds something under a key of ours that is not ours: {0}")]
pub(crate) struct Strange(pub(crate) &'static str);

/// A number as a column.
pub(crate) fn padded(number: impl std::fmt::Display) -> String {
    // Zeros go behind a sign, which a width for text would not do.
    let text = number.to_string();
    match text.strip_prefix('-') {
        Some(digits) => format!("-{digits:0>19}"),
        None => format!("{text:0>20}"),
    }
}

pub(crate) fn encode(record: &Record) -> Vec<u8> {
    let absent = || " ".repeat(WIDTH);
    let columns = [
        padded(record.last_seen_at.unix_millis()),
        padded(millis(record.idle_timeout)),
        padded(record.absolute_deadline.unix_millis()),
        padded(record.epoch),
        // The script that inserts it fills in this and the last two.
        padded(0),
        padded(record.generation),
        padded(record.renewal.counter),
        padded(record.renewal.since.unix_millis()),
        record.authenticated_at.map_or_else(absent, |at| padded(at.unix_millis())),
        padded(0),
        padded(0),
    ];
    let mut bytes = vec![FORMAT, b'-'];
    columns.iter().for_each(|column| bytes.extend(column.bytes()));
    bytes.extend(record.digest.as_bytes());
    for digest in [record.renewal.next, record.renewal.previous] {
        bytes.push(if digest.is_some() { b'+' } else { b'-' });
        bytes.extend(digest.map_or([0; 32], |digest| *digest.as_bytes()));
    }
    let groups = groups_text(&record.groups);
    bytes.extend(format!("{:0>8}{groups}", groups.len()).bytes());
    bytes.extend(json(&Fixed::of(record)).bytes());
    bytes
}

pub(crate) fn decode(id: SessionId, bytes: &[u8]) -> Result<Kept, Strange> {
    let row = Row(bytes);
    if bytes.first() != Some(&FORMAT) {
        return Err(Strange("a record of another format"));
    }
    let groups_length = row.length(GROUPS)?;
    let groups_start = GROUPS + LENGTH_WIDTH;
    let groups = row.json(groups_start, Some(groups_length))?;
    let fixed: Fixed = row.json(groups_start + groups_length, None)?;
    let record = Record {
        id,
        digest: row.digest(DIGEST)?,
        renewal: Renewal {
            counter: narrow(row.unsigned(6)?)?,
            since: row.timestamp(7)?,
            next: row.flagged_digest(NEXT)?,
            previous: row.flagged_digest(PREVIOUS)?,
        },
        user: fixed.user,
        user_name: fixed.name,
        groups,
        epoch: row.unsigned(3)?,
        generation: narrow(row.unsigned(5)?)?,
        created_at: fixed.created_at,
        authenticated_at: row
            .is_blank(8)?
            .then_some(())
            .map_or_else(|| row.timestamp(8).map(Some), |()| Ok(None))?,
        last_seen_at: row.timestamp(0)?,
        idle_timeout: Duration::from_millis(row.unsigned(1)?),
        absolute_deadline: row.timestamp(2)?,
        remembered: fixed.remembered,
        client: ClientInfo { address: fixed.address, user_agent: fixed.agent },
    };
    Ok(Kept { record, everyone: row.unsigned(4)?, claimed: bytes.get(1) == Some(&CLAIMED) })
}

pub(crate) fn groups_text(groups: &[String]) -> String {
    json(&groups)
}

fn json(value: &impl Serialize) -> String {
    // Texts, numbers and lists of texts always have a JSON form.
    serde_json::to_string(value).unwrap_or_default()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn narrow(number: u64) -> Result<u32, Strange> {
    u32::try_from(number).map_err(|_| Strange("a number out of range"))
}

impl Fixed {
    fn of(record: &Record) -> Self {
        Self {
            user: record.user.clone(),
            name: record.user_name.clone(),
            created_at: record.created_at,
            remembered: record.remembered,
            address: record.client.address.clone(),
            agent: record.client.user_agent.clone(),
        }
    }
}

/// Columns of a string.
pub(crate) struct Row<'a>(pub(crate) &'a [u8]);

impl Row<'_> {
    pub(crate) fn text(&self, start: usize, length: usize) -> Result<&str, Strange> {
        let bytes = self.0.get(start..start + length).ok_or(Strange("it ends too early"))?;
        std::str::from_utf8(bytes).map_err(|_| Strange("a number that is none"))
    }

    fn column(&self, index: usize) -> Result<&str, Strange> {
        self.text(START + index * WIDTH, WIDTH)
    }

    fn is_blank(&self, index: usize) -> Result<bool, Strange> {
        Ok(self.column(index)?.trim_start().is_empty())
    }

    fn unsigned(&self, index: usize) -> Result<u64, Strange> {
        self.column(index)?.parse().map_err(|_| Strange("a number that is none"))
    }

    fn timestamp(&self, index: usize) -> Result<Timestamp, Strange> {
        self.moment(START + index * WIDTH)
    }

    pub(crate) fn moment(&self, start: usize) -> Result<Timestamp, Strange> {
        let millis = self.text(start, WIDTH)?.parse();
        millis.map(Timestamp::from_unix_millis).map_err(|_| Strange("a moment that is none"))
    }

    pub(crate) fn length(&self, start: usize) -> Result<usize, Strange> {
        self.text(start, LENGTH_WIDTH)?.parse().map_err(|_| Strange("a length that is none"))
    }

    /// JSON from `start`, of so many bytes or to the end.
    pub(crate) fn json<T: for<'de> Deserialize<'de>>(
        &self,
        start: usize,
        length: Option<usize>,
    ) -> Result<T, Strange> {
        let end = length.map_or(self.0.len(), |length| start + length);
        let bytes = self.0.get(start..end).ok_or(Strange("it ends too early"))?;
        serde_json::from_slice(bytes).map_err(|_| Strange("JSON that is none"))
    }

    fn digest(&self, start: usize) -> Result<SecretDigest, Strange> {
        let bytes = self.0.get(start..start + 32).and_then(|bytes| bytes.try_into().ok());
        bytes.map(SecretDigest::from_bytes).ok_or(Strange("it ends too early"))
    }

    fn flagged_digest(&self, start: usize) -> Result<Option<SecretDigest>, Strange> {
        match self.0.get(start) {
            Some(b'+') => self.digest(start + 1).map(Some),
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_width_of_a_column() {
        assert_eq!(padded(0_u32), "00000000000000000000");
        assert_eq!(padded(-1_i64), "-0000000000000000001");
        assert_eq!(padded(u64::MAX).len(), WIDTH);
        assert_eq!(padded(i64::MIN).len(), WIDTH);
        assert_eq!(padded(i64::MIN).parse(), Ok(i64::MIN));
    }

    #[test]
    fn a_record_cut_short_or_altered_is_strange_and_no_panic() {
        let id = SessionId::from_bytes([1; 16]);
        let record = Record {
            id,
            digest: SecretDigest::from_bytes([2; 32]),
            renewal: Renewal::fresh(3, Timestamp::from_unix_millis(-4)),
            user: Some(UserId::new("ada").unwrap()),
            user_name: None,
            groups: vec!["a".to_owned()],
            epoch: u64::MAX,
            generation: u32::MAX,
            created_at: Timestamp::from_unix_millis(i64::MIN),
            authenticated_at: None,
            last_seen_at: Timestamp::from_unix_millis(i64::MAX),
            idle_timeout: Duration::from_millis(5),
            absolute_deadline: Timestamp::from_unix_millis(6),
            remembered: false,
            client: ClientInfo::default(),
        };
        let bytes = encode(&record);
        let kept = decode(id, &bytes).unwrap();
        assert_eq!(format!("{:?}", kept.record), format!("{record:?}"));
        for length in 0..bytes.len() {
            assert!(decode(id, &bytes[..length]).is_err(), "cut to {length}");
        }
    }
}
