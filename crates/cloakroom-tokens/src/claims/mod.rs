//! Access tokens (RFC 9068): who is logged in, signed, for one audience and a short time.
//!
//! An [`AccessTokens`] knows issuer, audience and lifetime; it issues with a
//! [`SigningKey`](crate::jws::SigningKey) and verifies with whatever finds keys. Whether the
//! session has ended meanwhile is no question of a signature: ask the revocation view with the
//! session id, epoch and generation in the claims.

mod budget;
mod error;
mod issue;
mod read;
#[cfg(test)]
mod tests;
mod tokens;

pub use error::{AccessRefusal, IssueError};
pub use tokens::{AccessClaims, AccessTokens, Grant};
