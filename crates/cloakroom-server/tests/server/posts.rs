//! Every address that changes something when a form is sent to it.

use cloakroom_testkit::servers::Client;
use serde_json::Value;

use crate::support::{PASSWORD, Site, between, session_of};

type Form = &'static [(&'static str, &'static str)];

const NEW: &str = "a new pass phrase";

/// Each address of a form, as the router has it, with a form that would be taken. A new address
/// needs one line here, and has all tests of foreign forms and odd methods.
const FORMS: &[(&str, Form)] = &[
    ("/login", &[("name", "bob"), ("password", PASSWORD)]),
    ("/logout", &[]),
    ("/confirm", &[("password", PASSWORD)]),
    ("/setup", &[("code", "x")]),
    ("/password-link", &[("code", "x")]),
    ("/account/sessions/end-others", &[]),
    ("/account/sessions/{id}/end", &[]),
    ("/account/password", &[("current", PASSWORD), ("new", NEW), ("repeat", NEW)]),
    ("/admin/sessions/{id}/end", &[]),
    ("/admin/users/{id}/end", &[]),
    ("/admin/users/{id}/disable", &[]),
    ("/admin/users/{id}/enable", &[]),
    ("/admin/users/{id}/password-link", &[]),
    ("/admin/users", &[("name", "new"), ("display_name", "New"), ("role", "admin")]),
    ("/admin/end-everyone", &[("confirm", "everyone")]),
];

/// A form and its address.
pub(crate) struct Post {
    pub(crate) path: String,
    pub(crate) form: Form,
}

/// Every form; about bob, whose browser this is, where it is about somebody.
pub(crate) fn all(site: &Site, bob: &Client) -> Vec<Post> {
    let session = session_of(bob);
    let user = site.user_id("bob");
    FORMS
        .iter()
        .map(|(route, form)| {
            let id = if route.contains("/sessions/") { &session } else { &user };
            Post { path: format!("/cloakroom{}", route.replace("{id}", id)), form }
        })
        .collect()
}

/// What such forms can change: users and codes in numbers, and each live session with its
/// generation.
pub(crate) fn everything(site: &Site) -> (Vec<i64>, Value) {
    let numbers = [
        "SELECT count(*) FROM cloakroom_user",
        "SELECT count(*) FROM cloakroom_one_time_code",
        "SELECT sum(epoch + disabled) FROM cloakroom_user",
    ];
    let live = site.run(&["who", "--json"]);
    let mut live: Value = serde_json::from_str(&live).expect("who prints JSON");
    for session in live.as_array_mut().expect("a list") {
        // It moves with every look.
        session.as_object_mut().expect("an object").remove("last_seen_at");
    }
    (numbers.map(|query| site.count(query)).to_vec(), live)
}

#[test]
fn every_address_that_takes_a_form_is_in_the_table() {
    let source = include_str!("../../src/routes/mod.rs");
    let routes = between(source, ".route(\"", ")\n");
    let with_post = routes.iter().filter(|it| it.contains("post("));
    let mut of_router: Vec<_> = with_post.filter_map(|it| it.split('"').next()).collect();
    let own = |route: &str| route.trim_start_matches("/admin").to_owned();
    let mut of_table: Vec<_> = FORMS.iter().map(|(route, _)| own(route)).collect();
    of_router.sort_unstable();
    of_table.sort_unstable();
    assert_eq!(of_router, of_table);
}
