use pbkdf2::pbkdf2_hmac;
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use zeroize::Zeroizing;

use super::format::{Kind, UnusableHash, adapted_base64, base64, hex, number, salt, whole};
use super::{Recipe, StoredHash, same};

/// Five times what Django and Werkzeug do today.
const MOST_ITERATIONS: u32 = 5_000_000;
const MOST: &str = "5,000,000 iterations";

/// `pbkdf2_sha256$1000000$salt$base64`, of which the first part is `scheme`.
pub(super) fn read_django(scheme: &str, rest: &str) -> Result<StoredHash, UnusableHash> {
    let (kind, function) = match scheme {
        "pbkdf2_sha1" => ("Django pbkdf2_sha1", Function::Sha1),
        _ => ("Django pbkdf2_sha256", Function::Sha256),
    };
    let [iterations, text, digest] = parts(kind, rest, '$')?;
    let expected = base64(kind, digest, function.length())?;
    made(kind, function, iterations, salt(kind, text)?, expected)
}

/// `pbkdf2:sha256:600000$salt$hex`, of which the first part is `method`.
pub(super) fn read_werkzeug(method: &str, rest: &str) -> Result<StoredHash, UnusableHash> {
    const KIND: Kind = "Werkzeug pbkdf2";
    let Ok([_, name, iterations]) = parts(KIND, method, ':') else {
        // Which number is meant depends on the version of Werkzeug that made it.
        return UnusableHash::damaged(
            KIND,
            "the number of iterations is missing: pbkdf2:sha256:N$…",
        );
    };
    let (kind, function) = match name {
        "sha1" => ("Werkzeug pbkdf2:sha1", Function::Sha1),
        "sha256" => ("Werkzeug pbkdf2:sha256", Function::Sha256),
        "sha512" => ("Werkzeug pbkdf2:sha512", Function::Sha512),
        _ => return UnusableHash::damaged(KIND, "only sha256, sha512 and sha1 are known"),
    };
    let [text, digest] = parts(kind, rest, '$')?;
    let expected = hex(kind, digest, function.length())?;
    made(kind, function, iterations, salt(kind, text)?, expected)
}

/// `$pbkdf2-sha256$29000$salt$digest` in passlib's base64.
pub(super) fn read_passlib(text: &str) -> Result<StoredHash, UnusableHash> {
    const KIND: Kind = "passlib pbkdf2";
    let [_, scheme, iterations, salt, digest] = parts(KIND, text, '$')?;
    let (kind, function) = match scheme {
        "pbkdf2" => ("passlib pbkdf2-sha1", Function::Sha1),
        "pbkdf2-sha256" => ("passlib pbkdf2-sha256", Function::Sha256),
        _ => ("passlib pbkdf2-sha512", Function::Sha512),
    };
    let expected = whole(kind, adapted_base64(digest), function.length())?;
    match adapted_base64(salt) {
        Some(salt) if !salt.is_empty() => made(kind, function, iterations, salt, expected),
        _ => UnusableHash::damaged(kind, "its salt is missing or cannot be read"),
    }
}

fn parts<const COUNT: usize>(
    kind: Kind,
    text: &str,
    separator: char,
) -> Result<[&str; COUNT], UnusableHash> {
    let parts: Vec<&str> = text.splitn(COUNT + 1, separator).collect();
    parts.try_into().or_else(|_| UnusableHash::damaged(kind, "parts are missing"))
}

fn made(
    kind: Kind,
    function: Function,
    iterations: &str,
    salt: Vec<u8>,
    expected: Vec<u8>,
) -> Result<StoredHash, UnusableHash> {
    match number(kind, iterations)? {
        0 => UnusableHash::damaged(kind, "a cost is no number"),
        iterations @ 1..=MOST_ITERATIONS => {
            let recipe = Pbkdf2 { function, iterations, salt, expected };
            Ok(StoredHash { kind, recipe: Box::new(recipe) })
        }
        _ => Err(UnusableHash::Costly { kind, most: MOST }),
    }
}

/// The hash function below HMAC.
#[derive(Clone, Copy)]
enum Function {
    Sha1,
    Sha256,
    Sha512,
}

impl Function {
    /// Bytes of its digests.
    const fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

struct Pbkdf2 {
    function: Function,
    iterations: u32,
    salt: Vec<u8>,
    expected: Vec<u8>,
}

impl Recipe for Pbkdf2 {
    fn fits(&self, password: &[u8]) -> bool {
        let mut derived = Zeroizing::new(vec![0; self.expected.len()]);
        let derive = match self.function {
            Function::Sha1 => pbkdf2_hmac::<Sha1>,
            Function::Sha256 => pbkdf2_hmac::<Sha256>,
            Function::Sha512 => pbkdf2_hmac::<Sha512>,
        };
        derive(password, &self.salt, self.iterations, &mut derived);
        same(&derived, &self.expected)
    }
}
