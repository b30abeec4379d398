//! What an attacker tries with a session or link that is about to end.

use std::thread;

use cloakroom_testkit::servers::http::{Connection, Request, urlencoded};

use crate::support::{PASSWORD, Site, choose_password, is_signed_in, send_login};

const OTHERS: [&str; 2] = ["umbrella harbour nineteen", "lantern orchard seventy"];

#[test]
fn a_form_that_arrives_after_its_session_ended_does_nothing() {
    let (site, _ada) = Site::with_admin("");
    site.add("eve", &["--admin"]);
    let mut eve = site.browser_of("eve");
    let body = urlencoded(&[("name", "backdoor"), ("role", "admin")]);
    let cookie = format!("{0}={1}", crate::support::COOKIE, session(&eve));
    let whole = Request::new("POST", "/cloakroom/admin/users")
        .header("Origin", site.server.url())
        .header("Cookie", cookie)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(body.clone())
        .to_bytes(site.server.address());
    let (early, late) = whole.split_at(whole.len() - body.len() + 1);
    let mut connection = Connection::open(site.server.address()).expect("the server answers");
    connection.write(early).expect("the server listens");
    // The server has read the head once it has answered a request that came later.
    assert!(is_signed_in(&mut eve));
    site.run(&["user", "disable", "eve"]);
    connection.write(late).expect("the server still listens");
    let answer = connection.read_response("POST").expect("the server answers");
    assert_eq!(answer.status, 303, "{answer:?}");
    assert_eq!(site.count("SELECT count(*) FROM cloakroom_user WHERE name = 'backdoor'"), 0);
}

#[test]
fn of_two_password_changes_at_once_the_one_that_was_acknowledged_holds() {
    let (site, _ada) = Site::with_people("", &["bob"]);
    // All are signed in before the first change ends what the old password began.
    let signed_in = OTHERS.map(|new| (new, site.browser_of("bob")));
    let changes = signed_in.map(|(new, mut browser)| {
        thread::spawn(move || {
            let fields = [("current", PASSWORD), ("new", new), ("repeat", new)];
            let answer = browser.post_form("/cloakroom/account/password", &fields);
            (new, answer.header("Location").is_some_and(|to| to.contains("done=")), browser)
        })
    });
    let mut acknowledged = 0;
    for change in changes {
        let (new, done, mut browser) = change.join().expect("the request was answered");
        acknowledged += usize::from(done);
        let status = send_login(&mut site.server.client(), "bob", new).status;
        assert_eq!(status, if done { 303 } else { 401 }, "{new}");
        assert_eq!(is_signed_in(&mut browser), done, "{new}");
    }
    assert_eq!(acknowledged, 1);
}

#[test]
fn a_change_of_password_and_a_disabling_void_links_that_are_out() {
    let (site, _ada) = Site::with_people("", &["bob"]);
    let link = || site.invite_again("bob");
    let (before_change, new) = (link(), OTHERS[0]);
    let fields = [("current", PASSWORD), ("new", new), ("repeat", new)];
    let answer = site.browser_of("bob").post_form("/cloakroom/account/password", &fields);
    assert_eq!(answer.status, 303, "{answer:?}");
    assert_eq!(choose_password(&mut site.server.client(), &before_change).status, 422);
    let before_disabling = link();
    site.run(&["user", "disable", "bob"]);
    site.run(&["user", "enable", "bob"]);
    assert_eq!(choose_password(&mut site.server.client(), &before_disabling).status, 422);
    assert_eq!(send_login(&mut site.server.client(), "bob", new).status, 303);
}

#[test]
fn a_request_with_two_hosts_is_refused_and_the_printed_address_leads_somewhere() {
    let site = Site::fresh("");
    let request = Request::get("/cloakroom/login").header("Host", "evil.example");
    let mut whole = request.to_bytes(site.server.address());
    let second = format!("\r\nHost: localhost:{}\r\n\r\n", site.server.port());
    whole.truncate(whole.len() - 4);
    whole.extend_from_slice(second.as_bytes());
    let mut connection = Connection::open(site.server.address()).expect("the server answers");
    connection.write(&whole).expect("the server listens");
    assert_eq!(connection.read_response("GET").expect("the server answers").status, 400);
    for address in ["/", "/cloakroom", "/cloakroom/"] {
        let answer = site.server.client().get(address);
        assert_eq!(answer.header("Location").as_deref(), Some("/cloakroom/account"), "{address}");
    }
}

fn session(browser: &cloakroom_testkit::servers::Client) -> String {
    browser.cookie(crate::support::COOKIE).expect("it is signed in").to_owned()
}
