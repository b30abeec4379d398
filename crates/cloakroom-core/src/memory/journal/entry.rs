use std::sync::Arc;

use super::super::bytes::{Malformed, Read, Reader, Writer};
use super::super::ended::{code, reason};
use super::super::ends::{EveryoneEnd, How, UserEnd};
use super::super::writes::{Regroup, Renewed};
use crate::{Bucket, EndReason, Renewal, Rotation, SecretDigest, SessionId, Timestamp, UserId};

/// An act that has to outlive a crash.
#[derive(Clone, Debug)]
pub(in super::super) enum Entry {
    Ended { ends: Vec<(SessionId, EndReason)>, by: Option<String>, now: Timestamp },
    User(Arc<UserEnd>),
    Everyone(EveryoneEnd),
    Rotated { id: SessionId, rotation: Rotation, now: Timestamp },
    Regrouped(Arc<Regroup>),
    Renewed { id: SessionId, renewed: Renewed },
}

const ENDED: u8 = 1;
const USER: u8 = 2;
const EVERYONE: u8 = 3;
const ROTATED: u8 = 4;
const REGROUPED: u8 = 5;
const RENEWED: u8 = 6;

impl Entry {
    pub(in super::super) fn pack(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        match self {
            Self::Ended { ends, by, now } => {
                writer.fixed(&[ENDED]);
                write_moment(&mut writer, *now);
                writer.optional(by.as_deref());
                writer.number(ends.len() as u64);
                for (id, reason) in ends {
                    writer.fixed(id.as_bytes());
                    writer.fixed(&[code(*reason)]);
                }
            }
            Self::User(end) => pack_user(&mut writer, end),
            Self::Everyone(end) => {
                writer.fixed(&[EVERYONE]);
                write_how(&mut writer, &end.how);
                writer.number(end.number);
                end.serials.iter().for_each(|serial| writer.number(*serial));
            }
            Self::Rotated { id, rotation, now } => pack_rotated(&mut writer, *id, rotation, *now),
            Self::Regrouped(regroup) => {
                writer.fixed(&[REGROUPED]);
                write_moment(&mut writer, regroup.now);
                writer.text(regroup.user.as_str());
                writer.number(regroup.serial);
                writer.number(regroup.groups.len() as u64);
                regroup.groups.iter().for_each(|group| writer.text(group));
            }
            Self::Renewed { id, renewed } => pack_renewed(&mut writer, *id, renewed),
        }
        writer.0
    }

    pub(in super::super) fn unpack(bytes: &[u8]) -> Read<Self> {
        let mut reader = Reader(bytes);
        let entry = match reader.byte()? {
            ENDED => unpack_ended(&mut reader)?,
            USER => unpack_user(&mut reader)?,
            EVERYONE => unpack_everyone(&mut reader)?,
            ROTATED => unpack_rotated(&mut reader)?,
            REGROUPED => unpack_regrouped(&mut reader)?,
            RENEWED => unpack_renewed(&mut reader)?,
            _ => return Err(Malformed),
        };
        reader.end()?;
        Ok(entry)
    }
}

fn pack_user(writer: &mut Writer, end: &UserEnd) {
    writer.fixed(&[USER]);
    write_how(writer, &end.how);
    writer.text(end.user.as_str());
    writer.number(end.epoch);
    writer.number(end.own);
    let ids: Vec<_> = end.except.iter().chain(&end.ids).collect();
    writer.fixed(&[u8::from(end.except.is_some())]);
    writer.number(ids.len() as u64);
    ids.into_iter().for_each(|id| writer.fixed(id.as_bytes()));
}

fn unpack_user(reader: &mut Reader<'_>) -> Read<Entry> {
    let how = read_how(reader)?;
    let user = read_user(reader)?;
    let (epoch, own) = (reader.number()?, reader.number()?);
    let excepts = reader.byte()? != 0;
    let mut ids = Vec::new();
    for _ in 0..reader.number()? {
        ids.push(read_id(reader)?);
    }
    let except = if excepts && !ids.is_empty() { Some(ids.remove(0)) } else { None };
    Ok(Entry::User(Arc::new(UserEnd { user, except, epoch, own, ids, how })))
}

fn unpack_ended(reader: &mut Reader<'_>) -> Read<Entry> {
    let now = read_moment(reader)?;
    let by = reader.optional()?.map(str::to_owned);
    let mut ends = Vec::new();
    for _ in 0..reader.number()? {
        ends.push((read_id(reader)?, reason(reader.byte()?)?));
    }
    Ok(Entry::Ended { ends, by, now })
}

fn unpack_everyone(reader: &mut Reader<'_>) -> Read<Entry> {
    let (how, number) = (read_how(reader)?, reader.number()?);
    let serials = Bucket::all().map(|_| reader.number()).collect::<Read<_>>()?;
    Ok(Entry::Everyone(EveryoneEnd { number, serials, how }))
}

fn pack_rotated(writer: &mut Writer, id: SessionId, rotation: &Rotation, now: Timestamp) {
    writer.fixed(&[ROTATED]);
    write_moment(writer, now);
    writer.fixed(id.as_bytes());
    writer.fixed(rotation.digest.as_bytes());
    writer.number(u64::from(rotation.counter));
    writer.fixed(&[u8::from(rotation.authenticated_at.is_some())]);
    write_moment(writer, rotation.authenticated_at.unwrap_or_default());
}

