//! The signed cookie: who is logged in, in few bytes, sealed with HMAC-SHA-256 or, where what it
//! says must be hidden, with XChaCha20-Poly1305.
//!
//! A cookie is base64url of a mode byte, the id of a key, the claims and a tag. Name of the cookie
//! and purpose are under the tag, so a value works under no other name; so are the dates, so the
//! client's clock and the cookie's attributes decide nothing. Every value has one spelling: each
//! other one, unused bits included, is refused.

mod claims;
mod codec;
mod error;
mod key;
#[cfg(test)]
mod tests;
mod wire;

pub use claims::SealedClaims;
pub use codec::{MOST_COOKIE_BYTES, SealedCodec};
pub use error::{SealError, SealedRefusal};
pub use key::{Protection, SealingKey, SealingKeyId};
