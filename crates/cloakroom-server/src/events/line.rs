use std::time::Instant;

use cloakroom::{SessionId, UserId};

use super::TARGET;
use super::kind::{Gravity, Kind, SPECS};
use super::limiter::{Limited, Limiter};

static LIMITERS: [Limiter; SPECS.len()] = [const { Limiter::new() }; SPECS.len()];

/// The fields of one event.
#[derive(Debug, Default)]
pub(super) struct Line<'a> {
    user: Option<&'a str>,
    session: Option<String>,
    reason: Option<&'a str>,
    what: Option<&'a str>,
    scope: Option<&'a str>,
    by: Option<&'a str>,
    version: Option<&'a str>,
    count: Option<u64>,
    idle: Option<u64>,
    absolute: Option<u64>,
    reauthenticated: Option<bool>,
}

impl<'a> Line<'a> {
    pub(super) fn of(user: &'a UserId) -> Self {
        Self::perhaps_of(Some(user))
    }

    pub(super) fn perhaps_of(user: Option<&'a UserId>) -> Self {
        Self { user: user.map(UserId::as_str), ..Self::default() }
    }

    pub(super) fn session(mut self, session: SessionId) -> Self {
        self.session = Some(session.to_string());
        self
    }

    pub(super) fn reason(mut self, reason: &'a str) -> Self {
        self.reason = Some(reason);
        self
    }

    pub(super) fn what(mut self, what: &'a str) -> Self {
        self.what = Some(what);
        self
    }

    pub(super) fn version(mut self, version: &'a str) -> Self {
        self.version = Some(version);
        self
    }

    pub(super) fn ended(mut self, scope: &'a str, count: u64, by: Option<&'a str>) -> Self {
        (self.scope, self.count, self.by) = (Some(scope), Some(count), by);
        self
    }

    pub(super) fn expired(mut self, idle: u64, absolute: u64) -> Self {
        (self.idle, self.absolute) = (Some(idle), Some(absolute));
        self
    }

    pub(super) fn reauthenticated(mut self, reauthenticated: bool) -> Self {
        self.reauthenticated = Some(reauthenticated);
        self
    }

    /// Writes it, unless strangers caused too many of this kind.
    pub(super) fn log(&self, kind: Kind) {
        let spec = kind.spec();
        if spec.limited == Limited::Yes && !LIMITERS[kind as usize].admits(Instant::now()) {
            return;
        }
        let (event, description) = (self.named(kind), spec.description);
        macro_rules! write {
            ($level:ident) => {
                tracing::event!(
                    target: TARGET,
                    tracing::Level::$level,
                    event,
                    user = self.user,
                    session = self.session.as_deref(),
                    reason = self.reason,
                    what = self.what,
                    scope = self.scope,
                    count = self.count,
                    idle = self.idle,
                    absolute = self.absolute,
                    reauthenticated = self.reauthenticated,
                    by = self.by,
                    version = self.version,
                    "{description}"
                )
            };
        }
        match spec.gravity {
            Gravity::Info => write!(INFO),
            Gravity::Warn => write!(WARN),
        }
    }

    /// The name with its parameters, as the vocabulary has it: `authn_login_lock:<user>,<reason>`.
    fn named(&self, kind: Kind) -> String {
        let spec = kind.spec();
        let values = spec.parameters.iter().map(|name| self.parameter(name).unwrap_or("unknown"));
        let values = values.collect::<Vec<_>>().join(",");
        let colon = if values.is_empty() { "" } else { ":" };
        format!("{}{colon}{values}", spec.name)
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        match name {
            "user" => self.user,
            "session" => self.session.as_deref(),
            "reason" => self.reason,
            "what" => self.what,
            _ => None,
        }
    }
}

/// How many lines of each limited kind were not written since the start.
pub fn unwritten() -> impl Iterator<Item = (&'static str, u64)> {
    let limited = SPECS.iter().filter(|spec| spec.limited == Limited::Yes);
    limited.map(|spec| (spec.name, LIMITERS[spec.kind as usize].total()))
}

/// One line for each kind of which some were not written since the last time.
pub(super) fn summarize() {
    for (spec, limiter) in SPECS.iter().zip(&LIMITERS) {
        let unwritten = limiter.unwritten();
        if unwritten > 0 {
            let kind = spec.name;
            tracing::warn!(kind, unwritten, "more events of a kind than are written");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_named_as_the_vocabulary_names_it() {
        let user = UserId::new("u-1").unwrap();
        assert_eq!(Line::of(&user).named(Kind::LoginSuccess), "authn_login_success:u-1");
        assert_eq!(Line::default().named(Kind::LoginFail), "authn_login_fail:unknown");
        let locked = Line::of(&user).reason("network");
        assert_eq!(locked.named(Kind::LoginLock), "authn_login_lock:u-1,network");
        assert_eq!(Line::default().named(Kind::Startup), "sys_startup");
    }

    #[test]
    fn every_parameter_in_the_table_is_known() {
        let mut line = Line { user: Some("u"), ..Line::default() }.reason("r").what("w");
        line.session = Some("s".to_owned());
        for spec in &SPECS {
            assert!(spec.parameters.iter().all(|name| line.parameter(name).is_some()));
        }
    }
}
