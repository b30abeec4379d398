//! How every page looks: on a desk and on a phone, in light and dark, to people and to axe.
//!
//! With `UPDATE_SCREENSHOTS=1` the pictures of `docs/images/` are taken anew.

use std::path::{Path, PathBuf};

use cloakroom_testkit::servers::http::Request;
use cloakroom_testkit::servers::{ChromeDriver, Client};

use crate::device::{DESK, Device, PHONE, Window, run};
use crate::support::{ADMIN, PASSWORD, RECORDS, Site};

const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 \
                      (KHTML, like Gecko) Chrome/144.0.0.0 Safari/537.36";
const EDGE: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 \
                    (KHTML, like Gecko) Chrome/144.0.0.0 Safari/537.36 Edg/144.0.0.0";
const SAFARI: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 \
                      (KHTML, like Gecko) Version/19.2 Safari/605.1.15";
const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 \
                      (KHTML, like Gecko) Version/19.2 Mobile/15E148 Safari/604.1";
const ANDROID: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 \
                       (KHTML, like Gecko) Chrome/144.0.0.0 Mobile Safari/537.36";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0";
const CURL: &str = "curl/8.14.1";

/// Who is signed in: name, browser, address, and how many minutes ago they came and were seen.
const SESSIONS: [(&str, &str, &str, u32, u32); 12] = [
    ("grace", CHROME, "198.51.100.23", 4_000, 3),
    ("grace", IPHONE, "2001:db8:85a3::8a2e:370:7334", 9_000, 190),
    ("mary", SAFARI, "203.0.113.78", 55, 1),
    ("mary", ANDROID, "203.0.113.78", 2_900, 1_400),
    ("alan", FIREFOX, "198.51.100.7", 30, 4),
    ("annie", EDGE, "192.0.2.140", 610, 45),
    ("linus", FIREFOX, "192.0.2.51", 12_000, 2),
    ("linus", CURL, "192.0.2.51", 130, 130),
    ("katherine", IPHONE, "203.0.113.9", 1_500, 20),
    ("ada", SAFARI, "203.0.113.40", 20_000, 1_300),
    ("ada", IPHONE, "2001:db8:41:9::2f", 3_000, 25),
    ("ada", CHROME, "198.51.100.99", 300, 260),
];

const PEOPLE: [(&str, &str, &[&str]); 7] = [
    ("grace", "Grace Hopper", &["--group", "editors", "--group", "staff"]),
    ("mary", "Mary Shelley", &["--group", "editors"]),
    ("alan", "Alan Turing", &["--group", "staff", "--admin"]),
    ("annie", "Annie Easley", &[]),
    ("linus", "Linus Pauling", &["--group", "research-department.chemistry"]),
    ("katherine", "Katherine Johnson", &["--group", "staff"]),
    ("eve", "Evelyn Boyd Granville", &[]),
];

/// A company on an ordinary afternoon.
fn company() -> Site {
    let (site, mut first) = Site::with_admin(RECORDS);
    for (name, display_name, groups) in PEOPLE {
        let email = format!("--email={name}@example.org");
        let options = [&["--display-name", display_name, &email][..], groups].concat();
        site.add(name, &options);
    }
    site.invite("rosalind", &["--display-name", "Rosalind Franklin"]);
    first.post_form("/cloakroom/logout", &[]);
    // Only the test made these.
    site.sql("DELETE FROM cloakroom_ended_session");
    some_end(&site);
    for (name, agent, address, came, seen) in SESSIONS {
        let mut browser = arrive(&site, name, agent, address);
        let id = crate::support::session_of(&browser).replace('-', "");
        site.sql(&format!(
            "UPDATE cloakroom_session SET created_at = created_at - {came} * 60000,
             last_seen_at = last_seen_at - {seen} * 60000 WHERE id = unhex('{id}')"
        ));
        if name == "annie" {
            browser.post_form("/cloakroom/logout", &[]);
        }
    }
    arrive(&site, "eve", ANDROID, "192.0.2.66");
    site.run(&["user", "disable", "eve"]);
    arrive(&site, "annie", EDGE, "192.0.2.140");
    for _ in 0..5 {
        crate::support::send_login(&mut site.server.client(), "mallory", "a guess");
    }
    site.sql("UPDATE cloakroom_guess SET waits_until = waits_until + 600000 WHERE kind = 'name'");
    site
}

