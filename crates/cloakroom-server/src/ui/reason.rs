//! Why a session ended, in plain words.

/// How the end of a session is explained to an administrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    /// A few words: "Signed out".
    pub label: &'static str,
    /// One sentence that says what happened.
    pub explanation: &'static str,
    /// Whether somebody should look into it.
    pub alarming: bool,
}

const UNKNOWN: Reason = calm("Ended", "It ended for a reason this version does not know.");

const REASONS: [(&str, Reason); 11] = [
    ("absolute", calm("Reached its limit", "It was as old as a session may become.")),
    ("admin", calm("Ended by hand", "An administrator ended it.")),
    ("capacity", calm("No room", "The server was full, and it was not used for longest.")),
    ("idle", calm("Not used", "It was not used for the idle time, so it ended by itself.")),
    ("key_retired", calm("Key retired", "The key that its credential was made with was retired.")),
    ("limit", calm("Too many sessions", "A newer sign-in took its place under the session limit.")),
    ("logout", calm("Signed out", "The person signed out, or ended it from another device.")),
    ("password_change", calm("Password changed", "The password was changed on another device.")),
    ("replaced", calm("Signed in again", "A new sign-in in the same browser took its place.")),
    (
        "theft",
        Reason {
            label: "Copied credential",
            explanation: "An old credential was used after its successor: somebody held a copy.",
            alarming: true,
        },
    ),
    ("user_disabled", calm("Account disabled", "An administrator disabled the account.")),
];

const fn calm(label: &'static str, explanation: &'static str) -> Reason {
    Reason { label, explanation, alarming: false }
}

impl Reason {
    /// Explains an end reason by its stable name (`logout`, `password_change`, …). A name from a
    /// newer version is explained as unknown.
    pub fn named(name: &str) -> Self {
        let found = REASONS.iter().find(|(known, _)| *known == name);
        found.map_or(UNKNOWN, |(_, reason)| *reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_theft_is_alarming() {
        let alarming = REASONS.iter().filter(|(_, reason)| reason.alarming);
        assert_eq!(alarming.map(|(name, _)| *name).collect::<Vec<_>>(), ["theft"]);
    }

    #[test]
    fn an_unknown_reason_is_still_explained() {
        assert_eq!(Reason::named("sunspots").label, "Ended");
    }
}
