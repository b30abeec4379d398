use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::Table;
use super::column::{self, Cell};

/// Reads an array of objects, or objects one after the other.
pub(super) fn read(bytes: &[u8]) -> Table {
    let mut table = Table::default();
    match std::str::from_utf8(bytes) {
        Ok(text) => Objects { text, at: 0, line: 1 }.read(&mut table),
        Err(error) => {
            let line = 1 + line_ends(&bytes[..error.valid_up_to()]);
            table.fault(line, "it is not UTF-8".to_owned());
        }
    }
    table
}

struct Objects<'a> {
    text: &'a str,
    /// What was read, in bytes and as a line.
    at: usize,
    line: u64,
}

impl Objects<'_> {
    fn read(mut self, table: &mut Table) {
        let in_array = self.skip("[");
        loop {
            if self.next().is_none_or(|next| in_array && next == ']') {
                return self.end(in_array, table);
            }
            let line = self.line;
            let mut values = serde_json::Deserializer::from_str(&self.text[self.at..]).into_iter();
            let Some(value) = values.next() else { return };
            let read = values.byte_offset();
            match value {
                Ok(Object(pairs)) => {
                    let cells = pairs.iter().map(|(key, value)| (key.as_str(), cell(value)));
                    table.add(line, column::person(line, cells));
                }
                Err(error) => return table.fault(self.line_of(&error), told(&error)),
            }
            self.advance(read);
            self.skip(",");
        }
    }

    /// What stands behind the last object: the end of the array, and nothing after it.
    fn end(mut self, in_array: bool, table: &mut Table) {
        if in_array && !self.skip("]") {
            table.fault(self.line, "the ] at the end is missing: is the file whole?".to_owned());
        } else if self.next().is_some() {
            table.fault(self.line, "there is something behind the end".to_owned());
        }
    }

    /// Passes over one sign if it comes next.
    fn skip(&mut self, sign: &str) -> bool {
        let found = self.next().is_some() && self.text[self.at..].starts_with(sign);
        if found {
            self.advance(sign.len());
        }
        found
    }

    /// The next character that is not blank.
    fn next(&mut self) -> Option<char> {
        let rest = &self.text[self.at..];
        self.advance(rest.len() - rest.trim_start().len());
        self.text[self.at..].chars().next()
    }

    fn advance(&mut self, bytes: usize) {
        self.line += line_ends(&self.text.as_bytes()[self.at..self.at + bytes]);
        self.at += bytes;
    }

    fn line_of(&self, error: &serde_json::Error) -> u64 {
        self.line + (error.line() as u64).saturating_sub(1)
    }
}

fn line_ends(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// The parser's own text where it shows no value of the file.
fn told(error: &serde_json::Error) -> String {
    let what = if error.is_data() {
        "each user is to be an object with each column once".to_owned()
    } else {
        let text = error.to_string();
        let text = text.split(" at line ").next().unwrap_or_default();
        format!("this is not JSON ({text})")
    };
    format!("{what}; what follows was not read")
}

fn cell(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Nothing,
        Value::Bool(flag) => Cell::Flag(*flag),
        Value::Number(number) if !number.is_f64() => Cell::Number(number.to_string()),
        Value::String(text) => Cell::Text(text.clone()),
        Value::Array(items) => {
            let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
            texts.collect::<Option<_>>().map_or(Cell::Other, Cell::List)
        }
        Value::Number(_) | Value::Object(_) => Cell::Other,
    }
}

/// An object in which no key stands twice.
struct Object(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Pairs)
    }
}

struct Pairs;

impl<'de> Visitor<'de> for Pairs {
    type Value = Object;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let mut pairs: Vec<(String, Value)> = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, Value>()? {
            if pairs.iter().any(|(other, _)| *other == key) {
                return Err(serde::de::Error::custom("a column twice"));
            }
            pairs.push((key, value));
        }
        Ok(Object(pairs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<(u64, String)> {
        let table = read(text.as_bytes());
        assert!(table.faults.is_empty(), "{:?}", table.faults);
        table.people.into_iter().map(|person| (person.line, person.name)).collect()
    }

    fn faults(text: &str) -> Vec<(u64, String)> {
        let table = read(text.as_bytes());
        table.faults.into_iter().map(|fault| (fault.line, fault.text)).collect()
    }

    #[test]
    fn an_array_and_an_object_a_line_are_the_same() {
        let expected = [(2, "bob".to_owned()), (3, "eve".to_owned())];
        assert_eq!(names("[\n {\"name\": \"bob\"},\n {\"name\": \"eve\"}\n]\n"), expected);
        assert_eq!(names("\n{\"name\": \"bob\"}\n{\"name\": \"eve\"}\n"), expected);
        assert_eq!(names("[]"), []);
        assert_eq!(names(""), []);
    }

    #[test]
    fn values_are_taken_as_databases_write_them() {
        let table = read(
            br#"{"id": 17, "name": "bob", "groups": ["a", "b"], "admin": 1, "disabled": false,
                 "password_hash": null, "email": ""}"#,
        );
        assert!(table.faults.is_empty(), "{:?}", table.faults);
        let bob = &table.people[0];
        assert_eq!((bob.id.as_deref(), bob.admin, bob.disabled), (Some("17"), true, false));
        assert_eq!((bob.groups.len(), &bob.password_hash, &bob.email), (2, &None, &None));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_without_its_value() {
        let told =
            faults("[{\"name\": 5},\n{\"name\": \"a\", \"groups\": [1]},\n{\"nam\": \"b\"}]");
        assert_eq!(told[0], (1, "name: it is to be a text".to_owned()));
        assert!(told[1].0 == 2 && told[1].1.starts_with("groups: "));
        assert!(told[2].0 == 3 && told[2].1.contains("no column \"nam\"; allowed are name"));
        for (text, line, part) in [
            ("{\"name\": \"a\"}\n\"$2b$04$x\"", 2, "an object with each column once"),
            ("{\"name\": \"a\", \"name\": \"b\"}", 1, "each column once"),
            ("[{\"name\": \"a\"}\n", 2, "the ] at the end is missing"),
            ("[{\"name\": \"a\"}] x", 1, "something behind the end"),
            ("{\"name\":\n \"a\",,}", 2, "this is not JSON"),
        ] {
            let told = faults(text);
            assert_eq!((told.len(), told[0].0), (1, line), "{text}: {told:?}");
            assert!(told[0].1.contains(part) && !told[0].1.contains("$2b$"), "{text}: {told:?}");
        }
        assert_eq!(read(b"{\n\xff").faults[0].line, 2);
    }
}
