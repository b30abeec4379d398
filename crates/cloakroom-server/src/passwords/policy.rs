use std::collections::BTreeSet;

use super::Password;
use super::blocked::BLOCKED;

/// Longest password in bytes of UTF-8.
pub const MAX_BYTES: usize = 256;

/// Shortest word of a name that counts as part of a password.
const SHORTEST_WORD: usize = 4;

/// What a new password must be: long enough and not what an attacker tries first. Nothing is said
/// about which characters it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// Fewest characters.
    pub min_length: usize,
}

/// Why a new password is refused; the text is meant for the person who chose it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Weakness {
    /// Fewer characters than the least.
    #[error("Use at least {least} characters.")]
    TooShort {
        /// Fewest characters.
        least: usize,
    },
    /// More than [`MAX_BYTES`].
    #[error("Use a shorter password: at most {MAX_BYTES} bytes are kept.")]
    TooLong,
    /// On the list of common passwords, perhaps with digits or signs around it.
    #[error("This is one of the first passwords that attackers try. Choose another one.")]
    Common,
    /// Little more than the user's or the product's name.
    #[error("This is little more than your name or the name of this service. Choose another one.")]
    Personal,
    /// The same few characters, or one part over and over.
    #[error("This repeats itself. Choose a password with more variety.")]
    Repetitive,
    /// A run such as `abcdefgh` or `87654321`.
    #[error("This is a simple sequence. Choose another one.")]
    Sequence,
}

impl PasswordPolicy {
    /// Checks a new password. `about` are texts that belong to the user or the service: login name,
    /// display name, e-mail address, application names. The product's own name always counts.
    ///
    /// # Errors
    /// The first weakness found.
    pub fn check(&self, password: &Password, about: &[&str]) -> Result<(), Weakness> {
        let text = password.expose();
        let lower = text.to_lowercase();
        let chars: Vec<char> = lower.chars().collect();
        let weak = [
            (text.chars().count() < self.min_length, Weakness::TooShort { least: self.min_length }),
            (text.len() > MAX_BYTES, Weakness::TooLong),
            (self.is_common(&lower), Weakness::Common),
            (self.is_repetitive(&chars), Weakness::Repetitive),
            (is_sequence(&chars), Weakness::Sequence),
            (self.is_personal(&lower, about), Weakness::Personal),
        ];
        weak.into_iter().find(|(weak, _)| *weak).map_or(Ok(()), |(_, weakness)| Err(weakness))
    }

    fn is_common(&self, lower: &str) -> bool {
        // Digits and signs around a word help only when they would be a password by themselves.
        let core = lower.trim_matches(|char: char| !char.is_alphabetic());
        let extra = lower.chars().count() - core.chars().count();
        let decorated = extra < self.min_length && is_blocked(core);
        is_blocked(lower) || decorated
    }

    fn is_personal(&self, lower: &str, about: &[&str]) -> bool {
        let words = about.iter().chain(&["cloakroom"]).flat_map(|text| words(text));
        let words: BTreeSet<String> = words.collect();
        let found = words.iter().any(|word| lower.contains(word.as_str()));
        // Longest first, so that a short word does not tear a longer one apart.
        let mut longest_first: Vec<&String> = words.iter().collect();
        longest_first.sort_by_key(|word| std::cmp::Reverse(word.len()));
        let rest =
            longest_first.iter().fold(lower.to_owned(), |rest, word| rest.replace(*word, ""));
        found && rest.chars().count() < self.min_length
    }

    fn is_repetitive(&self, chars: &[char]) -> bool {
        const FEWEST_DISTINCT: usize = 4;
        let distinct: BTreeSet<&char> = chars.iter().collect();
        let repeats = |part: usize| chars.chunks(part).all(|chunk| chunk == &chars[..chunk.len()]);
        let longest_part = (chars.len() / 2).min(self.min_length.saturating_sub(1));
        distinct.len() < FEWEST_DISTINCT || (1..=longest_part).any(repeats)
    }
}

