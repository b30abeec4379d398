//! Keys and codecs: the bytes of credentials. Needs keys and a clock, never does I/O.
//!
//! [`OpaqueCodec`] makes the session tokens of recorded strategies; [`AssertionKey`] signs the
//! short identity assertions that applications behind a proxy verify with a [`Jwks`] document.
//!
//! Credentials that say themselves who is logged in: [`claims`] has access tokens, [`sealed`] the
//! signed cookie, [`itsdangerous`] that of Python. Beneath them are [`jws`] and [`jwk`], and
//! [`keyring`] decides which key signs and which verify. All of them read hostile text of any
//! length strictly, in bounded time and memory, and say in a refusal why, for logs.
#![forbid(unsafe_code)]

mod assertion;
mod base64url;
#[cfg(test)]
mod garbage_tests;
mod hmac;
mod json;
mod key;
mod opaque;
#[cfg(test)]
mod vectors;

pub mod claims;
pub mod itsdangerous;
pub mod jwk;
pub mod jws;
pub mod keyring;
pub mod sealed;

pub use assertion::{AssertionKey, Jwk, Jwks, KeyError};
pub use json::JsonFault;
pub use key::SecretKey;
pub use opaque::OpaqueCodec;
