//! A session as one piece of memory: what the store holds a million of.

use std::time::Duration;

use super::bytes::{Malformed, Read, Reader, Writer};
use super::data;
use super::strings::Strings;
use crate::{ClientInfo, EndReason, Record, Renewal, SecretDigest, SessionId, Timestamp, UserId};

/// A record and its data, packed. What touches and sweeps change stands at fixed places; moments
/// are distances from each other, and texts that many rows share are numbers of [`Strings`].
/// Files hold rows as they are.
pub(super) struct Row(Box<[u8]>);

const LAST_SEEN: usize = 0;
const DUE: usize = 8;
const DIGEST: usize = 16;
const DATA_AT: usize = 48;
const FLAGS: usize = 52;
const REST: usize = 54;

const USER: u16 = 1;
const NAME: u16 = 1 << 1;
const NAME_IS_USER: u16 = 1 << 2;
const ADDRESS: u16 = 1 << 3;
const AGENT: u16 = 1 << 4;
const GROUPS: u16 = 1 << 5;
const REMEMBERED: u16 = 1 << 6;
const AUTHENTICATED: u16 = 1 << 7;
const NEXT: u16 = 1 << 8;
const PREVIOUS: u16 = 1 << 9;
const KNOWN: u16 = (1 << 10) - 1;

/// The part of a row that every look at it needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    flags: u16,
    pub(super) created_at: Timestamp,
    pub(super) last_seen_at: Timestamp,
    pub(super) absolute_deadline: Timestamp,
    idle_timeout: u64,
    pub(super) generation: u32,
    /// Which insert of its shard it came with.
    pub(super) serial: u64,
    pub(super) epoch: u64,
    rest: usize,
}

/// Texts and numbers behind the head.
pub(super) struct Parts<'a> {
    pub(super) user: Option<&'a str>,
    pub(super) name: Option<&'a str>,
    pub(super) address: Option<&'a str>,
    pub(super) agent: Option<u32>,
    groups: Option<u32>,
    since: Timestamp,
    authenticated_at: Option<Timestamp>,
    counter: u32,
    next: Option<[u8; 32]>,
    previous: Option<[u8; 32]>,
}

impl Head {
    fn read(id: SessionId, bytes: &[u8]) -> Read<Self> {
        let mut reader = Reader(bytes.get(REST..).ok_or(Malformed)?);
        let created_at = reader.near(id.made_at())?;
        Ok(Self {
            flags: u16::from_le_bytes(at(bytes, FLAGS)?),
            created_at,
            last_seen_at: moment(bytes, LAST_SEEN)?,
            absolute_deadline: reader.near(created_at)?,
            idle_timeout: reader.number()?,
            generation: reader.small()?,
            serial: reader.number()?,
            epoch: reader.number()?,
            rest: bytes.len() - reader.0.len(),
        })
    }

    fn idle_deadline(&self) -> Timestamp {
        self.last_seen_at.after(Duration::from_millis(self.idle_timeout))
    }

    pub(super) fn deadline(&self) -> Timestamp {
        self.idle_deadline().min(self.absolute_deadline)
    }

    pub(super) fn expiry_reason(&self) -> EndReason {
        if self.absolute_deadline <= self.idle_deadline() {
            EndReason::Absolute
        } else {
            EndReason::Idle
        }
    }

    pub(super) fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.deadline()
    }

    pub(super) fn is_anonymous(&self) -> bool {
        self.flags & USER == 0
    }
}

impl<'a> Parts<'a> {
    fn read(head: &Head, reader: &mut Reader<'a>) -> Read<Self> {
        let has = |flag: u16| head.flags & flag != 0;
        let user = if has(USER) { Some(reader.text()?) } else { None };
        Ok(Self {
            user,
            name: if has(NAME_IS_USER) {
                Some(user.ok_or(Malformed)?)
            } else if has(NAME) {
                Some(reader.text()?)
            } else {
                None
            },
            address: if has(ADDRESS) { Some(reader.text()?) } else { None },
            agent: if has(AGENT) { Some(reader.small()?) } else { None },
            groups: if has(GROUPS) { Some(reader.small()?) } else { None },
            since: reader.near(head.created_at)?,
            authenticated_at: match has(AUTHENTICATED) {
                true => Some(reader.near(head.created_at)?),
                false => None,
            },
            counter: reader.small()?,
            next: if has(NEXT) { Some(reader.array()?) } else { None },
            previous: if has(PREVIOUS) { Some(reader.array()?) } else { None },
        })
    }
}

