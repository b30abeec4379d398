//! JSON Web Signatures (RFC 7515) in compact form, strictly: what is signed and what verifies.
//!
//! A key has one algorithm, and the header of a token must name just that. Refused are: more or
//! fewer than three parts, base64url that is not canonical, a member that stands twice at any
//! depth, too large a token, `crit`, `b64`, keys and their addresses in the header, and `alg`
//! `none`, for which there is no key. The signature is checked before the payload is decoded.
//! An id of a key is only compared; it is never a path, a query or an address.

mod algorithm;
mod compact;
mod header;
mod refusal;
mod signing;
mod verifying;

#[cfg(test)]
mod differential_tests;
#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod wycheproof_tests;

pub use algorithm::{Algorithm, AlgorithmError};
pub use compact::{MOST_TOKEN_BYTES, Verified, verify};
pub use refusal::Refusal;
pub use signing::{SignError, SigningKey};
pub use verifying::{KeyLookup, VerifyingKey, VerifyingKeys};
