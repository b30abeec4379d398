//! Sessions and moments in words.

use std::io::{self, Write};

use cloakroom::{Clock, SystemClock};

use crate::operator::Time;
use crate::ui::device::Device;
use crate::ui::moment::Moment;

/// A moment as of now.
pub(super) fn moment(Time(time): Time) -> Moment {
    Moment::new(time.unix_millis(), SystemClock::new().now().unix_millis())
}

/// "3 minutes ago (12 March 2026, 14:03:05 UTC)".
pub(super) fn exact(time: Time) -> String {
    let moment = moment(time);
    format!("{} ({})", moment.text, moment.exact)
}

/// "Firefox on Windows".
pub(super) fn device(user_agent: Option<&str>) -> String {
    Device::of(user_agent.unwrap_or_default()).label()
}

/// "1 session", "2 sessions".
pub(super) fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// "session 0198… of alice", "anonymous session 0198…".
pub(super) fn named(id: cloakroom::SessionId, user_name: Option<&str>) -> String {
    match user_name {
        Some(name) => format!("session {id} of {name}"),
        None => format!("anonymous session {id}"),
    }
}

/// A word to the person, on standard error: a script that reads the output does not get it.
pub(super) fn remark(line: &str) {
    // Nobody may be reading.
    let _ = writeln!(io::stderr(), "{line}");
}
