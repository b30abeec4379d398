//! Every security event: its name in the OWASP logging vocabulary, and what comes with it.

use super::limiter::Limited;

/// How serious an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gravity {
    /// As it should be.
    Info,
    /// Somebody should look when it happens often.
    Warn,
}

/// One kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// See [`SPECS`], as for all others.
    LoginSuccess,
    #[expect(missing_docs, reason = "SPECS says it")]
    LoginFail,
    #[expect(missing_docs, reason = "SPECS says it")]
    LoginLock,
    #[expect(missing_docs, reason = "SPECS says it")]
    PasswordChange,
    #[expect(missing_docs, reason = "SPECS says it")]
    PasswordChangeFail,
    #[expect(missing_docs, reason = "SPECS says it")]
    TokenCreated,
    #[expect(missing_docs, reason = "SPECS says it")]
    TokenRevoked,
    #[expect(missing_docs, reason = "SPECS says it")]
    TokenReuse,
    #[expect(missing_docs, reason = "SPECS says it")]
    AccessFail,
    #[expect(missing_docs, reason = "SPECS says it")]
    ForeignSite,
    #[expect(missing_docs, reason = "SPECS says it")]
    Extraneous,
    #[expect(missing_docs, reason = "SPECS says it")]
    SessionCreated,
    #[expect(missing_docs, reason = "SPECS says it")]
    AnonymousCreated,
    #[expect(missing_docs, reason = "SPECS says it")]
    SessionRenewed,
    #[expect(missing_docs, reason = "SPECS says it")]
    SessionRotated,
    #[expect(missing_docs, reason = "SPECS says it")]
    SessionLogout,
    #[expect(missing_docs, reason = "SPECS says it")]
    SessionEnded,
    #[expect(missing_docs, reason = "SPECS says it")]
    SessionExpired,
    #[expect(missing_docs, reason = "SPECS says it")]
    UseAfterExpire,
    #[expect(missing_docs, reason = "SPECS says it")]
    UserCreated,
    #[expect(missing_docs, reason = "SPECS says it")]
    UserUpdated,
    #[expect(missing_docs, reason = "SPECS says it")]
    Startup,
    #[expect(missing_docs, reason = "SPECS says it")]
    Shutdown,
}

/// What is fixed of a kind.
#[derive(Debug)]
pub struct Spec {
    /// Which.
    pub kind: Kind,
    /// The name in the vocabulary, or one of its shape.
    pub name: &'static str,
    /// How serious it is.
    pub gravity: Gravity,
    /// Whether there is a bound on lines: strangers can cause it.
    pub limited: Limited,
    /// The fields that follow the name, in their order.
    pub parameters: &'static [&'static str],
    /// The other fields.
    pub fields: &'static [&'static str],
    /// What happened, in the words of the log.
    pub description: &'static str,
}

const fn spec(
    kind: Kind,
    name: &'static str,
    (gravity, limited): (Gravity, Limited),
    parameters: &'static [&'static str],
    fields: &'static [&'static str],
    description: &'static str,
) -> Spec {
    Spec { kind, name, gravity, limited, parameters, fields, description }
}

const INFO: (Gravity, Limited) = (Gravity::Info, Limited::No);
const WARN: (Gravity, Limited) = (Gravity::Warn, Limited::No);
const INFO_LIMITED: (Gravity, Limited) = (Gravity::Info, Limited::Yes);
const WARN_LIMITED: (Gravity, Limited) = (Gravity::Warn, Limited::Yes);

