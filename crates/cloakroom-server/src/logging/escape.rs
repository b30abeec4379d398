//! What strangers send must neither end a line, nor colour a terminal, nor reorder a text (ASVS
//! 5.0 16.4.1).

/// Characters that do something else than being seen: controls, line and paragraph separators,
/// and those that change the direction of the text.
fn acts(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}')
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// As a JSON string, with quotes. What acts is written as `\uXXXX`.
pub(super) fn json(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            // All that act are in the first plane, so four digits are enough.
            _ if acts(character) => quoted.push_str(&format!("\\u{:04x}", u32::from(character))),
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// For people: as it is, but for what acts.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            _ if acts(character) => plain.push_str(&format!("\\u{{{:x}}}", u32::from(character))),
            _ => plain.push(character),
        }
    }
    plain
}

/// A value for people: in quotes if it could be taken for more than one.
pub(super) fn value(text: &str) -> String {
    let is_word = !text.is_empty() && !text.contains([' ', '"', '=', '\\']);
    if is_word { plain(text) } else { json(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_written_and_does_nothing() {
        let hostile = "a\r\nb\u{1b}[31m\u{9b}c\u{2028}d\u{202e}e\"\\f";
        assert_eq!(json(hostile), r#""a\u000d\u000ab\u001b[31m\u009bc\u2028d\u202ee\"\\f""#);
        assert_eq!(serde_json::from_str::<String>(&json(hostile)).unwrap(), hostile);
        assert_eq!(plain("a\nb\u{1b}"), "a\\u{a}b\\u{1b}");
    }

    #[test]
    fn a_value_cannot_pass_for_two() {
        assert_eq!(value("curl/8"), "curl/8");
        assert_eq!(value("x level=ERROR"), "\"x level=ERROR\"");
        assert_eq!(value(""), "\"\"");
        assert_eq!(value("é\n"), "é\\u{a}");
    }
}
