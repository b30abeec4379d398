use std::fmt::Debug;

use tracing::field::{Field, Visit};

/// Longest value kept, in bytes: what strangers send costs a bounded line (law 13).
const LONGEST: usize = 4_096;

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Whole(i128),
    Real(f64),
    Flag(bool),
}

/// What an event or a span says, by name, in the order in which it is said.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(&'static str, Value)>);

impl Fields {
    /// Takes over from `outer` what is not said here.
    pub(super) fn complete(&mut self, outer: &Self) {
        for (name, value) in &outer.0 {
            if !self.0.iter().any(|(known, _)| known == name) {
                self.0.push((name, value.clone()));
            }
        }
    }

    /// Takes a text out.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let position = self.0.iter().position(|(known, _)| *known == name)?;
        match self.0.remove(position).1 {
            Value::Text(text) => Some(text),
            other => Some(format!("{other:?}")),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(&'static str, Value)> {
        self.0.iter()
    }

    fn say(&mut self, field: &Field, value: Value) {
        let name = field.name();
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name, value)),
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.say(field, Value::Text(cut(value)));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.say(field, Value::Flag(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.say(field, Value::Whole(value.into()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.say(field, Value::Whole(value.into()));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.say(field, Value::Real(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.say(field, Value::Text(cut(&format!("{value:?}"))));
    }
}

fn cut(text: &str) -> String {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_cut_at_a_character() {
        let long = format!("x{}", "é".repeat(LONGEST));
        assert_eq!(cut(&long).len(), LONGEST - 1);
        assert_eq!(cut("short"), "short");
    }
}
