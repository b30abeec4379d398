//! A person's own devices and password.

use askama::Template;

use super::device::Device;
use super::forms::{Mistake, Secret, mistakes, password_hint};
use super::layout::Layout;
use super::moment::Moment;

/// What the account page says of its owner.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The login name.
    pub name: String,
    /// The name shown to people.
    pub display_name: String,
    /// The e-mail address, if one is known.
    pub email: Option<String>,
    /// The groups.
    pub groups: Vec<String>,
}

impl Profile {
    /// One or two capital letters for the picture.
    fn initials(&self) -> String {
        initials(&self.display_name)
    }
}

/// The first letters of the first and of the last word, in capitals.
pub(super) fn initials(name: &str) -> String {
    let mut words = name.split_whitespace();
    let first = words.next().and_then(|word| word.chars().next());
    let last = words.next_back().and_then(|word| word.chars().next());
    first.into_iter().chain(last).flat_map(char::to_uppercase).collect()
}

/// One session of the person.
#[derive(Clone, Debug)]
pub struct DeviceRow {
    /// The session's public id.
    pub id: String,
    /// The browser and the system.
    pub device: Device,
    /// The client's address, if it is known.
    pub address: Option<String>,
    /// When it was signed in.
    pub first_seen: Moment,
    /// When it was used last.
    pub last_seen: Moment,
    /// Whether it was signed in with "keep me signed in".
    pub remembered: bool,
    /// Whether it is the session that asks.
    pub current: bool,
}

/// Where a person sees and ends their own sessions.
#[derive(Debug, Template)]
#[template(path = "account.html")]
pub struct AccountPage {
    /// The frame.
    pub layout: Layout,
    /// Whose page it is.
    pub profile: Profile,
    /// The sessions, this one first.
    pub devices: Vec<DeviceRow>,
}

impl AccountPage {
    fn others(&self) -> usize {
        self.devices.iter().filter(|device| !device.current).count()
    }
}

/// Where a person changes their password.
#[derive(Debug, Template)]
#[template(path = "password.html")]
pub struct PasswordPage {
    /// The frame.
    pub layout: Layout,
    /// The login name, so that a password manager knows which entry to change.
    pub name: String,
    /// The fewest characters of a password.
    pub min_length: usize,
    /// The password until now.
    pub current: Secret,
    /// The new password.
    pub new: Secret,
    /// The new password again.
    pub repeat: Secret,
}

impl PasswordPage {
    fn mistakes(&self) -> Vec<Mistake<'_>> {
        mistakes([
            ("current", &self.current.error),
            ("new", &self.new.error),
            ("repeat", &self.repeat.error),
        ])
    }

    fn password_hint(&self) -> String {
        password_hint(self.min_length)
    }
}

/// Asks for the password again before something sensitive.
#[derive(Debug, Template)]
#[template(path = "confirm.html")]
pub struct ConfirmPage {
    /// The frame.
    pub layout: Layout,
    /// The login name.
    pub name: String,
    /// The password.
    pub password: Secret,
    /// The address to return to.
    pub to: String,
}

impl ConfirmPage {
    fn mistakes(&self) -> Vec<Mistake<'_>> {
        mistakes([("password", &self.password.error)])
    }
}

#[cfg(test)]
mod tests {
    use super::initials;

    #[test]
    fn initials_are_those_of_the_first_and_the_last_word() {
        let names = ["Alice van Berg", "bob", "", "  émile zola "];
        assert_eq!(names.map(initials), ["AB", "B", "", "ÉZ"]);
    }
}
