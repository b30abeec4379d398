//! The users, as an administrator sees them.

use askama::Template;

use super::account::initials;
use super::forms::{Field, Mistake, mistakes};
use super::layout::Layout;
use super::moment::Moment;
use super::paging::Paging;

/// One user.
#[derive(Clone, Debug)]
pub struct UserRow {
    /// The user as `admin/users/{user}/…` names it.
    pub key: String,
    /// The login name.
    pub name: String,
    /// The name shown to people.
    pub display_name: String,
    /// The e-mail address, if one is known.
    pub email: Option<String>,
    /// The groups.
    pub groups: Vec<String>,
    /// Whether the user is an administrator.
    pub is_admin: bool,
    /// Whether the user is disabled.
    pub disabled: bool,
    /// Whether the user has yet to open their first password link.
    pub invited: bool,
    /// Whether it is the viewer, who cannot disable themselves.
    pub is_viewer: bool,
}

impl UserRow {
    fn initials(&self) -> String {
        initials(&self.display_name)
    }
}

/// A link that lets a user pick a password. It is shown in the one answer that made it.
pub struct OneTimeLink {
    /// The login name of the user it is for.
    pub name: String,
    /// The whole address, with the code in its fragment.
    pub url: String,
    /// When it stops working.
    pub expires: Moment,
}

impl std::fmt::Debug for OneTimeLink {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("OneTimeLink")
    }
}

/// The form that adds a user.
#[derive(Clone, Debug, Default)]
pub struct AddUser {
    /// The login name.
    pub name: Field,
    /// The name shown to people.
    pub display_name: Field,
    /// The e-mail address.
    pub email: Field,
    /// The groups, with commas between them.
    pub groups: Field,
    /// Whether the role "Administrator" is picked.
    pub is_admin: bool,
}

impl AddUser {
    fn mistakes(&self) -> Vec<Mistake<'_>> {
        mistakes([
            ("name", &self.name.error),
            ("display_name", &self.display_name.error),
            ("email", &self.email.error),
            ("groups", &self.groups.error),
        ])
    }
}

/// The users: add one, disable or enable one, make a new password link.
#[derive(Debug, Template)]
#[template(path = "users.html")]
pub struct UsersPage {
    /// The frame.
    pub layout: Layout,
    /// The users of this page.
    pub users: Vec<UserRow>,
    /// The form.
    pub add: AddUser,
    /// The link that was just made.
    pub link: Option<OneTimeLink>,
    /// Where this page stands.
    pub paging: Paging,
}

impl UsersPage {
    fn path(&self) -> String {
        format!("{}admin/users", self.layout.prefix)
    }

    fn next(&self) -> Option<String> {
        self.paging.next_href(&self.path(), "")
    }

    fn first(&self) -> Option<String> {
        self.paging.first_href(&self.path(), "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_of_a_one_time_link_shows_no_code() {
        let link = OneTimeLink {
            name: "alice".to_owned(),
            url: "http://localhost/password-link#k7m2".to_owned(),
            expires: Moment::new(0, 0),
        };
        assert_eq!(format!("{link:?}"), "OneTimeLink");
    }
}
