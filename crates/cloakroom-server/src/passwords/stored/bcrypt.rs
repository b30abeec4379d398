use bcrypt::HashParts;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::format::{Kind, UnusableHash};
use super::{Recipe, StoredHash};

/// Logarithm of the most rounds; some two seconds.
const MOST_COST: u32 = 15;
const LEAST_COST: u32 = 4;
const MOST: &str = "cost 15";

/// What bcrypt is given.
#[derive(Clone, Copy)]
pub(super) enum Input {
    /// The password, of which it sees the first 72 bytes.
    Password,
    /// The hexadecimal digits of the password's SHA-256, so that it sees all of the password.
    HexOfSha256,
}

/// Reads what begins with `$2a$`, `$2b$` or `$2y$`: three names of one algorithm.
pub(super) fn read(kind: Kind, text: &str, input: Input) -> Result<StoredHash, UnusableHash> {
    let named = ["$2a$", "$2b$", "$2y$"].iter().any(|name| text.starts_with(name));
    let parts = text.parse::<HashParts>().ok().filter(|_| named);
    match parts.map(|parts| parts.get_cost()) {
        None | Some(..LEAST_COST) => {
            UnusableHash::damaged(kind, "it is not $2b$, a cost, and 53 characters")
        }
        Some(LEAST_COST..=MOST_COST) => {
            Ok(StoredHash { kind, recipe: Box::new(Bcrypt { text: text.to_owned(), input }) })
        }
        Some(_) => Err(UnusableHash::Costly { kind, most: MOST }),
    }
}

struct Bcrypt {
    text: String,
    input: Input,
}

impl Recipe for Bcrypt {
    fn fits(&self, password: &[u8]) -> bool {
        let verified = match self.input {
            Input::Password => bcrypt::verify(password, &self.text),
            Input::HexOfSha256 => bcrypt::verify(&*hex_of_sha256(password), &self.text),
        };
        verified.unwrap_or(false)
    }
}

fn hex_of_sha256(password: &[u8]) -> Zeroizing<Vec<u8>> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = |byte: u8| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
    Zeroizing::new(Sha256::digest(password).iter().flat_map(|byte| digits(*byte)).collect())
}
