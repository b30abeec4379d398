//! One Chromium with a profile of its own: a device of somebody.

use std::time::Duration;

use cloakroom_testkit::servers::ChromeDriver;
use fantoccini::key::Key;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use crate::support::{ADMIN, PASSWORD, SOON, Site};

const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
/// More stops than any page has.
const MOST_TABS: usize = 80;
const AXE: &str = include_str!("../vendor/axe-core-4.14.1/axe.min.js");

/// A browser window.
pub(crate) struct Device {
    client: Client,
    origin: String,
}

/// How a window shows pages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) dark: bool,
}

/// A desk.
pub(crate) const DESK: Window = Window { width: 1280, height: 900, dark: false };
/// A phone.
pub(crate) const PHONE: Window = Window { width: 360, height: 780, dark: false };

/// Runs a test that drives browsers.
pub(crate) fn run(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.enable_all().build().expect("a runtime starts").block_on(test);
}

impl Device {
    /// Opens a window at the server's origin.
    pub(crate) async fn open(driver: &ChromeDriver, site: &Site, window: Window) -> Self {
        let mut wanted = driver.capabilities(window.width, window.height);
        if window.dark {
            let flags = wanted["goog:chromeOptions"]["args"].as_array_mut().expect("a list");
            flags.push(json!("--blink-settings=preferredColorScheme=0"));
        }
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let client = builder.capabilities(wanted).connect(&driver.url()).await;
        let client = client.expect("a browser opens");
        Self { client, origin: site.server.url() }
    }

    /// Types an address of the server: `login` is under the prefix, `/x` is not.
    pub(crate) async fn visit(&self, page: &str) {
        let path =
            if page.starts_with('/') { page.to_owned() } else { format!("/cloakroom/{page}") };
        self.client.goto(&format!("{}{path}", self.origin)).await.expect("a page opens");
    }

    /// Follows a link that somebody gave.
    pub(crate) async fn follow(&self, link: &str) {
        self.client.goto(link).await.expect("a page opens");
    }

    /// The path and query in the address bar.
    pub(crate) async fn address(&self) -> String {
        let url = self.client.current_url().await.expect("there is an address");
        url.as_str().strip_prefix(&self.origin).unwrap_or(url.as_str()).to_owned()
    }

    /// Writes into the field of that id.
    pub(crate) async fn fill(&self, field: &str, text: &str) {
        let element = self.client.find(Locator::Id(field)).await;
        let element = element.unwrap_or_else(|fault| panic!("no field {field}: {fault}"));
        element.clear().await.expect("a field can be emptied");
        element.send_keys(text).await.expect("a field takes text");
    }

    /// Whether the page has these words now.
    pub(crate) async fn shows(&self, words: &str) -> bool {
        // Between two pages there is no body.
        let Ok(html) = self.client.find(Locator::Css("body")).await else { return false };
        let text = html.prop("textContent").await.ok().flatten().unwrap_or_default();
        text.contains(words)
    }

    /// Clicks the first button or link whose words begin so.
    pub(crate) async fn press(&self, words: &str) {
        let quoted = format!("starts-with(normalize-space(.), \"{words}\")");
        let path = format!("//button[{quoted}] | //a[{quoted}] | //summary[{quoted}]");
        let button = self.client.find(Locator::XPath(&path)).await;
        let button = button.unwrap_or_else(|fault| panic!("no button {words:?}: {fault}"));
        button.click().await.expect("a button can be pressed");
    }

    /// Waits until the page says this.
    pub(crate) async fn sees(&self, words: &str) {
        let path = format!("//body[contains(normalize-space(.), \"{words}\")]");
        let wait = self.client.wait().at_most(SOON).every(BETWEEN_LOOKS);
        if wait.for_element(Locator::XPath(&path)).await.is_err() {
            panic!("{words:?} is not at {}:\n{}", self.address().await, self.words().await);
        }
    }

    /// All words of the page.
    pub(crate) async fn words(&self) -> String {
        let body = self.client.find(Locator::Css("body")).await.expect("a page has a body");
        body.text().await.expect("a body has text")
    }

    /// The value of the field of that id.
    pub(crate) async fn value(&self, field: &str) -> String {
        let element = self.client.find(Locator::Id(field)).await.expect("there is a field");
        element.prop("value").await.expect("a field has a value").unwrap_or_default()
    }