/// What a pack took besides the row.
pub(super) struct Packed {
    pub(super) row: Row,
    /// Memory of texts that were not there before.
    pub(super) strings: usize,
}

impl Row {
    /// Packs a record and its packed data. The row is due at its deadline.
    pub(super) fn pack(record: &Record, serial: u64, data: &[u8], strings: &mut Strings) -> Packed {
        let mut writer = Writer(Vec::with_capacity(256 + data.len()));
        writer.fixed(&record.last_seen_at.unix_millis().to_le_bytes());
        writer.fixed(&record.deadline().unix_millis().to_le_bytes());
        writer.fixed(record.digest.as_bytes());
        writer.fixed(&[0; 4]);
        writer.fixed(&flags(record).to_le_bytes());
        let created_at = record.created_at;
        writer.near(created_at, record.id.made_at());
        writer.near(record.absolute_deadline, created_at);
        writer.number(u64::try_from(record.idle_timeout.as_millis()).unwrap_or(u64::MAX));
        writer.number(u64::from(record.generation));
        writer.number(serial);
        writer.number(record.epoch);
        let taken = rest(&mut writer, record, strings);
        let data_at = u32::try_from(writer.0.len()).expect("texts of a record are short");
        writer.0[DATA_AT..FLAGS].copy_from_slice(&data_at.to_le_bytes());
        writer.fixed(data);
        Packed { row: Self(writer.0.into_boxed_slice()), strings: taken }
    }

    /// The same session with other data.
    pub(super) fn with_data(&self, data: &[u8]) -> Self {
        Self([self.before_data(), data].concat().into_boxed_slice())
    }

    /// A row as a file has it, after all of it was looked at.
    pub(super) fn checked(id: SessionId, bytes: &[u8], strings: &Strings) -> Read<Self> {
        let head = Head::read(id, bytes)?;
        let data_at = u32::from_le_bytes(at(bytes, DATA_AT)?) as usize;
        let mut reader = Reader(bytes.get(head.rest..data_at).ok_or(Malformed)?);
        let parts = Parts::read(&head, &mut reader)?;
        reader.end()?;
        if let Some(user) = parts.user {
            UserId::new(user).map_err(|_| Malformed)?;
        }
        let agent = parts.agent.is_none_or(|agent| strings.text(agent).is_some());
        let groups = match parts.groups.map(|groups| strings.bytes(groups).ok_or(Malformed)) {
            Some(groups) => unpack_groups(groups?).is_ok(),
            None => true,
        };
        data::check(&bytes[data_at..])?;
        if agent && groups && head.flags & !KNOWN == 0 {
            Ok(Self(bytes.into()))
        } else {
            Err(Malformed)
        }
    }

    pub(super) fn head(&self, id: SessionId) -> Head {
        Head::read(id, &self.0).expect("a row was packed or checked by this module")
    }