/// Every kind, in the order of [`Kind`].
#[rustfmt::skip]
pub static SPECS: [Spec; 23] = [
    spec(Kind::LoginSuccess, "authn_login_success", INFO, &["user"], &["session"], "a person signed in"),
    spec(Kind::LoginFail, "authn_login_fail", WARN_LIMITED, &["user"], &["reason"], "a sign-in was refused"),
    spec(Kind::LoginLock, "authn_login_lock", WARN_LIMITED, &["user", "reason"], &[], "sign-ins have to wait after too many wrong tries"),
    spec(Kind::PasswordChange, "authn_password_change", INFO, &["user"], &[], "a password was changed"),
    spec(Kind::PasswordChangeFail, "authn_password_change_fail", INFO_LIMITED, &["user"], &["reason"], "a change of password was refused"),
    spec(Kind::TokenCreated, "authn_token_created", INFO, &["user", "what"], &[], "a one-time link or a key was made"),
    spec(Kind::TokenRevoked, "authn_token_revoked", INFO, &["user", "what"], &[], "a key was removed"),
    spec(Kind::TokenReuse, "authn_token_reuse", WARN, &["user", "session"], &[], "an old credential was presented after its successor: somebody holds a copy"),
    spec(Kind::AccessFail, "authz_fail", WARN_LIMITED, &["user", "what"], &[], "somebody asked for what is not for them"),
    spec(Kind::ForeignSite, "malicious_cors", WARN_LIMITED, &[], &[], "a form that another site sent was refused"),
    spec(Kind::Extraneous, "malicious_extraneous", WARN_LIMITED, &["reason"], &[], "a credential was presented that this server did not issue, or several of different sessions"),
    spec(Kind::SessionCreated, "session_created", INFO, &["user"], &["session"], "a session of a user began"),
    spec(Kind::AnonymousCreated, "session_created_anonymous", INFO_LIMITED, &[], &["session"], "a session of a visitor began"),
    spec(Kind::SessionRenewed, "session_renewed", INFO, &["user"], &["session"], "a renewed credential is in force"),
    spec(Kind::SessionRotated, "session_rotated", INFO, &["user"], &["session", "reauthenticated"], "a session was given a fresh credential"),
    spec(Kind::SessionLogout, "session_logout", INFO, &["user"], &["session", "scope", "count", "by"], "a person signed out, here or on another device"),
    spec(Kind::SessionEnded, "session_ended", INFO, &["user", "reason"], &["session", "scope", "count", "by"], "sessions were ended"),
    spec(Kind::SessionExpired, "session_expired", INFO, &[], &["idle", "absolute"], "a sweep removed sessions whose time was over"),
    spec(Kind::UseAfterExpire, "session_use_after_expire", INFO_LIMITED, &["session"], &["reason"], "a credential was presented that is good no more"),
    spec(Kind::UserCreated, "user_created", INFO, &["user"], &[], "a user was added"),
    spec(Kind::UserUpdated, "user_updated", INFO, &["user", "what"], &[], "a user was changed"),
    spec(Kind::Startup, "sys_startup", INFO, &[], &["version"], "the server started"),
    spec(Kind::Shutdown, "sys_shutdown", INFO, &[], &[], "the server stops"),
];

impl Kind {
    pub(super) fn spec(self) -> &'static Spec {
        &SPECS[self as usize]
    }
}

/// The table of events in Markdown, for `docs/operations.md`.
pub fn events_markdown() -> String {
    let mut rows = vec![
        "| Event | Level | Other fields | Lines | Meaning |".to_owned(),
        "|---|---|---|---|---|".to_owned(),
    ];
    rows.extend(SPECS.iter().map(|spec| {
        let level = match spec.gravity {
            Gravity::Info => "info",
            Gravity::Warn => "warn",
        };
        let parameters = spec.parameters.iter().map(|name| format!("<{name}>"));
        let parameters = parameters.collect::<Vec<_>>().join(",");
        let colon = if parameters.is_empty() { "" } else { ":" };
        let fields = spec.fields.iter().map(|name| format!("`{name}`"));
        let lines = match spec.limited {
            Limited::No => "each",
            Limited::Yes => "bounded",
        };
        format!(
            "| `{}{colon}{parameters}` | {level} | {} | {lines} | {} |",
            spec.name,
            fields.collect::<Vec<_>>().join(", "),
            spec.description,
        )
    }));
    rows.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_stands_at_its_place_under_a_name_of_its_own() {
        let mut names = BTreeSet::new();
        for (index, spec) in SPECS.iter().enumerate() {
            assert_eq!(spec.kind as usize, index, "{}", spec.name);
            assert!(names.insert(spec.name), "{}", spec.name);
            assert!(!spec.description.contains('|'));
        }
    }
}
