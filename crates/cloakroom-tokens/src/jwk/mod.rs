//! JSON Web Keys (RFC 7517): what a key looks like where it is published, imported or kept.
//!
//! A [`PublicJwk`] and a [`PrivateJwk`] are two types, so that a private part is published nowhere
//! by mistake. Both have one [`Algorithm`](crate::jws::Algorithm) and an id, which is the RFC 7638
//! thumbprint unless one is given. What is read has been checked: form, sizes, curve, purpose.
//! Certificates (`x5u`, `x5c`, `x5t`) in a key are not looked at, and nothing is ever fetched.

mod error;
mod generate;
mod kind;
mod parts;
mod pkcs8;
mod private;
mod public;
mod rsa;
mod set;
mod weak;

pub use error::JwkError;
pub use private::PrivateJwk;
pub use public::PublicJwk;
pub use set::{PrivateJwkSet, PublicJwkSet};
pub use weak::{WeakSecret, check_secret};
