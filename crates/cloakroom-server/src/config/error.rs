use std::fmt;

use super::Source;

/// One thing that is wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    key: String,
    value: Option<String>,
    source: Option<Source>,
    message: String,
}

impl Problem {
    /// A problem with a setting, or with a whole layer when `key` is empty.
    pub(super) fn new(key: &str, source: Option<Source>, message: String) -> Self {
        Self { key: key.to_owned(), value: None, source, message }
    }

    /// A problem with a value, which is shown as TOML.
    pub(super) fn with_value(key: &str, value: String, source: Source, message: String) -> Self {
        Self { key: key.to_owned(), value: Some(value), source: Some(source), message }
    }

    /// The key that is wrong; empty when a whole layer is.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Where the wrong value came from, if anything gave one.
    pub fn source(&self) -> Option<&Source> {
        self.source.as_ref()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value.as_ref().map(|value| format!(" = {value}")).unwrap_or_default();
        match (self.key.as_str(), &self.source) {
            ("", None) => formatter.write_str(&self.message),
            ("", Some(source)) => write!(formatter, "{source}: {}", self.message),
            (key, None) => write!(formatter, "{key}{value}: {}", self.message),
            (key, Some(source)) => write!(formatter, "{key}{value} ({source}): {}", self.message),
        }
    }
}

/// Everything that is wrong with the configuration; never empty. One line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub(super) Vec<Problem>);

impl ConfigErrors {
    /// The problems, in the order of the layers.
    pub fn problems(&self) -> &[Problem] {
        &self.0
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => formatter.write_str("the configuration has 1 problem:")?,
            count => write!(formatter, "the configuration has {count} problems:")?,
        }
        self.0.iter().try_for_each(|problem| write!(formatter, "\n  {problem}"))
    }
}

impl std::error::Error for ConfigErrors {}