    pub(super) fn parts(&self, head: &Head) -> Parts<'_> {
        let parts = Parts::read(head, &mut Reader(&self.0[head.rest..]));
        parts.expect("a row was packed or checked by this module")
    }

    /// Whose session it is, without reading what stands behind.
    pub(super) fn user(&self, head: &Head) -> Option<&str> {
        if head.is_anonymous() {
            return None;
        }
        Reader(&self.0[head.rest..]).text().ok()
    }

    pub(super) fn record(&self, id: SessionId, strings: &Strings) -> Record {
        let head = self.head(id);
        let parts = self.parts(&head);
        let groups = parts.groups.and_then(|groups| strings.bytes(groups));
        Record {
            id,
            digest: SecretDigest::from_bytes(self.digest()),
            renewal: Renewal {
                counter: parts.counter,
                since: parts.since,
                next: parts.next.map(SecretDigest::from_bytes),
                previous: parts.previous.map(SecretDigest::from_bytes),
            },
            user: parts.user.and_then(|user| UserId::new(user).ok()),
            user_name: parts.name.map(str::to_owned),
            groups: groups.map_or_else(Vec::new, |it| unpack_groups(it).unwrap_or_default()),
            epoch: head.epoch,
            generation: head.generation,
            created_at: head.created_at,
            authenticated_at: parts.authenticated_at,
            last_seen_at: head.last_seen_at,
            idle_timeout: Duration::from_millis(head.idle_timeout),
            absolute_deadline: head.absolute_deadline,
            remembered: head.flags & REMEMBERED != 0,
            client: ClientInfo {
                address: parts.address.map(str::to_owned),
                user_agent: parts.agent.and_then(|it| strings.text(it)).map(str::to_owned),
            },
        }
    }

    fn digest(&self) -> [u8; 32] {
        at(&self.0, DIGEST).unwrap_or_default()
    }

    pub(super) fn data(&self) -> &[u8] {
        &self.0[self.data_at()..]
    }

    fn before_data(&self) -> &[u8] {
        &self.0[..self.data_at()]
    }

    fn data_at(&self) -> usize {
        u32::from_le_bytes(at(&self.0, DATA_AT).unwrap_or_default()) as usize
    }

    pub(super) fn seen(&mut self, at: Timestamp) {
        self.0[LAST_SEEN..DUE].copy_from_slice(&at.unix_millis().to_le_bytes());
    }

    /// Where it stands in the order of deadlines: at its own or, since it was used, before it.
    pub(super) fn due(&self) -> Timestamp {
        moment(&self.0, DUE).unwrap_or_default()
    }

    pub(super) fn set_due(&mut self, due: Timestamp) {
        self.0[DUE..DIGEST].copy_from_slice(&due.unix_millis().to_le_bytes());
    }

    /// The numbers of the texts that it shares with others.
    pub(super) fn shared(&self, head: &Head) -> impl Iterator<Item = u32> {
        let parts = self.parts(head);
        parts.agent.into_iter().chain(parts.groups)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

fn flags(record: &Record) -> u16 {
    let user = record.user.as_ref().map(UserId::as_str);
    let name_is_user = user.is_some() && record.user_name.as_deref() == user;
    let client = &record.client;
    let set = [
        (USER, user.is_some()),
        (NAME, record.user_name.is_some() && !name_is_user),
        (NAME_IS_USER, name_is_user),
        (ADDRESS, client.address.is_some()),
        (AGENT, client.user_agent.is_some()),
        (GROUPS, !record.groups.is_empty()),
        (REMEMBERED, record.remembered),
        (AUTHENTICATED, record.authenticated_at.is_some()),
        (NEXT, record.renewal.next.is_some()),
        (PREVIOUS, record.renewal.previous.is_some()),
    ];
    set.into_iter().filter(|(_, set)| *set).fold(0, |flags, (flag, _)| flags | flag)
}

/// What stands between the head and the data; the memory of new shared texts.
fn rest(writer: &mut Writer, record: &Record, strings: &mut Strings) -> usize {
    let flags = flags(record);
    let mut taken = 0;
    let mut share = |writer: &mut Writer, bytes: &[u8]| {
        let (index, cost) = strings.keep(bytes);
        writer.number(u64::from(index));
        taken += cost;
    };
    if let Some(user) = &record.user {
        writer.text(user.as_str());
    }
    if let Some(name) = record.user_name.as_ref().filter(|_| flags & NAME != 0) {
        writer.text(name);
    }
    if let Some(address) = &record.client.address {
        writer.text(address);
    }
    if let Some(agent) = &record.client.user_agent {
        share(writer, agent.as_bytes());
    }
    if !record.groups.is_empty() {
        share(writer, &pack_groups(&record.groups));
    }
    writer.near(record.renewal.since, record.created_at);
    if let Some(authenticated_at) = record.authenticated_at {
        writer.near(authenticated_at, record.created_at);
    }
    writer.number(u64::from(record.renewal.counter));
    for digest in [record.renewal.next, record.renewal.previous].into_iter().flatten() {
        writer.fixed(digest.as_bytes());
    }
    taken
}

fn pack_groups(groups: &[String]) -> Vec<u8> {
    let mut writer = Writer::default();
    groups.iter().for_each(|group| writer.text(group));
    writer.0
}

fn unpack_groups(bytes: &[u8]) -> Read<Vec<String>> {
    let (mut reader, mut groups) = (Reader(bytes), Vec::new());
    while !reader.is_empty() {
        groups.push(reader.text()?.to_owned());
    }
    Ok(groups)
}

fn at<const N: usize>(bytes: &[u8], place: usize) -> Read<[u8; N]> {
    Reader(bytes.get(place..).ok_or(Malformed)?).array()
}

fn moment(bytes: &[u8], place: usize) -> Read<Timestamp> {
    at(bytes, place).map(|bytes| Timestamp::from_unix_millis(i64::from_le_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let now = Timestamp::from_unix_millis(1_767_225_600_000);
        Record {
            id: SessionId::new(None, now),
            digest: SecretDigest::from_bytes([7; 32]),
            renewal: Renewal {
                counter: 900,
                since: now.after(Duration::from_secs(5)),
                next: Some(SecretDigest::from_bytes([8; 32])),
                previous: None,
            },
            user: UserId::new("ada").ok(),
            user_name: Some("Ada".to_owned()),
            groups: vec!["writers".to_owned(), String::new()],
            epoch: u64::MAX,
            generation: 3,
            created_at: now.before(Duration::from_secs(9)),
            authenticated_at: None,
            last_seen_at: now,
            idle_timeout: Duration::from_millis(1_234_567),
            absolute_deadline: Timestamp::from_unix_millis(i64::MAX),
            remembered: true,
            client: ClientInfo { address: None, user_agent: Some("Browser".to_owned()) },
        }
    }

    #[test]
    fn a_record_survives_and_cut_bytes_are_refused() {
        let mut strings = Strings::default();
        let before = record();
        let data = data::pack(4, [("k", 4, "1")].into_iter());
        let row = Row::pack(&before, 77, &data, &mut strings).row;
        let after = row.record(before.id, &strings);
        assert_eq!(format!("{after:?}"), format!("{before:?}"));
        assert_eq!((after.digest, row.head(before.id).serial), (before.digest, 77));
        assert_eq!(row.data(), data);
        assert!(Row::checked(before.id, row.bytes(), &strings).is_ok());
        for end in 0..row.bytes().len() {
            assert!(Row::checked(before.id, &row.bytes()[..end], &strings).is_err());
        }
        assert!(Row::checked(before.id, row.bytes(), &Strings::default()).is_err());
    }

    #[test]
    fn bytes_of_any_kind_are_read_or_refused_without_a_panic() {
        let mut strings = Strings::default();
        let before = record();
        let data = data::pack(4, [("k", 4, "1"), ("l", 2, "[]")].into_iter());
        let row = Row::pack(&before, 77, &data, &mut strings).row;
        for bit in 0..row.bytes().len() * 8 {
            let mut bytes = row.bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(row) = Row::checked(before.id, &bytes, &strings) {
                row.record(before.id, &strings);
                assert!(data::entries(row.data()).len() <= 2);
            }
        }
    }

    #[test]
    fn a_session_with_200_bytes_of_data_takes_less_than_350() {
        let mut record = record();
        record.user = UserId::new("user-0001234").ok();
        record.user_name = Some("Name 0001234".to_owned());
        record.client.address = Some("203.0.113.255".to_owned());
        (record.epoch, record.created_at) = (0, record.id.made_at());
        record.absolute_deadline = record.created_at.after(Duration::from_secs(30 * 86_400));
        record.renewal = Renewal::fresh(0, record.created_at);
        let json = "x".repeat(200);
        let data = data::pack(1, [("cart", 1, json.as_str())].into_iter());
        let row = Row::pack(&record, 15_000, &data, &mut Strings::default()).row;
        assert!(row.bytes().len() <= 350, "{} bytes", row.bytes().len());
    }
}
