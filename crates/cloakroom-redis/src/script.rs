//! The scripts, each with what it shares with others before it.

use std::fmt::Write;
use std::sync::OnceLock;

use sha1::{Digest, Sha1};

/// A script, called by its digest.
pub(crate) struct Script {
    text: &'static str,
    calls: OnceLock<Call>,
}

/// A script ready to be sent.
pub(crate) struct Call {
    pub(crate) text: String,
    pub(crate) digest: String,
}

/// Refuses commands on keys that the caller did not declare, which a single server lets pass.
const CHECK: &str = include_str!("lua/check.lua");

impl Script {
    const fn new(text: &'static str) -> Self {
        Self { text, calls: OnceLock::new() }
    }

    pub(crate) fn call(&self) -> &Call {
        self.calls.get_or_init(|| Call::new(self.text.to_owned()))
    }

    /// With a check that each key it uses was declared; for tests.
    pub(crate) fn checked(&self) -> Call {
        Call::new(format!("{CHECK}{}", self.text))
    }
}

impl Call {
    fn new(text: String) -> Self {
        let mut digest = String::with_capacity(40);
        for byte in Sha1::digest(text.as_bytes()) {
            // Writing to a string does not fail.
            let _ = write!(digest, "{byte:02x}");
        }
        Self { text, digest }
    }
}

macro_rules! scripts {
    ($($name:ident = $($file:literal)+;)*) => {
        $(pub(crate) static $name: Script = Script::new(concat!($(include_str!($file)),+));)*

        #[cfg(test)]
        const ALL: &[&Script] = &[$(&$name),*];
    };
}

scripts! {
    INSERT = "lua/record.lua" "lua/bucket.lua" "lua/insert.lua";
    CLAIM = "lua/record.lua" "lua/bucket.lua" "lua/claim.lua";
    RELEASE = "lua/record.lua" "lua/bucket.lua" "lua/release.lua";
    SETTLE = "lua/record.lua" "lua/bucket.lua" "lua/settle.lua";
    CLAIMED = "lua/record.lua" "lua/bucket.lua" "lua/claimed.lua";
    END_ONE = "lua/record.lua" "lua/bucket.lua" "lua/end_one.lua";
    END_USER = "lua/record.lua" "lua/bucket.lua" "lua/end_user.lua";
    REGROUP = "lua/record.lua" "lua/bucket.lua" "lua/regroup.lua";
    ROTATE = "lua/record.lua" "lua/bucket.lua" "lua/rotate.lua";
    RENEW = "lua/record.lua" "lua/renew.lua";
    READ = "lua/record.lua" "lua/read.lua";
    UPDATE = "lua/record.lua" "lua/update.lua";
    TOUCH = "lua/record.lua" "lua/touch.lua";
    DOOM = "lua/record.lua" "lua/bucket.lua" "lua/doom.lua";
    BURY_DOOMED = "lua/record.lua" "lua/bucket.lua" "lua/bury_doomed.lua";
    BURY_DUE = "lua/record.lua" "lua/bucket.lua" "lua/bury_due.lua";
    FORGET = "lua/record.lua" "lua/bucket.lua" "lua/forget.lua";
    TIDY = "lua/record.lua" "lua/bucket.lua" "lua/tidy.lua";
    RESERVE = "lua/reserve.lua";
    LOOK = "lua/look.lua";
    RAISE = "lua/raise.lua";
    LEASE = "lua/lease.lua";
    FILL = "lua/fill.lua";
    NAME = "lua/name.lua";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_known_by_the_digest_that_redis_computes() {
        let call = Call::new("return 1".to_owned());
        assert_eq!(call.digest, "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
    }

    #[test]
    fn no_script_uses_what_a_cluster_or_an_old_server_does_not_have() {
        for script in ALL {
            for word in ["'KEYS'", "'SCAN'", "'RENAME'", "HEXPIRE", "HSETEX", "'RANDOMKEY'"] {
                assert!(!script.text.contains(word), "{word}");
            }
        }
    }
}
