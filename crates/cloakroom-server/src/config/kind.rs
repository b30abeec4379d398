//! The kinds of values a setting can have: what is allowed, how it is read, how it is shown.

use std::fmt;
use std::time::Duration;

use super::duration;
use super::value::{Raw, list, quoted};
use super::{Cidr, TrustedProxies};

/// One kind of value.
pub(super) trait Kind {
    /// What it is read into.
    type Value;
    /// What is allowed, as a phrase that follows "allowed:".
    fn allowed(&self) -> String;
    /// Reads a value; the error says what is wrong with it.
    fn read(&self, raw: &Raw) -> Result<Self::Value, String>;
    /// The value as TOML.
    fn show(&self, value: &Self::Value) -> String;
}

/// A duration between two others.
pub(super) struct Lasting(pub(super) &'static str, pub(super) &'static str);

impl Kind for Lasting {
    type Value = Duration;

    fn allowed(&self) -> String {
        format!(
            "a duration such as \"90s\", \"30m\", \"1h30m\" or \"30d\", from {} to {}",
            self.0, self.1
        )
    }

    fn read(&self, raw: &Raw) -> Result<Duration, String> {
        let Raw::Text(text) = raw else {
            return Err("not a duration in quotes with a unit".to_owned());
        };
        let value = duration::parse(text).ok_or("not a duration with a unit")?;
        match (duration::parse(self.0), duration::parse(self.1)) {
            (Some(least), _) if value < least => Err("too short".to_owned()),
            (_, Some(most)) if value > most => Err("too long".to_owned()),
            _ => Ok(value),
        }
    }

    fn show(&self, value: &Duration) -> String {
        quoted(&duration::show(*value))
    }
}

/// A whole number between two others.
pub(super) struct Count(pub(super) u32, pub(super) u32);

impl Kind for Count {
    type Value = u32;

    fn allowed(&self) -> String {
        format!("a whole number from {} to {}", self.0, self.1)
    }

    fn read(&self, raw: &Raw) -> Result<u32, String> {
        let number = match raw {
            Raw::Integer(number) => Some(*number),
            Raw::Text(text) => text.parse().ok(),
            _ => None,
        };
        let number = number.ok_or("not a whole number")?;
        let value = u32::try_from(number).map_err(|_| "out of range")?;
        if (self.0..=self.1).contains(&value) { Ok(value) } else { Err("out of range".to_owned()) }
    }

    fn show(&self, value: &u32) -> String {
        value.to_string()
    }
}

/// One of a few words.
pub(super) struct OneOf<T: 'static>(pub(super) &'static [(&'static str, T)]);

impl<T: Copy + PartialEq> Kind for OneOf<T> {
    type Value = T;

    fn allowed(&self) -> String {
        let words: Vec<String> = self.0.iter().map(|(word, _)| quoted(word)).collect();
        match words.as_slice() {
            [only] => format!("{only}, the only one in this version"),
            [first @ .., last] => format!("{} or {last}", first.join(", ")),
            [] => String::new(),
        }
    }

    fn read(&self, raw: &Raw) -> Result<T, String> {
        let Raw::Text(text) = raw else {
            return Err("not a word in quotes".to_owned());
        };
        let found = self.0.iter().find(|(word, _)| word == text);
        found.map(|(_, value)| *value).ok_or_else(|| "no such choice".to_owned())
    }

    fn show(&self, value: &T) -> String {
        let found = self.0.iter().find(|(_, each)| each == value);
        quoted(found.map_or("", |(word, _)| word))
    }
}

/// A text with a reader and a writer of its own.
pub(super) struct Text<T> {
    /// What is allowed.
    pub(super) allowed: &'static str,
    /// Reads it.
    pub(super) read: fn(&str) -> Result<T, String>,
    /// Writes it, without quotes.
    pub(super) show: fn(&T) -> String,
}

impl<T> Kind for Text<T> {
    type Value = T;

    fn allowed(&self) -> String {
        self.allowed.to_owned()
    }

    fn read(&self, raw: &Raw) -> Result<T, String> {
        match raw {
            Raw::Text(text) => (self.read)(text),
            _ => Err("not a text in quotes".to_owned()),
        }
    }

    fn show(&self, value: &T) -> String {
        quoted(&(self.show)(value))
    }
}

/// A list of networks; as a variable or flag, separated by commas.
pub(super) struct Networks;

impl Kind for Networks {
    type Value = TrustedProxies;

    fn allowed(&self) -> String {
        "a list of networks such as [\"127.0.0.0/8\", \"::1/128\"], or [] to trust no address"
            .to_owned()
    }

    fn read(&self, raw: &Raw) -> Result<TrustedProxies, String> {
        let items: Vec<&str> = match raw {
            Raw::List(items) => items.iter().map(String::as_str).collect(),
            Raw::Text(text) if text.trim().is_empty() => Vec::new(),
            Raw::Text(text) => text.split(',').map(str::trim).collect(),
            _ => return Err("not a list of texts".to_owned()),
        };
        items.into_iter().map(Cidr::parse).collect::<Result<_, _>>().map(TrustedProxies::new)
    }

    fn show(&self, value: &TrustedProxies) -> String {
        let networks: Vec<String> = value.networks().iter().map(ToString::to_string).collect();
        list(&networks)
    }
}

/// Shows a value by its `Display`.
pub(super) fn shown<T: fmt::Display>(value: &T) -> String {
    value.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Raw {
        Raw::Text(text.to_owned())
    }

    #[test]
    fn a_duration_stays_between_its_bounds() {
        let kind = Lasting("60s", "30d");
        assert_eq!(kind.read(&text("1h")), Ok(Duration::from_secs(3_600)));
        assert_eq!(kind.read(&text("59s")), Err("too short".to_owned()));
        assert_eq!(kind.read(&text("31d")), Err("too long".to_owned()));
        assert!(kind.read(&Raw::Integer(3_600)).unwrap_err().contains("unit"));
    }

    #[test]
    fn a_count_stays_between_its_bounds() {
        let kind = Count(1, 10);
        assert_eq!(kind.read(&Raw::Integer(10)), Ok(10));
        assert_eq!(kind.read(&text("7")), Ok(7));
        for raw in [Raw::Integer(0), Raw::Integer(-1), Raw::Integer(1 << 40), text("x"), text("11")]
        {
            assert!(kind.read(&raw).is_err(), "{raw}");
        }
    }

    #[test]
    fn a_single_choice_says_that_it_is_the_only_one() {
        assert_eq!(OneOf(&[("a", 1)]).allowed(), "\"a\", the only one in this version");
        assert_eq!(OneOf(&[("a", 1), ("b", 2), ("c", 3)]).allowed(), "\"a\", \"b\" or \"c\"");
    }

    #[test]
    fn networks_are_a_list_or_separated_by_commas() {
        let listed = Networks.read(&Raw::List(vec!["10.0.0.0/8".into(), "::1".into()])).unwrap();
        assert_eq!(Networks.read(&text("10.0.0.0/8, ::1/128")), Ok(listed.clone()));
        assert_eq!(Networks.show(&listed), r#"["10.0.0.0/8", "::1/128"]"#);
        assert_eq!(Networks.read(&text("")), Ok(TrustedProxies::default()));
        assert!(Networks.read(&text("10.0.0.0/8,,")).is_err());
    }
}
