use std::fmt;

use cloakroom_core::StoreError;
use redis::{ErrorKind, RedisError};

use crate::record::Strange;

/// Why a command came to nothing, as far as that is known.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// It was not carried out.
    NotDone(Text),
    /// It was not carried out, and on this connection nothing will be.
    Unusable(Text),
    /// Its answer was lost; it may have been carried out.
    Lost(Text),
}

/// What to tell the operator. Holds no key, no value and no password.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Text(String);

const TOO_LATE: &str = "Redis did not answer in time";

impl Fault {
    pub(crate) fn not_done(text: impl fmt::Display) -> Self {
        Self::NotDone(Text(text.to_string()))
    }

    pub(crate) fn lost(text: impl fmt::Display) -> Self {
        Self::Lost(Text(text.to_string()))
    }

    pub(crate) fn too_late() -> Self {
        Self::lost(TOO_LATE)
    }

    /// Whether the connection is of no use any more.
    pub(crate) fn ends_connection(&self) -> bool {
        matches!(self, Self::Lost(_) | Self::Unusable(_))
    }

    /// Whether a read may succeed on the next connection, which is being made. An answer that
    /// came too late was waited for long enough.
    pub(crate) fn is_worth_another_try(&self) -> bool {
        matches!(self, Self::Lost(_)) && !self.is_late()
    }

    /// Whether the server did not answer in time.
    pub(crate) fn is_late(&self) -> bool {
        matches!(self, Self::Lost(Text(text)) if text == TOO_LATE)
    }

    pub(crate) fn text(&self) -> &Text {
        match self {
            Self::NotDone(text) | Self::Unusable(text) | Self::Lost(text) => text,
        }
    }

    /// Of an act that had carried out a part of itself before.
    #[must_use]
    pub(crate) fn half_done(self) -> Self {
        Self::Lost(self.text().clone())
    }

    pub(crate) fn of_read(self, operation: &'static str) -> StoreError {
        StoreError::failed(operation, self.text().clone())
    }

    pub(crate) fn of_write(self, operation: &'static str) -> StoreError {
        match self {
            Self::NotDone(text) | Self::Unusable(text) => StoreError::failed(operation, text),
            Self::Lost(text) => StoreError::unknown(operation, text),
        }
    }
}

impl From<RedisError> for Fault {
    fn from(error: RedisError) -> Self {
        if error.is_timeout() {
            return Self::too_late();
        }
        match error.code() {
            // The address may lead to another server by now.
            Some(code @ ("READONLY" | "MASTERDOWN" | "LOADING")) => {
                Self::Unusable(Text(said(code, "")))
            }
            Some(code) => Self::not_done(said(code, error.detail().unwrap_or_default())),
            None if error.kind() == ErrorKind::AuthenticationFailed => {
                Self::Unusable(Text(said("WRONGPASS", "")))
            }
            None if error.is_connection_refusal() => Self::lost(format!(
                "no Redis server answers there; is it running, and does a firewall let us through? \
                 ({error})"
            )),
            None if error.is_io_error() => {
                let why = bounded(&error.to_string());
                Self::lost(format!("the connection to Redis was lost: {why}"))
            }
            None if error.is_unrecoverable_error() => {
                Self::lost(format!("the connection to Redis was lost: {}", error.category()))
            }
            None => Self::not_done(format!("Redis: {error}")),
        }
    }
}

impl From<Strange> for Fault {
    fn from(strange: Strange) -> Self {
        Self::not_done(strange)
    }
}

/// The words for what a server says, with what can be done about it.
fn said(code: &str, detail: &str) -> String {
    let advice = match code {
        "OOM" => "Redis is out of memory and takes no new sessions: raise maxmemory",
        "READONLY" => "this Redis has become a replica and takes no writes",
        "LOADING" => "Redis is loading its data after a start",
        "MISCONF" => "Redis takes no writes because it cannot save its data: look at its disk",
        "NOAUTH" => "Redis asks for a password",
        "WRONGPASS" => "Redis refuses the user name or the password",
        "NOPERM" => "the Redis user lacks a permission",
        "BUSY" => "Redis is busy with a script",
        "MASTERDOWN" => "this Redis is a replica that has lost its primary",
        "NOREPLICAS" => "Redis takes no writes because it has too few replicas",
        "CLUSTERDOWN" => "the Redis cluster is down",
        "MOVED" | "ASK" | "CROSSSLOT" => {
            "this is a Redis cluster, which is spoken to in another way"
        }
        _ => return format!("Redis refused: {code} {}", bounded(detail)),
    };
    // Its own words may quote arguments, so they are left out where there are better ones.
    format!("{advice} ({code})")
}

/// A bounded part of what it said, without the arguments that it quotes of commands it has not.
fn bounded(detail: &str) -> String {
    let detail = detail.split(", with args").next().unwrap_or_default();
    detail.chars().filter(|character| !character.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_told_with_advice() {
        for (code, word) in [("OOM", "maxmemory"), ("READONLY", "replica"), ("LOADING", "start")] {
            let text = said(code, "command not allowed 'secret'");
            assert!(text.contains(word) && text.contains(code) && !text.contains("secret"));
        }
        assert_eq!(said("ERR", "a\r\nb"), "Redis refused: ERR ab");
        let quoting = said("ERR", "unknown command 'EVALSHA', with args beginning with: 'secret'");
        assert_eq!(quoting, "Redis refused: ERR unknown command 'EVALSHA'");
    }

    #[test]
    fn only_a_lost_answer_is_unknown() {
        let unknown = Fault::lost("gone").of_write("end sessions");
        assert!(matches!(unknown, StoreError::Unknown { .. }));
        let failed = Fault::not_done("OOM").of_write("end sessions");
        assert!(matches!(failed, StoreError::Failed { .. }));
        assert!(matches!(Fault::lost("gone").of_read("load"), StoreError::Failed { .. }));
    }
}
