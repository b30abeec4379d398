//! Who is signed in, and what ended.

use askama::Template;

use super::account::initials;
use super::device::Device;
use super::layout::Layout;
use super::moment::Moment;
use super::paging::Paging;
use super::reason::Reason;

/// How sessions are kept and what that promises.
#[derive(Clone, Debug)]
pub struct Strategy {
    /// Its name: "database".
    pub name: String,
    /// When an end takes effect: "immediately", "within 2 s".
    pub bound: String,
    /// What a crash can take: "lossless", "up to 1 s may be lost".
    pub durability: String,
    /// What does not hold with it, or not always.
    pub exceptions: Vec<Exception>,
}

/// Something that does not hold, or not always.
#[derive(Clone, Debug)]
pub struct Exception {
    /// What, as a sentence without a full stop.
    pub meaning: &'static str,
    /// Whether it never holds.
    pub never: bool,
    /// Why not, or under which condition it does.
    pub because: String,
}

/// How many sessions there are.
#[derive(Clone, Debug)]
pub struct Counts {
    /// Sessions of people who are signed in.
    pub signed_in: u64,
    /// Sessions of anonymous visitors.
    pub anonymous: u64,
    /// When they were counted.
    pub counted: Moment,
}

impl Counts {
    fn signed_in_text(&self) -> String {
        grouped(self.signed_in)
    }

    fn anonymous_text(&self) -> String {
        grouped(self.anonymous)
    }
}

/// A number with commas between its thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let comma = |position: usize| position > 0 && (digits.len() - position).is_multiple_of(3);
    let group = |(position, digit)| comma(position).then_some(',').into_iter().chain([digit]);
    digits.chars().enumerate().flat_map(group).collect()
}

/// The user of a session.
#[derive(Clone, Debug)]
pub struct Person {
    /// The user as `admin/users/{user}/…` names it.
    pub key: String,
    /// The login name.
    pub name: String,
    /// The name shown to people.
    pub display_name: String,
}

impl Person {
    fn initials(&self) -> String {
        initials(&self.display_name)
    }
}

/// One live session.
#[derive(Clone, Debug)]
pub struct SessionRow {
    /// The session's public id.
    pub id: String,
    /// The user; none for an anonymous visitor.
    pub person: Option<Person>,
    /// The browser and the system.
    pub device: Device,
    /// The client's address, if it is known.
    pub address: Option<String>,
    /// When it was signed in.
    pub signed_in: Moment,
    /// When it was used last.
    pub last_seen: Moment,
    /// Whether it is the session that asks.
    pub current: bool,
}

/// Who is signed in.
#[derive(Debug, Template)]
#[template(path = "admin.html")]
pub struct AdminPage {
    /// The frame.
    pub layout: Layout,
    /// How sessions are kept.
    pub strategy: Strategy,
    /// How many there are.
    pub counts: Counts,
    /// What is searched for, as it was typed; empty for everything.
    pub search: String,
    /// The sessions of this page.
    pub sessions: Vec<SessionRow>,
    /// Where this page stands.
    pub paging: Paging,
}

impl AdminPage {
    fn path(&self) -> String {
        format!("{}admin", self.layout.prefix)
    }

    fn next(&self) -> Option<String> {
        self.paging.next_href(&self.path(), &self.search)
    }

    fn first(&self) -> Option<String> {
        self.paging.first_href(&self.path(), &self.search)
    }

    fn after(&self) -> &str {
        self.paging.after.as_deref().unwrap_or_default()
    }
}

/// One session that ended.
#[derive(Clone, Debug)]
pub struct EndedRow {
    /// The session's public id.
    pub id: String,
    /// The user; none for an anonymous visitor.
    pub person: Option<Person>,
    /// The browser and the system.
    pub device: Device,
    /// The client's address, if it is known.
    pub address: Option<String>,
    /// When it was signed in.
    pub signed_in: Moment,
    /// When it ended.
    pub ended: Moment,
    /// Why it ended.
    pub reason: Reason,
    /// The login name of who ended it, when that was somebody else.
    pub by: Option<String>,
}

/// Which sessions ended, and why.
#[derive(Debug, Template)]
#[template(path = "ended.html")]
pub struct EndedPage {
    /// The frame.
    pub layout: Layout,
    /// The user or session id searched for, as it was typed; empty for everything.
    pub search: String,
    /// The sessions of this page, the latest end first.
    pub sessions: Vec<EndedRow>,
    /// Where this page stands.
    pub paging: Paging,
    /// For how many days ended sessions are kept.
    pub kept_days: u64,
}

impl EndedPage {
    fn path(&self) -> String {
        format!("{}admin/ended", self.layout.prefix)
    }

    fn next(&self) -> Option<String> {
        self.paging.next_href(&self.path(), &self.search)
    }

    fn first(&self) -> Option<String> {
        self.paging.first_href(&self.path(), &self.search)
    }
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_are_set_apart() {
        let numbers = [0, 37, 999, 1_204, 65_000, 1_000_000].map(grouped);
        assert_eq!(numbers, ["0", "37", "999", "1,204", "65,000", "1,000,000"]);
    }
}
