//! The line at the top of a page that says what the last act did.

/// How a line is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// It worked.
    Good,
    /// Read this before going on.
    Warning,
}

/// What an act did. It travels in the address of the redirect (`?done=<code>`), so it is one of a
/// fixed list: nobody can put words of their own on a page with a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// One session ended.
    SessionEnded,
    /// The session had ended before.
    SessionGone,
    /// All sessions of the viewer but this one ended.
    OthersEnded,
    /// All sessions of one user ended.
    UserEnded,
    /// All sessions ended.
    EveryoneEnded,
    /// The viewer's password is changed.
    PasswordChanged,
    /// A user is disabled.
    UserDisabled,
    /// A user is enabled.
    UserEnabled,
    /// The box that confirms the end of everything was not ticked.
    NotConfirmed,
    /// An administrator tried to disable their own account.
    NotYourself,
    /// Set-up is complete.
    SetUp,
    /// The outcome of the last act is not known.
    Unclear,
}

const NOTICES: [(&str, Notice, Tone, &str); 12] = [
    ("session-ended", Notice::SessionEnded, Tone::Good, "The session has ended."),
    ("session-gone", Notice::SessionGone, Tone::Good, "That session had already ended."),
    (
        "others-ended",
        Notice::OthersEnded,
        Tone::Good,
        "Your other sessions have ended. You are signed in on this device only.",
    ),
    ("user-ended", Notice::UserEnded, Tone::Good, "All sessions of that person have ended."),
    ("everyone-ended", Notice::EveryoneEnded, Tone::Good, "All sessions have ended."),
    (
        "password-changed",
        Notice::PasswordChanged,
        Tone::Good,
        "Your password is changed. Your other sessions have ended.",
    ),
    (
        "user-disabled",
        Notice::UserDisabled,
        Tone::Good,
        "The account is disabled and all of its sessions have ended.",
    ),
    ("user-enabled", Notice::UserEnabled, Tone::Good, "The account is enabled."),
    (
        "not-confirmed",
        Notice::NotConfirmed,
        Tone::Warning,
        "Nothing ended. Tick the box to confirm that everyone is signed out.",
    ),
    (
        "not-yourself",
        Notice::NotYourself,
        Tone::Warning,
        "You cannot disable your own account. Ask another administrator.",
    ),
    (
        "set-up",
        Notice::SetUp,
        Tone::Good,
        "Cloakroom is set up. This account is its administrator.",
    ),
    (
        "unclear",
        Notice::Unclear,
        Tone::Warning,
        "We could not tell whether that worked. Look at the list below and try again if needed.",
    ),
];

impl Notice {
    /// The notice of that code, if there is one.
    pub fn named(code: &str) -> Option<Self> {
        let found = NOTICES.iter().find(|(known, ..)| *known == code);
        found.map(|(_, notice, ..)| *notice)
    }

    /// The code for the address.
    pub fn code(self) -> &'static str {
        self.row().0
    }

    /// The sentence to show.
    pub fn text(self) -> &'static str {
        self.row().3
    }

    /// How it is meant.
    pub fn tone(self) -> Tone {
        self.row().2
    }

    fn row(self) -> &'static (&'static str, Self, Tone, &'static str) {
        let found = NOTICES.iter().find(|(_, notice, ..)| *notice == self);
        found.expect("the table has a row for each notice, as a test checks")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_notice_survives_its_code() {
        // One arm for each notice, so that a new one fails to compile until it is counted here.
        let rows = |notice: Notice| match notice {
            Notice::SessionEnded
            | Notice::SessionGone
            | Notice::OthersEnded
            | Notice::UserEnded
            | Notice::EveryoneEnded
            | Notice::PasswordChanged
            | Notice::UserDisabled
            | Notice::UserEnabled
            | Notice::NotConfirmed
            | Notice::NotYourself
            | Notice::SetUp
            | Notice::Unclear => 12,
        };
        assert_eq!(rows(Notice::SetUp), NOTICES.len());
        for (code, notice, ..) in NOTICES {
            assert_eq!(Notice::named(code), Some(notice));
            assert_eq!(notice.code(), code);
        }
    }

    #[test]
    fn words_of_a_stranger_are_no_notice() {
        assert_eq!(Notice::named("Call +1 555 0100"), None);
    }
}
