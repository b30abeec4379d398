use std::io::ErrorKind;
use std::ops::Range;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::error::Problem;
use super::load::Given;
use super::value::Raw;
use super::{Inputs, Source};

pub(super) const TABLE: &str = "an empty table";

/// Reads the values of a TOML file, each with its line.
pub(super) fn read(inputs: &Inputs, path: &Path) -> Result<Vec<Given>, Vec<Problem>> {
    let text = std::fs::read_to_string(inputs.directory.join(path))
        .map_err(|error| vec![Problem::new("", None, unreadable(path, &error))])?;
    let walk = Walk { path, text: &text };
    let (table, errors) = DeTable::parse_recoverable(&text);
    if !errors.is_empty() {
        return Err(errors.iter().map(|error| walk.syntax(error)).collect());
    }
    let mut given = Vec::new();
    walk.table(&[], table.get_ref(), &mut given);
    given.sort_by_key(|given| line(&given.source));
    Ok(given)
}

fn unreadable(path: &Path, error: &std::io::Error) -> String {
    let path = path.display();
    match error.kind() {
        ErrorKind::NotFound => format!("the configuration file {path} does not exist"),
        ErrorKind::PermissionDenied => {
            format!("the configuration file {path} may not be read by this user")
        }
        ErrorKind::IsADirectory => format!("the configuration file {path} is a directory"),
        ErrorKind::InvalidData => format!("the configuration file {path} is not UTF-8 text"),
        _ => format!("the configuration file {path} cannot be read: {error}"),
    }
}

fn line(source: &Source) -> usize {
    match source {
        Source::File { line, .. } => *line,
        _ => 0,
    }
}

struct Walk<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Walk<'_> {
    fn table(&self, above: &[String], table: &DeTable<'_>, given: &mut Vec<Given>) {
        for (key, value) in table {
            let mut segments = above.to_vec();
            segments.push(key.get_ref().to_string());
            match value.get_ref() {
                DeValue::Table(inner) if !inner.is_empty() => self.table(&segments, inner, given),
                other => {
                    given.push(Given { segments, raw: raw(other), source: self.source(key.span()) })
                }
            }
        }
    }

    fn syntax(&self, error: &toml::de::Error) -> Problem {
        let source = error.span().map(|span| self.source(span));
        Problem::new("", source, error.message().to_owned())
    }

    fn source(&self, span: Range<usize>) -> Source {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        Source::File { path: self.path.to_owned(), line: before.matches('\n').count() + 1 }
    }
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Raw::Other("a huge number"), Raw::Integer),
        DeValue::Array(items) => {
            let texts = items.iter().map(|item| item.get_ref().as_str().map(str::to_owned));
            texts.collect::<Option<_>>().map_or(Raw::Other("a list of other things"), Raw::List)
        }
        DeValue::Float(_) => Raw::Other("a number with a fraction"),
        DeValue::Boolean(_) => Raw::Other("a boolean"),
        DeValue::Datetime(_) => Raw::Other("a date"),
        DeValue::Table(_) => Raw::Other(TABLE),
    }
}
