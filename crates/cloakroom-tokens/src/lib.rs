//! Keys and codecs: the bytes of credentials. Needs keys and a clock, never does I/O.
//!
//! [`OpaqueCodec`] makes the session tokens of recorded strategies; [`AssertionKey`] signs the
//! short identity assertions that applications behind a proxy verify with a [`Jwks`] document.
#![forbid(unsafe_code)]

mod assertion;
mod key;
mod opaque;

pub use assertion::{AssertionKey, Jwk, Jwks, KeyError};
pub use key::SecretKey;
pub use opaque::OpaqueCodec;