fn unpack_rotated(reader: &mut Reader<'_>) -> Read<Entry> {
    let (now, id) = (read_moment(reader)?, read_id(reader)?);
    let digest = SecretDigest::from_bytes(reader.array()?);
    let counter = reader.small()?;
    let authenticated = reader.byte()? != 0;
    let authenticated_at = Some(read_moment(reader)?).filter(|_| authenticated);
    Ok(Entry::Rotated { id, rotation: Rotation { digest, counter, authenticated_at }, now })
}

fn unpack_regrouped(reader: &mut Reader<'_>) -> Read<Entry> {
    let (now, user, serial) = (read_moment(reader)?, read_user(reader)?, reader.number()?);
    let mut groups = Vec::new();
    for _ in 0..reader.number()? {
        groups.push(reader.text()?.to_owned());
    }
    Ok(Entry::Regrouped(Arc::new(Regroup { user, groups, serial, now })))
}

fn pack_renewed(writer: &mut Writer, id: SessionId, Renewed { digest, renewal }: &Renewed) {
    writer.fixed(&[RENEWED]);
    writer.fixed(id.as_bytes());
    writer.fixed(digest.as_bytes());
    writer.number(u64::from(renewal.counter));
    write_moment(writer, renewal.since);
    for digest in [renewal.next, renewal.previous] {
        writer.bytes(digest.as_ref().map_or(&[], |digest| &digest.as_bytes()[..]));
    }
}

fn unpack_renewed(reader: &mut Reader<'_>) -> Read<Entry> {
    let id = read_id(reader)?;
    let digest = SecretDigest::from_bytes(reader.array()?);
    let (counter, since) = (reader.small()?, read_moment(reader)?);
    let (next, previous) = (read_digest(reader)?, read_digest(reader)?);
    let renewal = Renewal { counter, since, next, previous };
    Ok(Entry::Renewed { id, renewed: Renewed { digest, renewal } })
}

fn read_digest(reader: &mut Reader<'_>) -> Read<Option<SecretDigest>> {
    match reader.bytes()? {
        [] => Ok(None),
        bytes => Ok(Some(SecretDigest::from_bytes(bytes.try_into().map_err(|_| Malformed)?))),
    }
}

fn write_how(writer: &mut Writer, how: &How) {
    writer.fixed(&[code(how.reason)]);
    writer.optional(how.by.as_deref());
    write_moment(writer, how.now);
}

fn read_how(reader: &mut Reader<'_>) -> Read<How> {
    let reason = reason(reader.byte()?)?;
    let by = reader.optional()?.map(str::to_owned);
    Ok(How { reason, by, now: read_moment(reader)? })
}

fn write_moment(writer: &mut Writer, moment: Timestamp) {
    writer.near(moment, Timestamp::default());
}

fn read_moment(reader: &mut Reader<'_>) -> Read<Timestamp> {
    reader.near(Timestamp::default())
}

fn read_id(reader: &mut Reader<'_>) -> Read<SessionId> {
    reader.array().map(SessionId::from_bytes)
}

fn read_user(reader: &mut Reader<'_>) -> Read<UserId> {
    UserId::new(reader.text()?).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<Entry> {
        let now = Timestamp::from_unix_millis(1_767_225_600_000);
        let id = SessionId::from_bytes([3; 16]);
        let user = UserId::new("ada").unwrap();
        let by = Some("root".to_owned());
        let how = How { reason: EndReason::Admin, by: by.clone(), now };
        let end = UserEnd {
            user: user.clone(),
            except: Some(id),
            epoch: 9,
            own: 7,
            ids: vec![SessionId::from_bytes([4; 16])],
            how: how.clone(),
        };
        let rotation = Rotation {
            digest: SecretDigest::from_bytes([5; 32]),
            counter: 3,
            authenticated_at: Some(now),
        };
        let groups = vec!["a".to_owned(), "b".to_owned()];
        let digest = SecretDigest::from_bytes([6; 32]);
        let renewal = Renewal { counter: 2, since: now, next: None, previous: Some(digest) };
        vec![
            Entry::Ended { ends: vec![(id, EndReason::Capacity)], by, now },
            Entry::User(Arc::new(UserEnd { except: None, ..end.clone() })),
            Entry::User(Arc::new(end)),
            Entry::Everyone(EveryoneEnd { number: 2, serials: (0..64).collect(), how }),
            Entry::Rotated { id, rotation, now },
            Entry::Regrouped(Arc::new(Regroup { user, groups, serial: 8, now })),
            Entry::Renewed { id, renewed: Renewed { digest, renewal } },
        ]
    }

    #[test]
    fn entries_survive_and_cut_ones_are_refused() {
        for entry in entries() {
            let bytes = entry.pack();
            let after = Entry::unpack(&bytes).unwrap();
            assert_eq!(format!("{after:?}"), format!("{entry:?}"));
            assert_eq!(after.pack(), bytes);
            for end in 0..bytes.len() {
                assert!(Entry::unpack(&bytes[..end]).is_err(), "{entry:?} cut at {end}");
            }
        }
    }
}
