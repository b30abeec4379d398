//! Pages that a one-time code opens.

use askama::Template;

use super::forms::{Field, Mistake, Secret, mistakes, password_hint};
use super::layout::Layout;

/// Where the first administrator is made.
#[derive(Debug, Template)]
#[template(path = "setup.html")]
pub struct SetupPage {
    /// The frame.
    pub layout: Layout,
    /// The fewest characters of a password.
    pub min_length: usize,
    /// The one-time code.
    pub code: Secret,
    /// The login name.
    pub name: Field,
    /// The name shown to people.
    pub display_name: Field,
    /// The e-mail address.
    pub email: Field,
    /// The password.
    pub password: Secret,
    /// The password again.
    pub repeat: Secret,
}

impl SetupPage {
    fn mistakes(&self) -> Vec<Mistake<'_>> {
        mistakes([
            ("code", &self.code.error),
            ("name", &self.name.error),
            ("display_name", &self.display_name.error),
            ("email", &self.email.error),
            ("password", &self.password.error),
            ("repeat", &self.repeat.error),
        ])
    }

    fn password_hint(&self) -> String {
        password_hint(self.min_length)
    }
}

/// Where a person picks a password with a link from an administrator.
#[derive(Debug, Template)]
#[template(path = "password_link.html")]
pub struct PasswordLinkPage {
    /// The frame.
    pub layout: Layout,
    /// The fewest characters of a password.
    pub min_length: usize,
    /// The one-time code.
    pub code: Secret,
    /// The new password.
    pub password: Secret,
    /// The new password again.
    pub repeat: Secret,
}

impl PasswordLinkPage {
    fn mistakes(&self) -> Vec<Mistake<'_>> {
        mistakes([
            ("code", &self.code.error),
            ("password", &self.password.error),
            ("repeat", &self.repeat.error),
        ])
    }

    fn password_hint(&self) -> String {
        password_hint(self.min_length)
    }
}
