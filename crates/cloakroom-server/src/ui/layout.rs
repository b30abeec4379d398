//! What all pages share.

use super::assets::asset_url;
use super::notice::{Notice, Tone};

/// The frame around a page: where it is mounted, who looks at it, and what just happened.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Where the pages are mounted. Starts and ends with a slash.
    pub prefix: String,
    /// The server's time in milliseconds since 1970. The script tells ages from it, so a wrong
    /// clock of the client does not matter.
    pub now_unix_ms: i64,
    /// Who is signed in. A page that has one shows the way to sign out.
    pub viewer: Option<Viewer>,
    /// The entry of the navigation that this page belongs to.
    pub nav: Option<Nav>,
    /// What the last act did.
    pub notice: Option<Notice>,
}

/// The person who looks at a page.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// The name to show: the display name, or else the login name.
    pub name: String,
    /// Whether the administration is offered.
    pub is_admin: bool,
}

/// The entries of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nav {
    /// The viewer's devices.
    Devices,
    /// The viewer's password.
    Password,
    /// Who is signed in.
    Sessions,
    /// Sessions that ended.
    Ended,
    /// The users.
    Users,
}

impl Nav {
    fn path(self) -> &'static str {
        match self {
            Self::Devices => "account",
            Self::Password => "account/password",
            Self::Sessions => "admin",
            Self::Ended => "admin/ended",
            Self::Users => "admin/users",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Devices => "Devices",
            Self::Password => "Password",
            Self::Sessions => "Signed in",
            Self::Ended => "Ended",
            Self::Users => "Users",
        }
    }
}

/// One link of the navigation.
#[derive(Debug)]
pub(super) struct NavLink {
    pub(super) href: String,
    pub(super) label: &'static str,
    pub(super) current: bool,
}

impl Layout {
    /// The frame for somebody who is not signed in. `prefix` starts and ends with a slash.
    pub fn new(prefix: impl Into<String>, now_unix_ms: i64) -> Self {
        let prefix = prefix.into();
        Self { prefix, now_unix_ms, viewer: None, nav: None, notice: None }
    }

    /// The same frame for a person who is signed in.
    #[must_use]
    pub fn seen_by(mut self, viewer: Viewer) -> Self {
        self.viewer = Some(viewer);
        self
    }

    /// The same frame with the entry of the navigation it belongs to.
    #[must_use]
    pub fn at(mut self, nav: Nav) -> Self {
        self.nav = Some(nav);
        self
    }

    /// The same frame with what the last act did.
    #[must_use]
    pub fn noting(mut self, notice: Option<Notice>) -> Self {
        self.notice = notice;
        self
    }

    pub(super) fn asset(&self, name: &str) -> String {
        asset_url(&self.prefix, name)
    }

    pub(super) fn own_links(&self) -> Vec<NavLink> {
        self.links(&[Nav::Devices, Nav::Password])
    }

    pub(super) fn admin_links(&self) -> Vec<NavLink> {
        self.links(&[Nav::Sessions, Nav::Ended, Nav::Users])
    }

    fn links(&self, entries: &[Nav]) -> Vec<NavLink> {
        let link = |entry: &Nav| NavLink {
            href: format!("{}{}", self.prefix, entry.path()),
            label: entry.label(),
            current: self.nav == Some(*entry),
        };
        entries.iter().map(link).collect()
    }

    pub(super) fn is_warning(&self) -> bool {
        self.notice.is_some_and(|notice| notice.tone() == Tone::Warning)
    }
}
