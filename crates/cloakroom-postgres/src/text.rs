//! Text as PostgreSQL can keep it, which has no U+0000. Order and prefixes stay as they are.

use std::borrow::Cow;

/// Text for a column: `\0` becomes `\1 0`, and `\1` itself `\1 1`.
pub(crate) fn stored(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', '\u{1}']) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace('\u{1}', "\u{1}1").replace('\0', "\u{1}0"))
}

/// Text of a column, as it was given.
pub(crate) fn original(text: String) -> String {
    if !text.contains('\u{1}') {
        return text;
    }
    let mut original = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(letter) = rest.next() {
        original.push(match letter {
            '\u{1}' if rest.next() == Some('0') => '\0',
            other => other,
        });
    }
    original
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_comes_back_as_it_was() {
        for text in ["", "plain 0 1", "\0", "\u{1}", "\u{1}0", "a\0\0b\u{1}1\u{1}\0", "\u{2}"] {
            assert!(!stored(text).contains('\0'));
            assert_eq!(original(stored(text).into_owned()), text);
        }
    }

    #[test]
    fn order_and_prefixes_stay() {
        let texts = ["", "\0", "\0\0", "\0a", "\u{1}", "\u{1}\0", "\u{2}", "a", "a\0", "a\u{1}b"];
        for (left, right) in texts.iter().flat_map(|left| texts.map(|right| (*left, right))) {
            assert_eq!(left.cmp(right), stored(left).cmp(&stored(right)), "{left:?} {right:?}");
            let (kept, prefix) = (stored(left), stored(right));
            assert_eq!(left.starts_with(right), kept.starts_with(&*prefix));
        }
    }
}
