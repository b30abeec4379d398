use argon2::password_hash::PasswordHasher;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, Version};

use super::{Password, StoredHash};

/// Why a password could not be hashed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HashError {
    /// Argon2 or the system's source of randomness failed.
    #[error("the password could not be hashed")]
    Failed(#[source] argon2::password_hash::Error),
    /// The thread that was hashing is gone.
    #[error("the hashing threads have stopped")]
    Stopped,
}

/// The slow work that the pool does.
pub trait Hashing: Send + Sync + 'static {
    /// A hash of `password` with a fresh salt, in the PHC string format.
    fn hash(&self, password: &Password) -> Result<String, HashError>;

    /// Whether `hash` was made of `password`; `None` when it cannot be read as a hash.
    fn verify(&self, password: &Password, hash: &str) -> Option<bool>;

    /// Whether `hash` was made in another way than [`Hashing::hash`] makes them, so that it is to
    /// be replaced once the password is known.
    fn is_outdated(&self, hash: &str) -> bool;
}

/// Argon2id with the smallest parameters OWASP recommends for it: 19 MiB, two passes, one lane.
#[derive(Debug)]
pub struct Argon(Argon2<'static>);

impl Argon {
    /// Memory in KiB, passes, lanes.
    const COSTS: (u32, u32, u32) = (19_456, 2, 1);

    /// The hasher for all new passwords.
    pub fn owasp() -> Self {
        let (memory, passes, lanes) = Self::COSTS;
        let params = Params::new(memory, passes, lanes, None)
            .expect("the constants lie within Argon2's limits");
        Self(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }
}

impl Hashing for Argon {
    fn hash(&self, password: &Password) -> Result<String, HashError> {
        let hash: Result<PasswordHash, _> = self.0.hash_password(password.expose().as_bytes());
        hash.map(|hash| hash.to_string()).map_err(HashError::Failed)
    }

    fn verify(&self, password: &Password, hash: &str) -> Option<bool> {
        let stored = StoredHash::read(hash).ok()?;
        Some(stored.fits(password.expose().as_bytes()))
    }

    fn is_outdated(&self, hash: &str) -> bool {
        needs_rehash(hash)
    }
}

/// Whether a stored hash was made with other parameters than new ones are. True also for what is
/// no such hash.
fn needs_rehash(hash: &str) -> bool {
    let (memory, passes, lanes) = Argon::COSTS;
    let Ok(hash) = PasswordHash::new(hash) else {
        return true;
    };
    let current = hash.algorithm == Algorithm::Argon2id.ident()
        && hash.version == Some(Version::V0x13.into())
        && hash.hash.as_ref().is_some_and(|output| output.len() == Params::DEFAULT_OUTPUT_LEN);
    let same = |params: Params| {
        (params.m_cost(), params.t_cost(), params.p_cost()) == (memory, passes, lanes)
    };
    !(current && Params::try_from(&hash).is_ok_and(same))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::new(text.to_owned())
    }

    #[test]
    fn a_hash_fits_its_password_only_and_never_repeats() {
        let argon = Argon::owasp();
        let hash = argon.hash(&password("one long password")).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_eq!(argon.verify(&password("one long password"), &hash), Some(true));
        assert_eq!(argon.verify(&password("one long passworD"), &hash), Some(false));
        assert_ne!(argon.hash(&password("one long password")).unwrap(), hash);
    }

    #[test]
    fn a_hash_with_old_parameters_still_verifies_and_wants_to_be_made_anew() {
        let old =
            Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(64, 1, 1, None).unwrap());
        let hash: PasswordHash = old.hash_password(b"pw").unwrap();
        let hash = hash.to_string();
        assert_eq!(Argon::owasp().verify(&password("pw"), &hash), Some(true));
        assert!(needs_rehash(&hash));
        assert!(!needs_rehash(&Argon::owasp().hash(&password("pw")).unwrap()));
        assert!(needs_rehash("nonsense"));
        assert!(needs_rehash(""));
    }

    #[test]
    fn what_is_no_hash_is_neither_right_nor_wrong() {
        for text in ["", "nonsense", "$argon2id$", "$5$rounds=1$abc$def"] {
            assert_eq!(Argon::owasp().verify(&password("pw"), text), None, "{text}");
        }
    }
}
