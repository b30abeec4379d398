use argon2::password_hash::PasswordVerifier;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, Params, Version};

use super::format::{Kind, UnusableHash};
use super::{Recipe, StoredHash};

/// Most memory, in KiB.
const MOST_MEMORY: u32 = 256 * 1024;
/// Most memory times passes, in KiB.
const MOST_WORK: u64 = 1024 * 1024;
const MOST: &str = "256 MiB of memory, and 1 GiB of memory times passes";

/// Reads the PHC string that begins with `$argon2`.
pub(super) fn read(kind: Kind, text: &str) -> Result<StoredHash, UnusableHash> {
    let Ok(hash) = PasswordHash::new(text) else {
        return UnusableHash::damaged(kind, "it is no PHC string");
    };
    if hash.salt.is_none() || hash.hash.is_none() {
        return UnusableHash::damaged(kind, "its salt or digest is missing");
    }
    if hash.version.is_none_or(|version| Version::try_from(version).is_err()) {
        return UnusableHash::damaged(kind, "its version is missing or not known");
    }
    let known = matches!(hash.algorithm.as_str(), "argon2d" | "argon2i" | "argon2id");
    let Some(params) = Params::try_from(&hash).ok().filter(|_| known) else {
        return UnusableHash::damaged(kind, "its parameters are not allowed");
    };
    let (memory, passes) = (params.m_cost(), u64::from(params.t_cost()));
    if memory > MOST_MEMORY || u64::from(memory) * passes > MOST_WORK {
        return Err(UnusableHash::Costly { kind, most: MOST });
    }
    Ok(StoredHash { kind, recipe: Box::new(Argon(hash)) })
}

struct Argon(PasswordHash);

impl Recipe for Argon {
    fn fits(&self, password: &[u8]) -> bool {
        // Parameters of the stored hash are used, not those of this value.
        Argon2::default().verify_password(password, &self.0).is_ok()
    }
}
