use std::fmt;

/// A value as a layer gave it, before a setting has read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Raw {
    /// A string of the file, a variable or a flag.
    Text(String),
    /// A whole number of the file.
    Integer(i64),
    /// A list of strings of the file.
    List(Vec<String>),
    /// Anything else, by what it is.
    Other(&'static str),
}

impl fmt::Display for Raw {
    /// As TOML writes it, shortened.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => formatter.write_str(&quoted(&shortened(text))),
            Self::Integer(number) => write!(formatter, "{number}"),
            Self::List(items) => formatter.write_str(&list(items)),
            Self::Other(what) => write!(formatter, "({what})"),
        }
    }
}

/// `text` as a TOML basic string.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            char if char.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(char))),
            char => out.push(char),
        }
    }
    out.push('"');
    out
}

/// `items` as a TOML array of strings.
pub(super) fn list<T: AsRef<str>>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(|item| quoted(item.as_ref())).collect();
    format!("[{}]", items.join(", "))
}

fn shortened(text: &str) -> String {
    const MOST: usize = 80;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    text.chars().take(MOST).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_shown_as_toml_writes_it() {
        assert_eq!(Raw::Text("a\"b\\c\n".to_owned()).to_string(), r#""a\"b\\c\u000A""#);
        assert_eq!(Raw::Integer(-3).to_string(), "-3");
        assert_eq!(Raw::List(vec!["a".into(), "b".into()]).to_string(), r#"["a", "b"]"#);
        assert_eq!(Raw::Other("a boolean").to_string(), "(a boolean)");
    }

    #[test]
    fn long_text_is_shortened() {
        assert_eq!(Raw::Text("x".repeat(500)).to_string().chars().count(), 83);
    }
}
