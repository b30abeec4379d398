use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

/// What made a hash and how, for people.
pub(super) type Kind = &'static str;

/// Why a stored password hash cannot be used. The text never shows any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnusableHash {
    /// It asks for more work or memory than a sign-in may cost.
    #[error("the {kind} hash costs too much to check: at most {most}")]
    Costly {
        /// What made it.
        kind: &'static str,
        /// What is allowed.
        most: &'static str,
    },
    /// It begins like one that is known, and is not whole.
    #[error(
        "the {kind} hash is not whole ({part}); was it cut to the width of a column, or changed?"
    )]
    Damaged {
        /// What made it.
        kind: &'static str,
        /// What is wrong with it.
        part: &'static str,
    },
    /// It is none of those that can be checked.
    #[error(
        "no password hash that is known; allowed are argon2 and bcrypt ($argon2id$…, $2b$…), \
         Werkzeug's (scrypt:…, pbkdf2:…), Django's (pbkdf2_sha256$…, pbkdf2_sha1$…, scrypt$…, \
         argon2$…, bcrypt$…, bcrypt_sha256$…), passlib's $pbkdf2-sha256$…, and nothing or ! for \
         no password"
    )]
    Unknown,
    /// It was made so fast that whoever has it has the password.
    #[error(
        "a password hash of the kind {0} protects nobody and is not taken over; leave it empty, \
         and let the person choose a password by a link"
    )]
    Weak(&'static str),
}

impl UnusableHash {
    pub(super) fn damaged<T>(kind: Kind, part: &'static str) -> Result<T, Self> {
        Err(Self::Damaged { kind, part })
    }
}

/// A whole number in decimal digits.
pub(super) fn number(kind: Kind, text: &str) -> Result<u32, UnusableHash> {
    const LONGEST: usize = 10;
    let digits = (1..=LONGEST).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_digit());
    if !digits {
        return UnusableHash::damaged(kind, "a cost is no number");
    }
    // Ten digits can exceed the type; that is far above every limit.
    Ok(text.parse().unwrap_or(u32::MAX))
}

/// A salt as text, which is its own bytes.
pub(super) fn salt(kind: Kind, text: &str) -> Result<Vec<u8>, UnusableHash> {
    const LONGEST: usize = 256;
    match text.len() {
        0 => UnusableHash::damaged(kind, "it has no salt"),
        1..=LONGEST => Ok(text.as_bytes().to_vec()),
        _ => UnusableHash::damaged(kind, "its salt is too long"),
    }
}

/// A digest of so many bytes in hexadecimal digits.
pub(super) fn hex(kind: Kind, text: &str, length: usize) -> Result<Vec<u8>, UnusableHash> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|it| u8::try_from(it).ok());
    let pair = |pair: &[u8]| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?);
    whole(kind, text.as_bytes().chunks(2).map(pair).collect(), length)
}

/// A digest of so many bytes in base64 with padding.
pub(super) fn base64(kind: Kind, text: &str, length: usize) -> Result<Vec<u8>, UnusableHash> {
    whole(kind, STANDARD.decode(text).ok(), length)
}

/// Bytes in passlib's base64: without padding, `.` for `+`.
pub(super) fn adapted_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(text.replace('.', "+")).ok()
}

/// Digests have one length each, so one that was cut is noticed.
pub(super) fn whole(
    kind: Kind,
    digest: Option<Vec<u8>>,
    length: usize,
) -> Result<Vec<u8>, UnusableHash> {
    match digest {
        Some(digest) if digest.len() == length => Ok(digest),
        Some(_) => UnusableHash::damaged(kind, "its digest has a wrong length"),
        None => UnusableHash::damaged(kind, "its digest cannot be read"),
    }
}
