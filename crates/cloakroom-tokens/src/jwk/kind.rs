use super::JwkError;
use crate::json::{Members, optional};
use crate::jws::Algorithm;

/// The types and curves of keys that sign here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    P256,
    Ed25519,
    Rsa,
    Secret,
}

/// What a key says of itself besides its numbers.
pub(super) struct Header {
    pub(super) kid: Option<String>,
    pub(super) algorithm: Algorithm,
}

const LONGEST_ID: usize = 256;

impl Kind {
    pub(crate) const fn of(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::EdDsa => Self::Ed25519,
            Algorithm::Es256 => Self::P256,
            Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => Self::Secret,
            _ => Self::Rsa,
        }
    }

    pub(super) const fn kty(self) -> &'static str {
        match self {
            Self::P256 => "EC",
            Self::Ed25519 => "OKP",
            Self::Rsa => "RSA",
            Self::Secret => "oct",
        }
    }

    pub(super) const fn crv(self) -> Option<&'static str> {
        match self {
            Self::P256 => Some("P-256"),
            Self::Ed25519 => Some("Ed25519"),
            Self::Rsa | Self::Secret => None,
        }
    }

    pub(super) const fn public_members(self) -> &'static [&'static str] {
        match self {
            Self::P256 => &["x", "y"],
            Self::Ed25519 => &["x"],
            Self::Rsa => &["e", "n"],
            Self::Secret => &[],
        }
    }

    pub(super) const fn private_members(self) -> &'static [&'static str] {
        match self {
            Self::P256 | Self::Ed25519 => &["d"],
            Self::Rsa => &["d", "p", "q", "dp", "dq", "qi"],
            Self::Secret => &["k"],
        }
    }

    fn read(members: &Members) -> Result<Self, JwkError> {
        let kty = members.text("kty").map_err(JwkError::of("kty"))?;
        let crv = optional(members.text("crv")).map_err(JwkError::of("crv"))?;
        match (kty, crv) {
            ("EC", Some("P-256")) => Ok(Self::P256),
            ("OKP", Some("Ed25519")) => Ok(Self::Ed25519),
            ("RSA", None) => Ok(Self::Rsa),
            ("oct", None) => Ok(Self::Secret),
            ("EC" | "OKP", None) => Err(JwkError::Missing("crv")),
            ("RSA" | "oct", Some(_)) => Err(JwkError::Wrong("crv")),
            _ => Err(JwkError::UnknownType),
        }
    }

    fn implied_algorithm(self) -> Option<Algorithm> {
        match self {
            Self::P256 => Some(Algorithm::Es256),
            Self::Ed25519 => Some(Algorithm::EdDsa),
            Self::Rsa | Self::Secret => None,
        }
    }
}

impl Header {
    /// Reads it, of a key that is to do one of `operations` (`sign`, `verify`).
    pub(super) fn read(members: &Members, operations: &[&str]) -> Result<Self, JwkError> {
        check_use(members, operations)?;
        let algorithm = optional(members.text("alg")).map_err(JwkError::of("alg"))?;
        let algorithm = algorithm.map(|name| name.parse().map_err(|_| JwkError::UnknownAlgorithm));
        let algorithm: Option<Algorithm> = algorithm.transpose()?;
        let kind = Kind::read(members)?;
        let algorithm = algorithm.or(kind.implied_algorithm()).ok_or(JwkError::NoAlgorithm)?;
        if Kind::of(algorithm) != kind {
            return Err(JwkError::WrongType);
        }
        let kid = optional(members.text("kid")).map_err(JwkError::of("kid"))?;
        kid.map_or(Ok(()), check_kid)?;
        Ok(Self { kid: kid.map(str::to_owned), algorithm })
    }
}

fn check_use(members: &Members, operations: &[&str]) -> Result<(), JwkError> {
    let usage = optional(members.text("use")).map_err(JwkError::of("use"))?;
    let stated = optional(members.texts("key_ops")).map_err(JwkError::of("key_ops"))?;
    let twice = |list: &Vec<&str>| (1..list.len()).any(|at| list[..at].contains(&list[at]));
    if stated.as_ref().is_some_and(twice) {
        return Err(JwkError::Wrong("key_ops"));
    }
    let allowed = stated.is_none_or(|list| list.iter().any(|it| operations.contains(it)));
    if allowed && usage.is_none_or(|usage| usage == "sig") {
        Ok(())
    } else {
        Err(JwkError::OtherUse)
    }
}

pub(super) fn check_kid(kid: &str) -> Result<(), JwkError> {
    let fits = (1..=LONGEST_ID).contains(&kid.len());
    if fits { Ok(()) } else { Err(JwkError::Wrong("kid")) }
}
