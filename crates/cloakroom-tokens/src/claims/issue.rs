use cloakroom_core::{Timestamp, User};
use serde_json::{Map, Value};

use super::{AccessTokens, Grant, IssueError};
use crate::base64url;
use crate::key::fill;

/// The most bytes of a text that every token has.
pub(super) const LONGEST_TEXT: usize = 512;

/// The names that tokens use themselves, in the order in which they are written.
pub(super) const OWN: [&str; 14] = [
    "iss",
    "aud",
    "sub",
    "client_id",
    "sid",
    "jti",
    "iat",
    "exp",
    "nbf",
    "auth_time",
    "gen",
    "epoch",
    "name",
    "groups",
];

impl AccessTokens {
    pub(super) fn write(
        &self,
        grant: &Grant,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Map<String, Value>, IssueError> {
        check(grant)?;
        let mut claims = grant.extra.clone();
        let mut set = |name: &str, value: Value| drop(claims.insert(name.to_owned(), value));
        set("iss", self.issuer.as_str().into());
        set("aud", self.audience.as_str().into());
        set("sub", grant.user.as_str().into());
        set("client_id", grant.client.as_str().into());
        set("sid", grant.session.to_string().into());
        set("jti", new_id()?.into());
        set("iat", now.unix_seconds().into());
        set("exp", expires_at.unix_seconds().into());
        set("gen", grant.generation.into());
        set("epoch", grant.epoch.into());
        if let Some(at) = grant.authenticated_at {
            set("auth_time", at.unix_seconds().into());
        }
        if let Some(name) = &grant.name {
            set("name", name.as_str().into());
        }
        if !grant.groups.is_empty() {
            set("groups", grant.groups.clone().into());
        }
        Ok(claims)
    }
}

fn check(grant: &Grant) -> Result<(), IssueError> {
    if let Some(name) = OWN.into_iter().find(|name| grant.extra.contains_key(*name)) {
        return Err(IssueError::Reserved(name.to_owned()));
    }
    check_user(grant).map_err(IssueError::Claim)?;
    let early = |at: Timestamp| at.unix_millis() < 0;
    if grant.authenticated_at.is_some_and(early) {
        return Err(IssueError::Claim("auth_time"));
    }
    let fits = (1..=LONGEST_TEXT).contains(&grant.client.len());
    if fits { Ok(()) } else { Err(IssueError::Claim("client_id")) }
}

/// Name and groups must be such as a user can have.
pub(super) fn check_user(grant: &Grant) -> Result<(), &'static str> {
    let user = User::new(grant.user.as_str()).map_err(|_| "sub")?;
    let user = match &grant.name {
        Some(name) => user.name(name.as_str()).map_err(|_| "name")?,
        None => user,
    };
    user.groups(grant.groups.iter().map(String::as_str)).map(drop).map_err(|_| "groups")
}

fn new_id() -> Result<String, IssueError> {
    let mut id = [0; 16];
    fill(&mut id).map_err(|_| IssueError::Random)?;
    Ok(base64url::encode(id))
}
