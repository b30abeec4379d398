use std::sync::OnceLock;

use tracing::Level;

use super::escape;
use super::fields::{Fields, Value};
use crate::events;

/// One line of the log.
pub(super) struct Line<'a> {
    datetime: String,
    level: Level,
    /// Where in the program it was said; left out of security events, whose name says all.
    target: Option<&'a str>,
    /// The name of a security event, with its parameters.
    event: Option<String>,
    description: String,
    fields: Fields,
}

impl<'a> Line<'a> {
    pub(super) fn new(
        now: jiff::Timestamp,
        level: Level,
        target: &'a str,
        mut fields: Fields,
    ) -> Self {
        Self {
            datetime: now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
            level,
            target: (target != events::TARGET).then_some(target),
            event: fields.take("event"),
            description: fields.take("message").unwrap_or_default(),
            fields,
        }
    }

    /// `2026-11-25T10:00:00.000Z INFO authn_login_success:… a person signed in session=…`
    pub(super) fn text(&self) -> String {
        let mut words = vec![self.datetime.clone(), self.level.to_string()];
        words.extend(self.event.as_deref().map(escape::plain));
        words.push(escape::plain(&self.description));
        words.extend(self.fields.iter().map(|(name, value)| format!("{name}={}", shown(value))));
        words.join(" ") + "\n"
    }

    /// One JSON object, with the field names of the OWASP logging vocabulary.
    pub(super) fn json(&self) -> String {
        let mut members = vec![
            member("datetime", &self.datetime),
            member("appid", "cloakroom"),
            member("level", self.level.as_str()),
        ];
        members.extend(self.event.as_deref().map(|event| member("event", event)));
        members.push(member("description", &self.description));
        members.extend(
            self.fields
                .iter()
                .map(|(name, value)| format!("{}:{}", escape::json(name), json(value))),
        );
        members.extend(hostname().map(|name| member("hostname", name)));
        members.extend(self.target.map(|target| member("target", target)));
        format!("{{{}}}\n", members.join(","))
    }
}

fn member(name: &str, text: &str) -> String {
    format!("{}:{}", escape::json(name), escape::json(text))
}

fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => escape::value(text),
        other => json(other),
    }
}

fn json(value: &Value) -> String {
    match value {
        Value::Text(text) => escape::json(text),
        Value::Whole(number) => number.to_string(),
        Value::Real(number) if number.is_finite() => number.to_string(),
        // JSON has no word for them.
        Value::Real(_) => "null".to_owned(),
        Value::Flag(flag) => flag.to_string(),
    }
}

/// The name of this machine, where Linux tells it.
fn hostname() -> Option<&'static str> {
    static NAME: OnceLock<Option<String>> = OnceLock::new();
    let read = || {
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
        Some(name.trim().to_owned()).filter(|name| !name.is_empty())
    };
    NAME.get_or_init(read).as_deref()
}
