//! Every page with the data of a small company, for the tests of all pages.

use askama::Template;

use super::*;
use crate::guesses::Wait;

pub(super) const NOW_MS: i64 = 1_773_324_185_000;
const MINUTE_MS: i64 = 60_000;
const PREFIX: &str = "/cloakroom/";

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 \
                      (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36";
const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 \
                     (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1";

/// The texts that people and clients choose, so that a test can choose hostile ones.
pub(super) struct Words {
    pub(super) name: String,
    pub(super) display_name: String,
    pub(super) user_agent: String,
    pub(super) text: String,
}

impl Words {
    pub(super) fn friendly() -> Self {
        Self {
            name: "alice".to_owned(),
            display_name: "Alice Moreau".to_owned(),
            user_agent: FIREFOX.to_owned(),
            text: "al*".to_owned(),
        }
    }

    pub(super) fn hostile() -> Self {
        let script = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>".to_owned();
        Self {
            name: script.clone(),
            display_name: script.clone(),
            user_agent: script.clone(),
            text: script,
        }
    }
}

fn ago(minutes: i64) -> Moment {
    Moment::new(NOW_MS - minutes * MINUTE_MS, NOW_MS)
}

fn stranger() -> Layout {
    Layout::new(PREFIX, NOW_MS)
}

fn signed_in(words: &Words, nav: Nav) -> Layout {
    let viewer = Viewer { name: words.display_name.clone(), is_admin: true };
    stranger().seen_by(viewer).at(nav)
}

fn render(page: &impl Template) -> String {
    page.render().unwrap()
}

/// Every page in its states, with a name for each.
pub(super) fn all(words: &Words) -> Vec<(&'static str, String)> {
    [gates(words), account(words), admin(words), users(words)].concat()
}

fn login(words: &Words) -> LoginPage {
    LoginPage {
        layout: stranger(),
        app_name: Some("Ledger".to_owned()),
        problem: None,
        name: Field::default(),
        password: Secret::default(),
        remember: false,
        app: "ledger".to_owned(),
        to: words.text.clone(),
    }
}

fn gates(words: &Words) -> Vec<(&'static str, String)> {
    let refused = LoginPage {
        problem: Some(LoginProblem::Refused),
        name: Field::with(&words.name),
        remember: true,
        app_name: Some(words.display_name.clone()),
        ..login(words)
    };
    let empty = LoginPage {
        name: Field::default().wrong("Enter your name."),
        password: Secret::wrong("Enter your password."),
        ..login(words)
    };
    let over = LoginPage { problem: Some(LoginProblem::SessionOver), ..login(words) };
    let dropped = LoginPage { problem: Some(LoginProblem::CookieDropped), ..login(words) };
    let busy = LoginPage { problem: Some(LoginProblem::Busy), ..login(words) };
    let wait = Wait::For(std::time::Duration::from_secs(40));
    let tries = LoginPage { problem: Some(LoginProblem::TooManyTries(wait)), ..login(words) };
    let confirm = ConfirmPage {
        layout: signed_in(words, Nav::Password),
        name: words.name.clone(),
        password: Secret::wrong("That is not your password."),
        to: words.text.clone(),
    };
    let mut pages = vec![
        ("login", render(&login(words))),
        ("login-refused", render(&refused)),
        ("login-empty", render(&empty)),
        ("login-over", render(&over)),
        ("login-dropped", render(&dropped)),
        ("login-busy", render(&busy)),
        ("login-tries", render(&tries)),
        ("logout", render(&LogoutPage { layout: signed_in(words, Nav::Devices) })),
        ("logged-out", render(&LoggedOutPage { layout: stranger() })),
        ("confirm", render(&confirm)),
    ];
    pages.extend(codes(words));
    pages.extend(errors(words));
    pages
}

fn setup() -> SetupPage {
    SetupPage {
        layout: stranger(),
        min_length: 12,
        code: Secret::default(),
        name: Field::default(),
        display_name: Field::default(),
        email: Field::default(),
        password: Secret::default(),
        repeat: Secret::default(),
    }
}

fn codes(words: &Words) -> Vec<(&'static str, String)> {
    let wrong = SetupPage {
        code: Secret::wrong("This code is wrong or too old."),
        name: Field::with(&words.name).wrong("Use small letters, digits, dots and hyphens."),
        display_name: Field::with(&words.display_name),
        email: Field::with(&words.text).wrong("This is no e-mail address."),
        password: Secret::wrong("Use at least 12 characters."),
        repeat: Secret::wrong("The two passwords are not the same."),
        ..setup()
    };
    let link = PasswordLinkPage {
        layout: stranger(),
        min_length: 12,
        code: Secret::default(),
        password: Secret::default(),
        repeat: Secret::wrong("The two passwords are not the same."),
    };
    vec![
        ("setup", render(&setup())),
        ("setup-wrong", render(&wrong)),
        ("password-link", render(&link)),
    ]
}

fn errors(words: &Words) -> Vec<(&'static str, String)> {
    let kinds = [
        ("error-404", ErrorKind::NotFound),
        ("error-app", ErrorKind::UnknownApp),
        ("error-403", ErrorKind::NotAdmin),
        ("error-other-site", ErrorKind::OtherSite),
        ("error-bad-form", ErrorKind::BadForm),
        ("error-slow", ErrorKind::TooSlow),
        ("error-long", ErrorKind::AddressTooLong),
        ("error-much", ErrorKind::TooMuchSent),
        ("error-expired", ErrorKind::FormExpired),
        ("error-dropped", ErrorKind::CookieDropped),
        ("error-two", ErrorKind::TwoSessions),
        ("error-link", ErrorKind::LinkOver),
        ("error-set-up", ErrorKind::AlreadySetUp),
        ("error-503", ErrorKind::Unavailable),
        ("error-unknown", ErrorKind::OutcomeUnknown),
        ("error-full", ErrorKind::NoRoom),
        ("error-500", ErrorKind::Fault),
    ];
    let page = |kind| ErrorPage {
        layout: stranger(),
        kind,
        way_on: (kind == ErrorKind::Unavailable).then(|| words.text.clone()),
        reference: (kind == ErrorKind::Fault).then(|| words.text.clone()),
    };
    kinds.map(|(name, kind)| (name, render(&page(kind)))).to_vec()
}

fn account(words: &Words) -> Vec<(&'static str, String)> {
    let device = |id: &str, agent: &str, first, last, remembered, current| DeviceRow {
        id: id.to_owned(),
        device: Device::of(agent),
        address: Some("192.0.2.17".to_owned()),
        first_seen: ago(first),
        last_seen: ago(last),
        remembered,
        current,
    };
    let devices = vec![
        device("0195a8c1-51f2-7a10-9d2e-6f0c55d1a001", &words.user_agent, 190, 0, false, true),
        device("0195a8c1-51f2-7a10-9d2e-6f0c55d1a002", PHONE, 30_000, 42, true, false),
        device("0195a8c1-51f2-7a10-9d2e-6f0c55d1a003", "", 2_000, 1_500, false, false),
    ];
    let profile = Profile {
        name: words.name.clone(),
        display_name: words.display_name.clone(),
        email: Some("alice@example.com".to_owned()),
        groups: vec!["finance".to_owned(), words.text.clone()],
    };
    let layout = signed_in(words, Nav::Devices).noting(Some(Notice::SessionEnded));
    let password = PasswordPage {
        layout: signed_in(words, Nav::Password),
        name: words.name.clone(),
        min_length: 12,
        current: Secret::wrong("That is not your password."),
        new: Secret::default(),
        repeat: Secret::default(),
    };
    vec![
        ("account", render(&AccountPage { layout, profile, devices })),
        ("password", render(&password)),
    ]
}

fn person(name: &str, display_name: &str) -> Person {
    Person { key: name.to_owned(), name: name.to_owned(), display_name: display_name.to_owned() }
}

fn people(words: &Words) -> [(Option<Person>, Device, &'static str, i64, i64); 6] {
    let alice = person(&words.name, &words.display_name);
    let opera = format!("{CHROME} OPR/120.0.0.0");
    [
        (Some(alice.clone()), Device::of(&words.user_agent), "192.0.2.17", 190, 0),
        (Some(person("bob", "Bob Okonkwo")), Device::of(CHROME), "198.51.100.4", 65, 1),
        (Some(alice), Device::of(PHONE), "2001:db8:85a3::8a2e:370:7334", 30_000, 42),
        (None, Device::of(CHROME), "203.0.113.9", 12, 3),
        (
            Some(person("chiara.de-luca", "Chiara De Luca")),
            Device::of(&opera),
            "192.0.2.80",
            700,
            61,
        ),
        (Some(person("build-robot", "Build robot")), Device::of("curl/8.14.1"), "192.0.2.5", 9, 9),
    ]
}

fn session_id(number: usize) -> String {
    format!("0195a8c1-51f2-7a10-9d2e-6f0c55d1a{number:03}")
}

fn admin(words: &Words) -> Vec<(&'static str, String)> {
    let row = |(number, (person, device, address, first, last))| SessionRow {
        id: session_id(number),
        person,
        device,
        address: Some(str::to_owned(address)),
        signed_in: ago(first),
        last_seen: ago(last),
        current: number == 0,
    };
    let page = AdminPage {
        layout: signed_in(words, Nav::Sessions),
        strategy: Strategy {
            name: "database".to_owned(),
            bound: "immediately".to_owned(),
            durability: "lossless".to_owned(),
            exceptions: vec![Exception {
                meaning: "Several servers can share the sessions",
                never: true,
                because: "the file is on one machine, and one server uses it".to_owned(),
            }],
        },
        counts: Counts {
            signed_in: 1_204,
            anonymous: 37,
            counted: Moment::new(NOW_MS - 2_000, NOW_MS),
        },
        search: String::new(),
        sessions: people(words).into_iter().enumerate().map(row).collect(),
        paging: Paging { after: None, next: Some("c2Vzc2lvbg".to_owned()) },
    };
    let full = render(&page);
    let nothing = AdminPage {
        search: words.text.clone(),
        sessions: Vec::new(),
        paging: Paging { after: Some(words.text.clone()), next: None },
        layout: signed_in(words, Nav::Sessions).noting(Some(Notice::NotConfirmed)),
        ..page
    };
    vec![("admin", full), ("admin-nothing", render(&nothing)), ("ended", ended(words))]
}

fn ended(words: &Words) -> String {
    let reasons = ["logout", "theft", "admin", "idle", "password_change", "limit"];
    let row = |((number, (person, device, address, first, last)), reason)| EndedRow {
        id: session_id(number),
        person,
        device,
        address: Some(str::to_owned(address)),
        signed_in: ago(first + 600),
        ended: ago(last),
        reason: Reason::named(reason),
        by: None,
    };
    render(&EndedPage {
        layout: signed_in(words, Nav::Ended),
        search: words.text.clone(),
        sessions: people(words).into_iter().enumerate().zip(reasons).map(row).collect(),
        paging: Paging { after: Some("a".to_owned()), next: Some("b".to_owned()) },
        kept_days: 90,
    })
}

fn user(name: &str, display_name: &str, group: &str) -> UserRow {
    UserRow {
        key: name.to_owned(),
        name: name.to_owned(),
        display_name: display_name.to_owned(),
        email: Some(format!("{name}@example.com")),
        groups: vec!["staff".to_owned(), group.to_owned()],
        is_admin: false,
        disabled: false,
        invited: false,
        is_viewer: false,
    }
}

fn users(words: &Words) -> Vec<(&'static str, String)> {
    let alice = user(&words.name, &words.display_name, &words.text);
    let list = vec![
        UserRow { is_admin: true, is_viewer: true, ..alice },
        user("bob", "Bob Okonkwo", "editors"),
        UserRow { disabled: true, ..user("chiara.de-luca", "Chiara De Luca", "finance") },
        UserRow { invited: true, email: None, groups: vec![], ..user("dmitri", "Dmitri", "") },
    ];
    let link = OneTimeLink {
        name: words.name.clone(),
        url: "http://localhost:7070/cloakroom/password-link#k7m2-9xqp-4tdw-h3rn".to_owned(),
        expires: ago(-60),
    };
    let wrong = AddUser {
        name: Field::with(&words.name).wrong("Somebody has this name."),
        display_name: Field::with(&words.display_name),
        email: Field::with(&words.text).wrong("This is no e-mail address."),
        groups: Field::with(&words.text),
        is_admin: true,
    };
    let page = |link, add| UsersPage {
        layout: signed_in(words, Nav::Users),
        users: list.clone(),
        add,
        link,
        paging: Paging::default(),
    };
    vec![
        ("users", render(&page(Some(link), AddUser::default()))),
        ("users-wrong", render(&page(None, wrong))),
    ]
}
