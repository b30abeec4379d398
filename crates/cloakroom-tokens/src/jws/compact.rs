use super::header::{self, Header};
use super::{KeyLookup, Refusal, SignError, SigningKey, VerifyingKey};
use crate::base64url;

/// The most bytes of a token that are looked at: as much as servers take in a header.
pub const MOST_TOKEN_BYTES: usize = 16 * 1024;

/// What a token says, now that its signature is known to be good.
#[derive(Clone, Debug)]
pub struct Verified<'a> {
    /// The payload: any bytes.
    pub payload: Vec<u8>,
    /// The key that signed it.
    pub key: &'a VerifyingKey,
}

/// Verifies a compact JWS: hostile text of any length. Costs the signature and no I/O.
///
/// The key is looked up by the header's `kid`, and decides on the algorithm. `typ` is what the
/// header must name as its type; `None` only where a key signs nothing else (RFC 8725 section
/// 3.11).
///
/// # Errors
/// [`Refusal`]: for logs, not for whoever presented it.
pub fn verify<'a>(
    token: &str,
    keys: &'a impl KeyLookup,
    typ: Option<&str>,
) -> Result<Verified<'a>, Refusal> {
    if token.len() > MOST_TOKEN_BYTES {
        return Err(Refusal::TooLarge);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(Refusal::Malformed)?;
    let (header, payload) = message.split_once('.').ok_or(Refusal::Malformed)?;
    let header = Header::parse(&base64url::decode(header).ok_or(Refusal::Malformed)?)?;
    let key = keys.find(header.kid()?).ok_or(Refusal::UnknownKey)?;
    header.check_algorithm(key.algorithm())?;
    let signature = base64url::decode(signature).ok_or(Refusal::Malformed)?;
    if !key.accepts(message.as_bytes(), &signature) {
        return Err(Refusal::BadSignature);
    }
    typ.map_or(Ok(()), |typ| header.check_type(typ))?;
    let payload = base64url::decode(payload).ok_or(Refusal::Malformed)?;
    Ok(Verified { payload, key })
}

impl SigningKey {
    /// Signs a payload as a compact JWS whose header names the algorithm, this key and, unless it
    /// is `None`, the type of the token.
    ///
    /// # Errors
    /// [`SignError`].
    pub fn sign(&self, typ: Option<&str>, payload: &[u8]) -> Result<String, SignError> {
        let mut token = header::write(self.algorithm(), self.kid(), typ);
        token.push('.');
        base64url::append(payload, &mut token);
        let signature = self.signature(token.as_bytes())?;
        token.push('.');
        base64url::append(signature, &mut token);
        if token.len() > MOST_TOKEN_BYTES { Err(SignError::TooLarge) } else { Ok(token) }
    }
}
