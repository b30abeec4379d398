//! A session that ended, packed.

use super::bytes::{Malformed, Read, Reader, Writer};
use super::strings::Strings;
use crate::{EndReason, EndedSession, SessionId, Timestamp, UserId};

/// An entry of the history without its id.
pub(super) struct Entry(Box<[u8]>);

const USER: u8 = 1;
const NAME: u8 = 1 << 1;
const ADDRESS: u8 = 1 << 2;
const AGENT: u8 = 1 << 3;
const BY: u8 = 1 << 4;
const KNOWN: u8 = (1 << 5) - 1;

/// Numbers of reasons in files, for ever.
const REASONS: [EndReason; 11] = [
    EndReason::Absolute,
    EndReason::Admin,
    EndReason::Idle,
    EndReason::KeyRetired,
    EndReason::Limit,
    EndReason::Logout,
    EndReason::PasswordChange,
    EndReason::Replaced,
    EndReason::Theft,
    EndReason::UserDisabled,
    EndReason::Capacity,
];

pub(super) fn code(reason: EndReason) -> u8 {
    let index = REASONS.iter().position(|known| *known == reason);
    // A test shows that every reason is in the table.
    index.and_then(|index| u8::try_from(index).ok()).unwrap_or(u8::MAX)
}

pub(super) fn reason(code: u8) -> Read<EndReason> {
    REASONS.get(usize::from(code)).copied().ok_or(Malformed)
}

impl Entry {
    /// Packs what ended, and counts a use of its user agent; the memory that takes if it is new.
    pub(super) fn pack(ended: &EndedSession, strings: &mut Strings) -> (Self, usize) {
        let agent = ended.user_agent.as_ref().map(|agent| strings.keep(agent.as_bytes()));
        let user = ended.user.as_ref().map(UserId::as_str);
        let texts = [
            (USER, user),
            (NAME, ended.user_name.as_deref()),
            (ADDRESS, ended.client_address.as_deref()),
            (BY, ended.ended_by.as_deref()),
        ];
        let present = texts.iter().filter(|(_, text)| text.is_some());
        let agent_flag = if agent.is_some() { AGENT } else { 0 };
        let flags = present.fold(agent_flag, |flags, (flag, _)| flags | flag);
        let mut writer = Writer::default();
        writer.fixed(&[flags, code(ended.reason)]);
        writer.near(ended.created_at, ended.id.made_at());
        writer.near(ended.last_seen_at, ended.created_at);
        writer.near(ended.ended_at, ended.created_at);
        texts.iter().filter_map(|(_, text)| *text).for_each(|text| writer.text(text));
        if let Some((index, _)) = agent {
            writer.number(u64::from(index));
        }
        (Self(writer.0.into_boxed_slice()), agent.map_or(0, |(_, cost)| cost))
    }

    /// An entry as a file has it, after all of it was looked at.
    pub(super) fn checked(id: SessionId, bytes: &[u8], strings: &Strings) -> Read<Self> {
        read(id, bytes, strings)?;
        Ok(Self(bytes.into()))
    }

    pub(super) fn unpack(&self, id: SessionId, strings: &Strings) -> EndedSession {
        read(id, &self.0, strings).expect("an entry was packed or checked by this module").0
    }

    /// The number of its user agent.
    pub(super) fn agent(&self, id: SessionId, strings: &Strings) -> Option<u32> {
        read(id, &self.0, strings).ok()?.1
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

fn read(id: SessionId, bytes: &[u8], strings: &Strings) -> Read<(EndedSession, Option<u32>)> {
    let mut reader = Reader(bytes);
    let [flags, code] = reader.array()?;
    let created_at = reader.near(id.made_at())?;
    let (last_seen_at, ended_at) = (reader.near(created_at)?, reader.near(created_at)?);
    let text = |flag: u8, reader: &mut Reader<'_>| match flags & flag {
        0 => Ok(None),
        _ => reader.text().map(|text| Some(text.to_owned())),
    };
    let user = text(USER, &mut reader)?;
    let user = user.map(UserId::new).transpose().map_err(|_| Malformed)?;
    let user_name = text(NAME, &mut reader)?;
    let client_address = text(ADDRESS, &mut reader)?;
    let ended_by = text(BY, &mut reader)?;
    let agent = if flags & AGENT == 0 { None } else { Some(reader.small()?) };
    let user_agent = match agent {
        Some(agent) => Some(strings.text(agent).ok_or(Malformed)?.to_owned()),
        None => None,
    };
    reader.end()?;
    if flags & !KNOWN != 0 {
        return Err(Malformed);
    }
    let ended = EndedSession {
        id,
        user,
        user_name,
        created_at,
        last_seen_at,
        ended_at,
        reason: reason(code)?,
        ended_by,
        client_address,
        user_agent,
    };
    Ok((ended, agent))
}

/// What is kept of an end of which nothing else is known.
pub(super) fn bare(id: SessionId, reason: EndReason, ended_at: Timestamp) -> EndedSession {
    EndedSession {
        id,
        user: None,
        user_name: None,
        created_at: id.made_at(),
        last_seen_at: id.made_at(),
        ended_at,
        reason,
        ended_by: None,
        client_address: None,
        user_agent: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_number_of_its_own() {
        for (known, _) in EndReason::ALL {
            assert_eq!(reason(code(known)).unwrap(), known);
        }
    }

    #[test]
    fn what_ended_survives_and_cut_bytes_are_refused() {
        let mut strings = Strings::default();
        let id = SessionId::from_bytes([9; 16]);
        let mut ended = bare(id, EndReason::Theft, Timestamp::from_unix_millis(5));
        ended.user = UserId::new("ada").ok();
        ended.ended_by = Some(String::new());
        ended.user_agent = Some("Browser".to_owned());
        let (entry, cost) = Entry::pack(&ended, &mut strings);
        assert!(cost > 0);
        assert_eq!(format!("{:?}", entry.unpack(id, &strings)), format!("{ended:?}"));
        for end in 0..entry.bytes().len() {
            assert!(Entry::checked(id, &entry.bytes()[..end], &strings).is_err());
        }
    }
}
