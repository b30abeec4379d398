use cloakroom_core::{SessionId, Timestamp, User, UserId};

use super::SealError;
use super::wire::{Reader, Writer};

/// What a signed cookie says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedClaims {
    /// The session.
    pub session: SessionId,
    /// Who is logged in; `None` for an anonymous visitor.
    pub user: Option<UserId>,
    /// The name shown to people, where it is not the id.
    pub name: Option<String>,
    /// The groups held when the cookie was issued, at most 255.
    pub groups: Vec<String>,
    /// When the cookie was issued.
    pub issued_at: Timestamp,
    /// When the user last proved who they are.
    pub authenticated_at: Option<Timestamp>,
    /// When the session ends if no newer cookie is issued.
    pub idle_deadline: Timestamp,
    /// When it ends whatever happens.
    pub absolute_deadline: Timestamp,
    /// The user's epoch.
    pub epoch: u64,
    /// The session's privilege generation.
    pub generation: u32,
    /// Whether it outlives the browser ("remember me").
    pub remembered: bool,
    /// Data of the application, fixed at issue.
    pub data: Vec<u8>,
}

const USER: u8 = 1;
const NAME: u8 = 2;
const AUTHENTICATED: u8 = 4;
const REMEMBERED: u8 = 8;
const KNOWN: u8 = USER | NAME | AUTHENTICATED | REMEMBERED;

impl SealedClaims {
    /// The moment at which the cookie is refused: the earlier of its deadlines.
    pub fn deadline(&self) -> Timestamp {
        self.idle_deadline.min(self.absolute_deadline)
    }

    /// In order: flags, session, dates, epoch, generation, user, name, groups, data.
    pub(super) fn encode(&self) -> Result<Vec<u8>, SealError> {
        self.check()?;
        let mut writer = Writer::default();
        writer.byte(self.flags());
        writer.bytes(self.session.as_bytes());
        writer.date(self.issued_at).ok_or(SealError::Claim("issued_at"))?;
        writer.date(self.idle_deadline).ok_or(SealError::Claim("idle_deadline"))?;
        writer.date(self.absolute_deadline).ok_or(SealError::Claim("absolute_deadline"))?;
        if let Some(at) = self.authenticated_at {
            writer.date(at).ok_or(SealError::Claim("authenticated_at"))?;
        }
        writer.number(self.epoch);
        writer.number(self.generation.into());
        if let Some(user) = &self.user {
            writer.text(user.as_str());
        }
        if let Some(name) = &self.name {
            writer.text(name);
        }
        writer.number(self.groups.len() as u64);
        self.groups.iter().for_each(|group| writer.text(group));
        writer.bytes(&self.data);
        Ok(writer.finish())
    }

    /// `None` for what [`SealedClaims::encode`] never writes.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let flags = reader.byte()?;
        let has = |flag: u8| flags & flag != 0;
        let claims = Self {
            session: SessionId::from_bytes(reader.array()?),
            issued_at: reader.date()?,
            idle_deadline: reader.date()?,
            absolute_deadline: reader.date()?,
            authenticated_at: if has(AUTHENTICATED) { Some(reader.date()?) } else { None },
            epoch: reader.number()?,
            generation: reader.number()?.try_into().ok()?,
            user: if has(USER) { Some(UserId::new(reader.text()?).ok()?) } else { None },
            name: if has(NAME) { Some(reader.text()?.to_owned()) } else { None },
            groups: reader.texts()?,
            remembered: has(REMEMBERED),
            data: reader.rest().to_vec(),
        };
        (flags & !KNOWN == 0 && claims.check().is_ok()).then_some(claims)
    }

    fn flags(&self) -> u8 {
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        flag(self.user.is_some(), USER)
            | flag(self.name.is_some(), NAME)
            | flag(self.authenticated_at.is_some(), AUTHENTICATED)
            | flag(self.remembered, REMEMBERED)
    }

    /// Name and groups must be such as a user can have; an anonymous visitor has none.
    fn check(&self) -> Result<(), SealError> {
        if self.groups.len() > 255 || (self.user.is_none() && !self.groups.is_empty()) {
            return Err(SealError::Claim("groups"));
        }
        let Some(id) = &self.user else {
            return if self.name.is_none() { Ok(()) } else { Err(SealError::Claim("name")) };
        };
        let user = User::new(id.as_str()).map_err(|_| SealError::Claim("user"))?;
        let name = self.name.as_deref().unwrap_or(id.as_str());
        let user = user.name(name).map_err(|_| SealError::Claim("name"))?;
        let groups = self.groups.iter().map(String::as_str);
        user.groups(groups).map(drop).map_err(|_| SealError::Claim("groups"))
    }
}