fn is_blocked(word: &str) -> bool {
    let plain: String = word.chars().map(unmasked).collect();
    let listed = |word: &str| BLOCKED.binary_search(&word).is_ok();
    listed(word) || listed(&plain)
}

/// The letter that a look-alike stands for.
fn unmasked(char: char) -> char {
    match char {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
}

fn is_sequence(chars: &[char]) -> bool {
    let steps = |by: i64| {
        chars
            .windows(2)
            .all(|pair| i64::from(u32::from(pair[1])) - i64::from(u32::from(pair[0])) == by)
    };
    steps(1) || steps(-1)
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|char: char| !char.is_alphanumeric())
        .filter(|word| word.chars().count() >= SHORTEST_WORD)
        .map(str::to_lowercase)
        .collect::<Vec<_>>()
        .into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOUT: [&str; 3] = ["anna.berger", "Anna Berger", "anna@laboratory.example"];

    fn check(text: &str) -> Result<(), Weakness> {
        PasswordPolicy { min_length: 8 }.check(&Password::new(text.to_owned()), &ABOUT)
    }

    #[test]
    fn a_password_needs_nothing_but_length_and_novelty() {
        for text in [
            "tulip-engine-57",
            "correct horse battery staple",
            "vxkqmzrt",
            "ünïcödé-wörd",
            "密码本子很难猜到啊",
            "dragon 4471 9928 3306",
            "anna walks to the harbour",
            "in the cloakroom hangs a coat",
            &"long enough, ".repeat(19),
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn length_is_counted_in_characters_and_limited_in_bytes() {
        assert_eq!(check("vxkqmzr"), Err(Weakness::TooShort { least: 8 }));
        assert_eq!(check("äöüßéèê"), Err(Weakness::TooShort { least: 8 }));
        assert_eq!(check(""), Err(Weakness::TooShort { least: 8 }));
        let text: String = ('a'..='z').cycle().step_by(3).take(MAX_BYTES).collect();
        assert_ne!(check(&text), Err(Weakness::TooLong));
        assert_eq!(check(&format!("{text}q")), Err(Weakness::TooLong));
    }

    #[test]
    fn common_passwords_are_refused_however_they_are_dressed_up() {
        for text in [
            "password",
            "Password1",
            "P@ssw0rd!",
            "passw0rd2024",
            "!!qwertyuiop!!",
            "1qaz2wsx",
            "iloveyou1",
            "Sunshine99",
            "welcome2025!",
            "ADMINISTRATOR",
            "123Dragon",
            "l3tm3in!",
        ] {
            assert_eq!(check(text), Err(Weakness::Common), "{text}");
        }
    }

    #[test]
    fn names_of_user_and_service_are_refused_unless_much_else_is_there() {
        for text in ["berger-1987", "AnnaBerger1", "laboratory7", "xcloakroom1", "my-cloakroom"] {
            assert_eq!(check(text), Err(Weakness::Personal), "{text}");
        }
    }

    #[test]
    fn repetitions_and_sequences_are_refused() {
        for text in ["zzzzzzzz", "zyxzyxzyxzyx", "vxkqvxkqvxkq", "xyxyxyxyxyxyxy"] {
            assert_eq!(check(text), Err(Weakness::Repetitive), "{text}");
        }
        for text in ["23456789", "hijklmnop", "zyxwvuts"] {
            assert_eq!(check(text), Err(Weakness::Sequence), "{text}");
        }
    }

    #[test]
    fn every_refusal_is_a_sentence_for_the_person() {
        let least = Weakness::TooShort { least: 12 };
        assert_eq!(least.to_string(), "Use at least 12 characters.");
        for weakness in [Weakness::TooLong, Weakness::Common, Weakness::Personal] {
            assert!(weakness.to_string().ends_with('.'));
        }
    }
}
