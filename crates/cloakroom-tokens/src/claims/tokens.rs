use std::time::Duration;

use cloakroom_core::{SessionId, Timestamp, UserId};
use serde_json::{Map, Value};

use super::{AccessRefusal, IssueError};
use crate::json::{JsonFault, Limits, Members};
use crate::jws::{self, KeyLookup, SigningKey};

/// The `typ` of an access token (RFC 9068 section 2.1), so that no other token passes for one.
const TYPE: &str = "at+jwt";
const LIMITS: Limits = Limits { bytes: 12 * 1024, depth: 8 };

/// Issues and verifies the access tokens of one issuer for one audience.
#[derive(Clone, Debug)]
pub struct AccessTokens {
    pub(super) issuer: String,
    pub(super) audience: String,
    pub(super) lifetime: Duration,
    pub(super) leeway: Duration,
    pub(super) budget_bytes: usize,
}

/// Who a token speaks for, and at which state of epoch and generation.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// The session (`sid`).
    pub session: SessionId,
    /// Who is logged in (`sub`).
    pub user: UserId,
    /// The name shown to people (`name`), where it is not the id.
    pub name: Option<String>,
    /// The groups held when the token was issued (`groups`).
    pub groups: Vec<String>,
    /// For which application (`client_id`).
    pub client: String,
    /// When the user last proved who they are (`auth_time`), to a second.
    pub authenticated_at: Option<Timestamp>,
    /// The session's privilege generation (`gen`).
    pub generation: u32,
    /// The user's epoch (`epoch`).
    pub epoch: u64,
    /// Further claims. They count against the budget and cannot take the name of another claim.
    pub extra: Map<String, Value>,
}

/// What a verified token says.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessClaims {
    /// Who it speaks for.
    pub grant: Grant,
    /// Its own id (`jti`).
    pub id: String,
    /// When it was issued (`iat`), to a second.
    pub issued_at: Timestamp,
    /// When it is refused (`exp`), to a second.
    pub expires_at: Timestamp,
}

impl AccessTokens {
    /// Tokens of `issuer` for `audience` that live five minutes, have at most 3,500 bytes, and may
    /// come from a clock that is up to 60 seconds ahead.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            audience: audience.into(),
            lifetime: Duration::from_secs(300),
            leeway: Duration::from_secs(60),
            budget_bytes: 3_500,
        }
    }

    /// How long tokens live that are issued from now on.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// How far the issuer's clock may be ahead: for `iat` and `nbf` only. `exp` has no leeway.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// The most bytes of a token.
    #[must_use]
    pub fn budget_bytes(mut self, bytes: usize) -> Self {
        self.budget_bytes = bytes.min(jws::MOST_TOKEN_BYTES);
        self
    }

    /// Issues a token that lives for the lifetime, and never beyond `deadline`, the moment at
    /// which the session ends in any case.
    ///
    /// # Errors
    /// [`IssueError`]; over the budget it names the claims that are too large.
    pub fn issue(
        &self,
        grant: &Grant,
        key: &SigningKey,
        now: Timestamp,
        deadline: Timestamp,
    ) -> Result<String, IssueError> {
        let expires_at = now.after(self.lifetime).min(deadline);
        if expires_at.unix_seconds() <= now.unix_seconds() {
            return Err(IssueError::Ended);
        }
        let claims = self.write(grant, now, expires_at)?;
        let payload = serde_json::to_vec(&claims).map_err(|_| IssueError::Claim("extra"))?;
        // What could be issued but not read back would be a login that never works.
        if let Err(JsonFault::TooDeep) = Members::parse(&payload, LIMITS) {
            return Err(IssueError::Claim("extra"));
        }
        match key.sign(Some(TYPE), &payload) {
            Ok(token) if token.len() <= self.budget_bytes => Ok(token),
            Ok(token) => Err(self.over_budget(&claims, token.len())),
            Err(jws::SignError::TooLarge) => Err(self.over_budget(&claims, payload.len() * 4 / 3)),
            Err(error) => Err(IssueError::Sign(error)),
        }
    }

    /// Verifies a token: hostile text of any length. Costs the signature and no I/O.
    ///
    /// Dates must be integers: the fractions that RFC 7519 allows are refused, for no token of
    /// ours has them.
    ///
    /// # Errors
    /// [`AccessRefusal`]: for logs, not for whoever presented it.
    pub fn verify(
        &self,
        token: &str,
        keys: &impl KeyLookup,
        now: Timestamp,
    ) -> Result<AccessClaims, AccessRefusal> {
        let verified = jws::verify(token, keys, Some(TYPE)).map_err(AccessRefusal::Token)?;
        let members = Members::parse(&verified.payload, LIMITS).map_err(AccessRefusal::Json)?;
        self.read(members, now)
    }
}