/// Sessions that ended for other reasons, some while ago.
fn some_end(site: &Site) {
    let tell = |id: &str, reason: &str, by: &str| {
        site.sql(&format!(
            "UPDATE cloakroom_ended_session SET reason = '{reason}', ended_by = {by} WHERE id = unhex('{id}')"
        ));
    };
    for (minutes, (name, agent, address, reason, by)) in [
        (2_950, ("alan", SAFARI, "198.51.100.7", "replaced", "'alan'")),
        (1_800, ("mary", ANDROID, "198.51.100.200", "theft", "NULL")),
        (340, ("grace", IPHONE, "198.51.100.23", "idle", "NULL")),
        (95, ("linus", FIREFOX, "192.0.2.51", "admin", "'alan'")),
        (8, ("katherine", CHROME, "203.0.113.9", "password_change", "'katherine'")),
    ] {
        let mut browser = arrive(site, name, agent, address);
        let id = crate::support::session_of(&browser).replace('-', "");
        browser.post_form("/cloakroom/logout", &[]);
        tell(&id, reason, by);
        site.sql(&format!(
            "UPDATE cloakroom_ended_session SET ended_at = ended_at - {minutes} * 60000,
             created_at = created_at - ({minutes} + 700) * 60000 WHERE id = unhex('{id}')"
        ));
    }
}

fn arrive(site: &Site, name: &str, agent: &str, address: &str) -> Client {
    let mut browser = site.server.client().with_user_agent(agent);
    let fields = [("name", name), ("password", PASSWORD), ("remember", "yes")];
    let login = Request::post_form("/cloakroom/login", &fields).header("Sec-Fetch-Site", "none");
    let answer = browser.send(login.header("X-Forwarded-For", address));
    assert_eq!(answer.status, 303, "{answer:?}");
    browser
}

/// Checks the page that a window shows.
async fn check(device: &Device, name: &str, window: Window) {
    device.check_width().await;
    device.check_axe().await;
    keep(device, name, window).await;
}

/// The pages whose pictures are kept.
const PICTURES: [&str; 6] = ["account", "admin", "ended", "login", "setup", "users"];

/// Keeps a picture where that was asked for.
async fn keep(device: &Device, name: &str, window: Window) {
    let wanted = PICTURES.contains(&name) && !(window.dark && name != "admin");
    if !wanted || std::env::var_os("UPDATE_SCREENSHOTS").is_none() {
        return;
    }
    let dark = if window.dark { "-dark" } else { "" };
    let file = images().join(format!("{name}-{}{dark}.png", window.width));
    device.script("document.activeElement?.blur(); scrollTo(0, 0)").await;
    std::fs::write(file, device.picture().await).expect("a picture is written");
}

fn images() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/images")
}

async fn tour(driver: &ChromeDriver, fresh: &Site, site: &Site, window: Window) {
    let device = Device::open(driver, fresh, window).await;
    device.visit("setup").await;
    check(&device, "setup", window).await;
    device.press("Create the administrator").await;
    device.sees("Please check the form").await;
    check(&device, "setup-mistakes", window).await;
    device.close().await;

    let device = Device::open(driver, site, window).await;
    for (page, name) in [
        ("login?app=records&to=%2F", "login"),
        ("login?check=1", "login-cookie"),
        ("login?over=1", "login-over"),
        ("login?app=nothing", "error"),
        ("password-link", "password-link"),
        ("api", "api"),
        ("logout", "logout-visitor"),
        ("nothing", "not-found"),
    ] {
        device.visit(page).await;
        check(&device, name, window).await;
    }
    device.visit("login").await;
    device.fill("name", ADMIN).await;
    device.press("Sign in").await;
    device.sees("We could not sign you in").await;
    check(&device, "login-refused", window).await;
    device.fill("name", "mallory").await;
    device.fill("password", "a guess").await;
    device.press("Sign in").await;
    device.sees("Too many tries").await;
    device.sees("Try again in").await;
    check(&device, "login-tries", window).await;

    device.sign_in(ADMIN).await;
    for (page, name) in [
        ("account", "account"),
        ("account?done=session-ended", "account-notice"),
        ("account/password", "password"),
        ("confirm", "confirm"),
        ("logout", "logout"),
        ("admin", "admin"),
        ("admin?q=nobody", "admin-empty"),
        ("admin/ended", "ended"),
        ("admin/users", "users"),
    ] {
        device.visit(page).await;
        check(&device, name, window).await;
    }
    device.press("Add a user").await;
    device.press("Add user and show the link").await;
    device.sees("Please check the form").await;
    check(&device, "users-mistakes", window).await;
    device.press("New password link").await;
    device.sees("One-time link").await;
    check(&device, "users-link", window).await;
    device.visit("account/password").await;
    device.press("Change password").await;
    device.sees("Please check the form").await;
    check(&device, "password-mistakes", window).await;
    device.press("Sign out").await;
    device.sees("You are signed out").await;
    check(&device, "signed-out", window).await;
    device.close().await;
}

fn check_everywhere(window: Window) {
    let Some(driver) = ChromeDriver::start() else { return };
    let (fresh, site) = (Site::fresh(""), company());
    run(tour(&driver, &fresh, &site, window));
}

#[test]
fn on_a_desk_every_page_passes_axe_and_fits_the_browser() {
    check_everywhere(DESK);
}

#[test]
fn on_a_phone_of_360_pixels_every_page_passes_axe_and_fits_the_browser() {
    check_everywhere(PHONE);
}

#[test]
fn in_the_dark_every_page_passes_axe_and_fits_the_browser() {
    check_everywhere(Window { dark: true, ..DESK });
}
