//! The cookies of Python's itsdangerous (`URLSafeTimedSerializer`), read and written, so that an
//! application in Python and this server share one.
//!
//! A token is `payload.timestamp.signature`, each in base64url: JSON, deflated and marked with a
//! dot where that makes it shorter; seconds since 1970; an HMAC under a key derived from secret
//! and salt. Written is what itsdangerous 2.2 reads, and read is what it writes, but no second
//! spelling of it: base64url must be canonical, which the Python package does not ask for.
//! Versions before 1.0 counted seconds from 2011 and are not read.
//!
//! The salt is the purpose. A session by this format says what its JSON says; there is no key id,
//! so every secret of the list is tried.

mod derive;
mod error;
mod serializer;
#[cfg(test)]
mod tests;

pub use derive::{Derivation, Digest};
pub use error::{SerializerError, SignedRefusal};
pub use serializer::{Options, Signed, UrlSafeTimed};
