use std::collections::HashSet;

/// Why a shared secret could be guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WeakSecret {
    /// It has fewer bytes than its algorithm needs.
    #[error("it is shorter than {least} bytes")]
    Short {
        /// The least bytes allowed.
        least: usize,
    },
    /// It is one short piece over and over.
    #[error("it repeats itself")]
    Repeats,
    /// Its bytes count up or down.
    #[error("its bytes count up or down")]
    Counts,
    /// It is, or holds, a word that stands in examples and defaults.
    #[error("it holds {0:?}, as examples and defaults do")]
    Default(&'static str),
    /// Text of so few different characters that it cannot hold 160 random bits.
    #[error("its text cannot hold 160 random bits; make one with a random source")]
    Predictable,
}

/// What defaults and examples are made of. Each is so long that chance does not make it.
const WORDS: [&str; 18] = [
    "secret",
    "changeme",
    "change-me",
    "change_me",
    "change this",
    "changethis",
    "password",
    "passw0rd",
    "default",
    "example",
    "insecure",
    "keyboard",
    "letmein",
    "placeholder",
    "qwerty",
    "replace",
    "12345678",
    "abcdefgh",
];

/// The random bits that a secret needs (OWASP).
const LEAST_BITS: f64 = 160.0;

/// Refuses a shared secret of fewer than `least` bytes, and one that can be guessed: examples,
/// defaults, repetitions, counts, and text that cannot hold 160 random bits. A secret of 32
/// random bytes passes, as bytes or as hexadecimal or base64 text.
///
/// # Errors
/// Which weakness was found.
pub fn check_secret(secret: &[u8], least: usize) -> Result<(), WeakSecret> {
    if secret.len() < least {
        return Err(WeakSecret::Short { least });
    }
    if repeats(secret) {
        return Err(WeakSecret::Repeats);
    }
    if counts(secret) {
        return Err(WeakSecret::Counts);
    }
    let Some(text) = std::str::from_utf8(secret).ok().filter(|text| !has_controls(text)) else {
        return Ok(());
    };
    let folded = zeroize::Zeroizing::new(text.to_ascii_lowercase());
    if let Some(word) = WORDS.into_iter().find(|word| folded.contains(word)) {
        return Err(WeakSecret::Default(word));
    }
    if most_bits(text) < LEAST_BITS { Err(WeakSecret::Predictable) } else { Ok(()) }
}

fn has_controls(text: &str) -> bool {
    text.chars().any(char::is_control)
}

fn repeats(secret: &[u8]) -> bool {
    (1..=secret.len() / 2).any(|period| secret.iter().zip(&secret[period..]).all(|(a, b)| a == b))
}

fn counts(secret: &[u8]) -> bool {
    let mut steps = secret.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]));
    let first = steps.next();
    secret.len() > 2 && steps.all(|step| Some(step) == first)
}

/// A kind of characters, and how many there are of it.
type Kind = (fn(char) -> bool, usize);

const KINDS: [Kind; 5] = [
    (|it| it.is_ascii_digit(), 10),
    (|it| matches!(it, 'a'..='f' | 'A'..='F'), 6),
    (|it| matches!(it, 'g'..='z'), 20),
    (|it| matches!(it, 'G'..='Z'), 20),
    (|it| !it.is_ascii_alphanumeric(), 32),
];

/// The bits that text of these kinds of characters, and of so many different ones, holds at most.
fn most_bits(text: &str) -> f64 {
    let used = KINDS.iter().filter(|(is, _)| text.chars().any(is)).map(|(_, size)| size);
    let different = text.chars().collect::<HashSet<_>>().len();
    // Random text uses most of its alphabet; text of few characters chose from not many more.
    let alphabet = used.sum::<usize>().min(different * 2).max(1);
    text.chars().count() as f64 * (alphabet as f64).log2()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base64url;
    use cloakroom_testkit::{Random, seeds};

    #[test]
    fn weak_secrets_are_refused_by_name() {
        let counting: Vec<u8> = (0..40).collect();
        for (secret, why) in [
            (&b"0123456789abcdef0123456789abcde"[..], WeakSecret::Short { least: 32 }),
            (&[0; 32], WeakSecret::Repeats),
            (b"abcabcabcabcabcabcabcabcabcabcabca", WeakSecret::Repeats),
            (&counting, WeakSecret::Counts),
            (b"your-256-bit-secret-goes-here-now", WeakSecret::Default("secret")),
            (b"django-INSECURE-8jf&x1l(9z!q+0w_2m", WeakSecret::Default("insecure")),
            (b"CHANGEME-hUq7bTz1kQpW9xvLr3mYc5Ns", WeakSecret::Default("changeme")),
            (b"31415926535897932384626433832795028", WeakSecret::Predictable),
            (b"d41d8cd98f00b204e9800998ecf8427e", WeakSecret::Predictable),
        ] {
            assert_eq!(check_secret(secret, 32), Err(why));
        }
        assert_eq!(check_secret(b"", 0), Err(WeakSecret::Predictable));
    }

    #[test]
    fn random_secrets_pass_as_bytes_and_as_text() {
        for seed in seeds(2_000) {
            let mut random = Random::new(seed);
            let bytes = [random.bytes(), random.bytes()].concat();
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            for secret in [&bytes[..], hex.as_bytes(), base64url::encode(&bytes).as_bytes()] {
                assert_eq!(check_secret(secret, 32), Ok(()), "CLOAKROOM_SEED={seed}");
            }
        }
    }
}
