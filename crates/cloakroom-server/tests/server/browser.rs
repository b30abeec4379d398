//! What people do in a real browser.

use cloakroom_testkit::servers::ChromeDriver;
use fantoccini::key::Key;

use crate::device::{DESK, Device, PHONE, run};
use crate::support::{ADMIN, PASSWORD, Site};

#[test]
fn in_a_browser_a_server_is_set_up_used_and_left() {
    let Some(driver) = ChromeDriver::start() else { return };
    let site = Site::fresh("");
    run(async {
        let desk = Device::open(&driver, &site, DESK).await;
        desk.set_up(&site).await;
        assert_eq!(desk.address().await, "/cloakroom/admin", "the notice is not said again");
        desk.sees("Ada Lovelace").await;
        desk.press("Sign out").await;
        desk.sees("You are signed out").await;

        desk.visit("account").await;
        desk.sees("Sign in").await;
        desk.fill("name", ADMIN).await;
        desk.fill("password", "wrong").await;
        desk.press("Sign in").await;
        desk.sees("We could not sign you in").await;
        desk.fill("password", PASSWORD).await;
        desk.press("Sign in").await;
        desk.sees("This device").await;
        desk.press("Signed in").await;
        desk.sees("Who is signed in").await;
        desk.press("Users").await;
        desk.press("Add a user").await;
        desk.fill("name", "bob").await;
        desk.fill("display_name", "Bob Baker").await;
        desk.press("Add user and show the link").await;
        desk.sees("Password link for bob").await;
        let link = desk.value("link").await;

        let phone = Device::open(&driver, &site, PHONE).await;
        phone.follow(&link).await;
        phone.sees("Choose your password").await;
        phone.fill("password", PASSWORD).await;
        phone.fill("repeat", PASSWORD).await;
        phone.press("Save the password").await;
        phone.sees("Your password is changed.").await;
        phone.sees("Bob Baker").await;

        desk.press("Signed in").await;
        desk.sees("Bob Baker").await;
        desk.press("Sign out").await;
        desk.sees("You are signed out").await;
        desk.visit("admin").await;
        desk.sees("Sign in").await;
    });
}

#[test]
fn in_two_browsers_one_device_ends_the_other_whose_next_request_is_refused() {
    let Some(driver) = ChromeDriver::start() else { return };
    let (site, _) = Site::with_people("", &["bob"]);
    run(async {
        let desk = Device::open(&driver, &site, DESK).await;
        let phone = Device::open(&driver, &site, PHONE).await;
        desk.sign_in("bob").await;
        phone.sign_in("bob").await;
        desk.visit("account").await;
        desk.press("End session").await;
        desk.sees("The session has ended.").await;
        phone.press("Password").await;
        phone.sees("Sign in").await;
        assert!(phone.address().await.starts_with("/cloakroom/login?"));
        desk.press("Password").await;
        desk.sees("Change your password").await;
    });
}

#[test]
fn in_a_browser_the_list_of_who_is_signed_in_is_live_and_works_on_while_it_is() {
    let Some(driver) = ChromeDriver::start() else { return };
    let (site, _) = Site::with_people("", &["bob"]);
    run(async {
        let desk = Device::open(&driver, &site, DESK).await;
        desk.sign_in(ADMIN).await;
        desk.press("Signed in").await;
        desk.sees("Live").await;
        let before = desk.words().await;
        assert!(!before.contains("bob"), "{before}");
        let mut bob = site.browser_of("bob");
        desk.sees("bob").await;
        // A click just after the rows moved ends nothing, so that it never ends the wrong one.
        let end = "End everywhere all sessions of bob";
        while crate::support::is_signed_in(&mut bob) && desk.shows(end).await {
            desk.press(end).await;
        }
        desk.sees("All sessions of that person have ended.").await;
    });
}

#[test]
fn in_a_browser_everything_is_done_by_keyboard_alone() {
    let Some(driver) = ChromeDriver::start() else { return };
    let (site, _) = Site::with_people("", &["bob"]);
    run(async {
        let desk = Device::open(&driver, &site, DESK).await;
        let mut other = site.browser_of(ADMIN);
        desk.visit("account").await;
        for (label, text) in [("Name", ADMIN), ("Password", PASSWORD)] {
            desk.tab_to(label).await;
            desk.type_text(text).await;
        }
        desk.tab_to("Keep me signed in").await;
        desk.type_text(" ").await;
        desk.tab_to("Sign in").await;
        desk.key(Key::Enter).await;
        desk.sees("Kept signed in").await;

        desk.tab_to("End session of Firefox on Linux").await;
        desk.key(Key::Enter).await;
        desk.sees("The session has ended.").await;
        assert!(!crate::support::is_signed_in(&mut other));

        let new = "a new pass phrase";
        desk.tab_to("Password").await;
        desk.key(Key::Enter).await;
        desk.sees("Change your password").await;
        for (label, text) in
            [("Current password", PASSWORD), ("New password", new), ("New password again", new)]
        {
            desk.tab_to(label).await;
            desk.type_text(text).await;
        }
        desk.key(Key::Enter).await;
        desk.sees("Your password is changed.").await;

        let mut bob = site.browser_of("bob");
        desk.tab_to("Signed in").await;
        desk.key(Key::Enter).await;
        desk.sees("Who is signed in").await;
        desk.tab_to("Find a person or a session").await;
        desk.type_text("bob").await;
        desk.key(Key::Enter).await;
        desk.sees("Show all").await;
        desk.tab_to("End session of bob").await;
        desk.key(Key::Enter).await;
        desk.sees("The session has ended.").await;
        assert!(!crate::support::is_signed_in(&mut bob));

        desk.tab_to("Users").await;
        desk.key(Key::Enter).await;
        desk.sees("People pick their own password").await;
        desk.tab_to("Disable bob").await;
        desk.key(Key::Enter).await;
        desk.sees("The account is disabled").await;
        desk.tab_to("Enable bob").await;
        desk.key(Key::Enter).await;
        desk.sees("The account is enabled.").await;
        desk.tab_to("New password link for bob").await;
        desk.key(Key::Enter).await;
        desk.sees("Password link for bob").await;
        desk.tab_to("Add a user").await;
        desk.key(Key::Enter).await;
        for (label, text) in [("Name", "eve"), ("Display name", "Eve")] {
            desk.tab_to(label).await;
            desk.type_text(text).await;
        }
        desk.tab_to("Add user and show the link").await;
        desk.key(Key::Enter).await;
        desk.sees("Password link for eve").await;

        desk.tab_to("Sign out").await;
        desk.key(Key::Enter).await;
        desk.sees("You are signed out").await;
    });
}
