use cloakroom_core::{Timestamp, UserId};
use serde_json::Value;

use super::issue::{LONGEST_TEXT, OWN, check_user};
use super::{AccessClaims, AccessRefusal, AccessTokens, Grant};
use crate::json::{Members, optional};

/// The last second of the year 9999. What is later is no date of a session.
const LAST_SECOND: i64 = 253_402_300_799;

type Read<T> = Result<T, AccessRefusal>;

impl AccessTokens {
    pub(super) fn read(&self, members: Members, now: Timestamp) -> Read<AccessClaims> {
        if members.text("iss").map_err(AccessRefusal::of("iss"))? != self.issuer {
            return Err(AccessRefusal::OtherIssuer);
        }
        self.check_audience(&members)?;
        let (issued_at, expires_at) = self.check_dates(&members, now)?;
        let id = text(&members, "jti")?.to_owned();
        let mut grant = Grant {
            session: text(&members, "sid")?.parse().map_err(|_| AccessRefusal::Wrong("sid"))?,
            user: UserId::new(text(&members, "sub")?).map_err(|_| AccessRefusal::Wrong("sub"))?,
            name: optional(members.text("name"))
                .map_err(AccessRefusal::of("name"))?
                .map(str::to_owned),
            groups: groups(&members)?,
            client: text(&members, "client_id")?.to_owned(),
            authenticated_at: optional_date(&members, "auth_time")?,
            generation: natural(&members, "gen")?
                .try_into()
                .map_err(|_| AccessRefusal::Wrong("gen"))?,
            epoch: natural(&members, "epoch")?,
            extra: members.into_map(),
        };
        grant.extra.retain(|name, _| !OWN.contains(&name.as_str()));
        check_user(&grant).map_err(AccessRefusal::Wrong)?;
        Ok(AccessClaims { grant, id, issued_at, expires_at })
    }

    /// Exactly one audience: a text, or a list of one text.
    fn check_audience(&self, members: &Members) -> Read<()> {
        let value = members.value("aud").map_err(AccessRefusal::of("aud"))?;
        let only = match value {
            Value::String(text) => Some(text.as_str()),
            Value::Array(list) if list.len() == 1 => list[0].as_str(),
            _ => None,
        };
        match only {
            Some(audience) if audience == self.audience => Ok(()),
            Some(_) => Err(AccessRefusal::OtherAudience),
            None => Err(AccessRefusal::Wrong("aud")),
        }
    }

    fn check_dates(&self, members: &Members, now: Timestamp) -> Read<(Timestamp, Timestamp)> {
        let issued_at = required_date(members, "iat")?;
        let expires_at = required_date(members, "exp")?;
        let not_before = optional_date(members, "nbf")?;
        if expires_at <= issued_at {
            return Err(AccessRefusal::Wrong("exp"));
        }
        if now >= expires_at {
            return Err(AccessRefusal::Expired);
        }
        let latest = now.after(self.leeway);
        if issued_at > latest || not_before.is_some_and(|at| at > latest) {
            return Err(AccessRefusal::NotYet);
        }
        Ok((issued_at, expires_at))
    }
}

fn text<'a>(members: &'a Members, name: &'static str) -> Read<&'a str> {
    let text = members.text(name).map_err(AccessRefusal::of(name))?;
    let fits = (1..=LONGEST_TEXT).contains(&text.len());
    if fits { Ok(text) } else { Err(AccessRefusal::Wrong(name)) }
}

fn natural(members: &Members, name: &'static str) -> Read<u64> {
    members.natural(name).map_err(AccessRefusal::of(name))
}

fn required_date(members: &Members, name: &'static str) -> Read<Timestamp> {
    let seconds = members.integer(name).map_err(AccessRefusal::of(name))?;
    if (0..=LAST_SECOND).contains(&seconds) {
        Ok(Timestamp::from_unix_millis(seconds * 1000))
    } else {
        Err(AccessRefusal::Wrong(name))
    }
}

fn optional_date(members: &Members, name: &'static str) -> Read<Option<Timestamp>> {
    match required_date(members, name) {
        Ok(date) => Ok(Some(date)),
        Err(AccessRefusal::Missing(_)) => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

fn groups(members: &Members) -> Read<Vec<String>> {
    let groups = optional(members.texts("groups")).map_err(AccessRefusal::of("groups"))?;
    Ok(groups.unwrap_or_default().into_iter().map(str::to_owned).collect())
}
