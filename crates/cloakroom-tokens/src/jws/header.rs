use super::{Algorithm, Refusal};
use crate::json::{Limits, Members, optional};

const LIMITS: Limits = Limits { bytes: 2 * 1024, depth: 4 };

/// What no header may hold: extensions that must be understood (none is), unencoded payloads,
/// keys and where to fetch them, and the marks of encryption.
const FORBIDDEN: [&str; 10] =
    ["crit", "b64", "jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "zip", "enc"];

/// The header of a compact JWS, not yet believed.
pub(super) struct Header(Members);

impl Header {
    pub(super) fn parse(json: &[u8]) -> Result<Self, Refusal> {
        let members = Members::parse(json, LIMITS).map_err(Refusal::Header)?;
        let forbidden = FORBIDDEN.into_iter().find(|name| members.has(name));
        forbidden.map_or(Ok(Self(members)), |name| Err(Refusal::Forbidden(name)))
    }

    pub(super) fn kid(&self) -> Result<Option<&str>, Refusal> {
        optional(self.0.text("kid")).map_err(|_| Refusal::HeaderMember("kid"))
    }

    /// The name must be that of the key's algorithm, letter by letter.
    pub(super) fn check_algorithm(&self, algorithm: Algorithm) -> Result<(), Refusal> {
        let name = self.0.text("alg").map_err(|_| Refusal::HeaderMember("alg"))?;
        if name == algorithm.as_str() { Ok(()) } else { Err(Refusal::OtherAlgorithm) }
    }

    /// `typ` is a media type: case does not count, and `application/` may stand before it
    /// (RFC 7515 section 4.1.9).
    pub(super) fn check_type(&self, expected: &str) -> Result<(), Refusal> {
        const PREFIX: &str = "application/";
        let typ = self.0.text("typ").map_err(|_| Refusal::HeaderMember("typ"))?;
        let short = match typ.split_at_checked(PREFIX.len()) {
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) => rest,
            _ => typ,
        };
        if short.eq_ignore_ascii_case(expected) { Ok(()) } else { Err(Refusal::OtherType) }
    }
}

/// The encoded header of tokens that `kid` signs.
pub(super) fn write(algorithm: Algorithm, kid: &str, typ: Option<&str>) -> String {
    let mut header = serde_json::json!({ "alg": algorithm.as_str(), "kid": kid });
    if let Some(typ) = typ {
        header["typ"] = typ.into();
    }
    crate::base64url::encode(header.to_string())
}