    /// Signs in by the form, to the account.
    pub(crate) async fn sign_in(&self, name: &str) {
        self.visit("login").await;
        self.fill("name", name).await;
        self.fill("password", PASSWORD).await;
        self.press("Sign in").await;
        self.sees("Your devices").await;
    }

    /// Sets the server up by its link.
    pub(crate) async fn set_up(&self, site: &Site) {
        let code = site.set_up_code();
        self.follow(&format!("{}/cloakroom/setup#{code}", self.origin)).await;
        self.sees("Set up Cloakroom").await;
        assert_eq!(self.value("code").await, code, "the link fills the code in");
        assert_eq!(self.address().await, "/cloakroom/setup", "and the address forgets it");
        self.fill("name", ADMIN).await;
        self.fill("display_name", "Ada Lovelace").await;
        self.fill("password", PASSWORD).await;
        self.fill("repeat", PASSWORD).await;
        self.press("Create the administrator").await;
        self.sees("Cloakroom is set up.").await;
    }

    /// Presses a key where the focus is.
    pub(crate) async fn key(&self, key: Key) {
        let focused = self.client.active_element().await.expect("something has the focus");
        focused.send_keys(&key.to_string()).await.expect("it takes keys");
    }

    /// Types where the focus is.
    pub(crate) async fn type_text(&self, text: &str) {
        let focused = self.client.active_element().await.expect("something has the focus");
        focused.send_keys(text).await.expect("it takes text");
    }

    /// Goes on with Tab until something whose label or words begin so has the focus, which can be
    /// seen.
    pub(crate) async fn tab_to(&self, words: &str) {
        let mut passed = Vec::new();
        for _ in 0..MOST_TABS {
            self.key(Key::Tab).await;
            let focus = self.script(FOCUS).await;
            let label = focus["label"].as_str().unwrap_or_default().to_owned();
            if label.starts_with(words) {
                assert_eq!(focus["shown"], json!(true), "{words:?} has no visible focus");
                return;
            }
            passed.push(label);
        }
        panic!("no {words:?} by keyboard at {}: {passed:#?}", self.address().await);
    }

    /// Asserts that nothing sticks out to the right.
    pub(crate) async fn check_width(&self) {
        let wide = self.script(TOO_WIDE).await;
        assert_eq!(wide, json!([]), "wider than the window at {}", self.address().await);
    }

    /// Asserts that axe finds nothing.
    pub(crate) async fn check_axe(&self) {
        self.script(&format!("{AXE}; return null")).await;
        let found = self.client.execute_async(RUN_AXE, Vec::new()).await.expect("axe runs");
        assert_eq!(found, json!([]), "at {}: {found:#}", self.address().await);
    }

    /// Runs a script in the page and returns what it returns.
    pub(crate) async fn script(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.expect("a script runs")
    }

    /// What the window shows, as PNG.
    pub(crate) async fn picture(&self) -> Vec<u8> {
        self.client.screenshot().await.expect("a picture is taken")
    }

    /// Closes the window.
    pub(crate) async fn close(self) {
        self.client.close().await.expect("a browser closes");
    }
}

const FOCUS: &str = "
    const it = document.activeElement;
    const label = (it.labels?.length ? it.labels[0].innerText : it.innerText) || '';
    const style = getComputedStyle(it);
    const shown = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
    return { label: label.trim().replace(/\\s+/g, ' '), shown };";

const TOO_WIDE: &str = "
    const page = document.documentElement;
    if (page.scrollWidth <= innerWidth) return [];
    return [...document.querySelectorAll('body *')]
        .filter((it) => it.getBoundingClientRect().right > innerWidth + 0.5)
        .map((it) => it.outerHTML.slice(0, 120));";

const RUN_AXE: &str = "
    const done = arguments[arguments.length - 1];
    const told = (rule) => ({
        rule: rule.id,
        help: rule.help,
        where: rule.nodes.map((node) => `${node.target}: ${node.failureSummary}`),
    });
    axe.run(document, { resultTypes: ['violations'] })
        .then((result) => done(result.passes.length > 5 ? result.violations.map(told) : ['idle']))
        .catch((fault) => done([String(fault)]));";
