//! Password hashes as they are stored: our own, and those that an application made before its
//! users were imported.

mod argon;
mod bcrypt;
mod format;
#[cfg(test)]
mod hostile_tests;
mod pbkdf2;
mod scrypt;
#[cfg(test)]
mod vector_tests;

use std::fmt;

use format::Kind;
pub use format::UnusableHash;
use subtle::ConstantTimeEq;

/// A stored password hash that was read and whose cost lies within the limits. `Debug` shows only
/// what kind it is.
pub struct StoredHash {
    kind: Kind,
    recipe: Box<dyn Recipe>,
}

/// How a password is compared with one hash.
trait Recipe: Send {
    /// Whether the hash was made of `password`; takes as long as the hash asks for.
    fn fits(&self, password: &[u8]) -> bool;
}

impl StoredHash {
    /// Reads a hash.
    ///
    /// # Errors
    /// [`UnusableHash`], which says what is allowed and never shows the text.
    pub fn read(text: &str) -> Result<Self, UnusableHash> {
        let (scheme, rest) = text.split_once('$').ok_or(UnusableHash::Unknown)?;
        match scheme {
            "" => Self::read_crypt(text),
            "argon2" => argon::read("Django argon2", &text[scheme.len()..]),
            "bcrypt" => bcrypt::read("Django bcrypt", rest, bcrypt::Input::Password),
            "bcrypt_sha256" => {
                bcrypt::read("Django bcrypt_sha256", rest, bcrypt::Input::HexOfSha256)
            }
            "pbkdf2_sha1" | "pbkdf2_sha256" => pbkdf2::read_django(scheme, rest),
            "scrypt" => scrypt::read_django(rest),
            _ => Self::read_werkzeug(scheme, rest),
        }
    }

    /// As [`StoredHash::read`]; `None` for the two ways to say that there is no password: nothing,
    /// and Django's `!`.
    ///
    /// # Errors
    /// As [`StoredHash::read`].
    pub fn read_usable(text: &str) -> Result<Option<Self>, UnusableHash> {
        if text.is_empty() || text.starts_with('!') {
            return Ok(None);
        }
        Self::read(text).map(Some)
    }

    /// What made it and how: `Werkzeug scrypt`.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Whether it was made of `password`.
    pub(super) fn fits(&self, password: &[u8]) -> bool {
        self.recipe.fits(password)
    }

    fn read_crypt(text: &str) -> Result<Self, UnusableHash> {
        match text.split('$').nth(1) {
            Some("argon2d") => argon::read("argon2d", text),
            Some("argon2i") => argon::read("argon2i", text),
            Some("argon2id") => argon::read("argon2id", text),
            Some("2a" | "2b" | "2y") => bcrypt::read("bcrypt", text, bcrypt::Input::Password),
            Some("pbkdf2" | "pbkdf2-sha256" | "pbkdf2-sha512") => pbkdf2::read_passlib(text),
            Some("1" | "apr1") => Err(UnusableHash::Weak("md5-crypt")),
            _ => Err(UnusableHash::Unknown),
        }
    }

    fn read_werkzeug(method: &str, rest: &str) -> Result<Self, UnusableHash> {
        match method.split(':').next() {
            Some("pbkdf2") => pbkdf2::read_werkzeug(method, rest),
            Some("scrypt") => scrypt::read_werkzeug(method, rest),
            Some("md5") => Err(UnusableHash::Weak("md5")),
            Some("sha1") => Err(UnusableHash::Weak("sha1")),
            Some("plain") => Err(UnusableHash::Weak("plain")),
            Some("sha256" | "sha512") => Err(UnusableHash::Weak("one round of sha2")),
            _ => Err(UnusableHash::Unknown),
        }
    }
}

impl fmt::Debug for StoredHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("StoredHash").field(&self.kind).finish()
    }
}

/// Compares in a time that depends on the lengths alone.
fn same(derived: &[u8], expected: &[u8]) -> bool {
    derived.ct_eq(expected).into()
}
