//! The security events of the log, one function each (ASVS 5.0 16.3). Who asked, from where and
//! for what is said by the request that the event belongs to ([`context`](self::within_request)).
//!
//! No function takes what somebody typed: ids of users are ours, names of users are known ones.

mod context;
mod kind;
mod limiter;
mod line;
mod witness;

use std::time::Duration;

use cloakroom::{LoginOutcome, SessionId, UserId};

use crate::app::App;

pub use context::{acting, by_operator, within_request};
pub use kind::{Gravity, Kind, SPECS, Spec, events_markdown};
pub use limiter::{BURST, Limited};
use line::Line;
pub use line::unwritten;
pub use witness::Witness;

/// The target of these events, for those who filter.
pub const TARGET: &str = "cloakroom::events";

/// Pause between two looks at what was not written.
const SUMMARY_PAUSE: Duration = Duration::from_secs(10);

/// Somebody proved with a password who they are, and has a session now.
pub fn signed_in(user: &UserId, session: SessionId) {
    Line::of(user).session(session).log(Kind::LoginSuccess);
}

/// A sign-in was refused before there was a session to record: wrong, limited, busy, or a fault.
/// `user` is whose name it was, if anybody's. Counts it too.
pub fn sign_in_refused(app: &App, user: Option<&UserId>, why: LoginOutcome) {
    app.cloakroom.sessions().meters().login(why);
    Line::perhaps_of(user).reason(why.as_str()).log(Kind::LoginFail);
}

/// From now on sign-ins have to wait: `reason` says whose, `user` or `network`.
pub fn sign_in_locked(user: Option<&UserId>, reason: &'static str) {
    Line::perhaps_of(user).reason(reason).log(Kind::LoginLock);
}

/// A password was changed, by its owner or with a one-time link.
pub fn password_changed(user: &UserId) {
    Line::of(user).log(Kind::PasswordChange);
}

/// A change of password was refused; `reason` is a word of the program.
pub fn password_change_refused(user: &UserId, reason: &'static str) {
    Line::of(user).reason(reason).log(Kind::PasswordChangeFail);
}

/// A one-time link or an API key was made; `what` is a kind, or the public id of a key.
pub fn token_created(user: Option<&UserId>, what: &str) {
    Line::perhaps_of(user).what(what).log(Kind::TokenCreated);
}

/// A key was removed; `what` is its public id.
pub fn token_revoked(user: Option<&UserId>, what: &str) {
    Line::perhaps_of(user).what(what).log(Kind::TokenRevoked);
}

/// Somebody who is known asked for what is not for them; `what` is a word of the program.
pub fn access_refused(user: Option<&UserId>, what: &'static str) {
    Line::perhaps_of(user).what(what).log(Kind::AccessFail);
}

/// A form that another site sent was refused.
pub fn foreign_site_refused() {
    Line::default().log(Kind::ForeignSite);
}

/// A user was added.
pub fn user_created(user: &UserId) {
    Line::of(user).log(Kind::UserCreated);
}

/// A user was changed; `what` is a word of the program, such as `disabled`.
pub fn user_updated(user: &UserId, what: &'static str) {
    Line::of(user).what(what).log(Kind::UserUpdated);
}

/// The server is ready.
pub fn started() {
    Line::default().version(env!("CARGO_PKG_VERSION")).log(Kind::Startup);
}

/// The server was told to stop, and has.
pub fn stopped() {
    line::summarize();
    Line::default().log(Kind::Shutdown);
}

/// From time to time says how many lines were not written, while the server runs.
pub async fn summarize() {
    loop {
        tokio::time::sleep(SUMMARY_PAUSE).await;
        line::summarize();
    }
}
