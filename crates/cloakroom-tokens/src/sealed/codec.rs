use std::time::Duration;

use cloakroom_core::Timestamp;

use super::{SealError, SealedClaims, SealedRefusal, SealingKey, SealingKeyId};
use crate::base64url;

/// The most bytes that name and value of a cookie have together: browsers drop what is longer.
pub const MOST_COOKIE_BYTES: usize = 4_096;

const HEADER_BYTES: usize = 1 + 8;

/// Seals and opens the cookie of one name for one purpose.
#[derive(Clone, Debug)]
pub struct SealedCodec {
    cookie_name: String,
    context: Vec<u8>,
    leeway: Duration,
    budget_bytes: usize,
}

impl SealedCodec {
    /// A codec for a cookie; its values open under no other name and for no other purpose, not
    /// even with the same key. Its clock may be up to 60 seconds behind that of the issuer.
    pub fn new(cookie_name: impl Into<String>, purpose: &str) -> Self {
        let cookie_name = cookie_name.into();
        let mut context = Vec::new();
        for part in [cookie_name.as_str(), purpose] {
            // With their lengths, so that no two pairs are bound alike.
            context.extend_from_slice(&(part.len() as u64).to_be_bytes());
            context.extend_from_slice(part.as_bytes());
        }
        let leeway = Duration::from_secs(60);
        Self { cookie_name, context, leeway, budget_bytes: MOST_COOKIE_BYTES }
    }

    /// The most bytes of name and value, at most [`MOST_COOKIE_BYTES`].
    #[must_use]
    pub fn budget_bytes(mut self, bytes: usize) -> Self {
        self.budget_bytes = bytes.min(MOST_COOKIE_BYTES);
        self
    }

    /// How far the issuer's clock may be ahead. The deadlines have no leeway.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// The value of the cookie.
    ///
    /// # Errors
    /// [`SealError`]; what is over the budget is told with the share of the data.
    pub fn seal(&self, claims: &SealedClaims, key: &SealingKey) -> Result<String, SealError> {
        let encoded = claims.encode()?;
        let mut sealed = vec![key.protection().mode()];
        sealed.extend_from_slice(&key.id().0);
        key.protect(&self.context, &encoded, &mut sealed).map_err(SealError::Random)?;
        let value = base64url::encode(sealed);
        let bytes = self.cookie_name.len() + value.len();
        if bytes <= self.budget_bytes {
            return Ok(value);
        }
        let data_bytes = claims.data.len().div_ceil(3) * 4;
        Err(SealError::OverBudget { bytes, budget: self.budget_bytes, data_bytes })
    }

    /// Opens a value: hostile text of any length. `find` gives the key with an id. Costs the tag
    /// and no I/O.
    ///
    /// # Errors
    /// [`SealedRefusal`]: for logs, not for whoever presented it.
    pub fn open<'a>(
        &self,
        value: &str,
        find: impl FnOnce(SealingKeyId) -> Option<&'a SealingKey>,
        now: Timestamp,
    ) -> Result<SealedClaims, SealedRefusal> {
        if value.len() > MOST_COOKIE_BYTES {
            return Err(SealedRefusal::TooLarge);
        }
        let sealed = base64url::decode(value).ok_or(SealedRefusal::Malformed)?;
        let (header, protected) =
            sealed.split_first_chunk::<HEADER_BYTES>().ok_or(SealedRefusal::Malformed)?;
        let [mode, id @ ..] = *header;
        let key = find(SealingKeyId(id)).ok_or(SealedRefusal::UnknownKey)?;
        if mode != key.protection().mode() {
            return Err(SealedRefusal::OtherProtection);
        }
        let claims = key.recover(&self.context, header, protected);
        let claims = SealedClaims::decode(&claims.ok_or(SealedRefusal::BadTag)?);
        self.check_dates(claims.ok_or(SealedRefusal::Claims)?, now)
    }

    fn check_dates(
        &self,
        claims: SealedClaims,
        now: Timestamp,
    ) -> Result<SealedClaims, SealedRefusal> {
        if now >= claims.absolute_deadline {
            return Err(SealedRefusal::Expired);
        }
        if now >= claims.idle_deadline {
            return Err(SealedRefusal::Idle);
        }
        if claims.issued_at > now.after(self.leeway) {
            return Err(SealedRefusal::NotYet);
        }
        Ok(claims)
    }
}
