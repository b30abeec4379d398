use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::http::{Address, Request};
use super::{Process, TempDir, free_port, require};

const TIME_TO_START: Duration = Duration::from_secs(30);

/// Headless, reaching nothing but this machine, and quiet about itself.
const FLAGS: [&str; 11] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1",
];

/// A chromedriver that starts any number of Chromium browsers, all gone when it is dropped.
#[derive(Debug)]
pub struct ChromeDriver {
    process: Process,
    dir: TempDir,
    port: u16,
    chromium: PathBuf,
    profiles: AtomicU32,
}

impl ChromeDriver {
    /// Starts it and waits until it takes sessions. `None` where it or Chromium is missing (a
    /// visible skip).
    #[track_caller]
    pub fn start() -> Option<Self> {
        let (driver, chromium) = (require("chromedriver")?, require("chromium")?);
        let (dir, port) = (TempDir::new("chrome"), free_port());
        let mut command = Command::new(driver);
        // Chromium keeps caches and crash reports under the home directory.
        command.arg(format!("--port={port}")).env("HOME", dir.path()).env("TMPDIR", dir.path());
        for variable in ["XDG_CONFIG_HOME", "XDG_CACHE_HOME"] {
            command.env(variable, dir.path());
        }
        let process = Process::spawn("chromedriver", command, &dir.join("log"));
        let driver = Self { process, dir, port, chromium, profiles: AtomicU32::new(0) };
        driver.process.wait_until("chromedriver is ready", TIME_TO_START, || driver.is_ready());
        Some(driver)
    }

    /// Its WebDriver address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The capabilities of one more browser with a profile of its own, hence no cookies: a device.
    /// The page is `width` CSS pixels wide; below 500, where Chromium's windows end, it is shown
    /// as on a phone.
    pub fn capabilities(&self, width: u32, height: u32) -> Map<String, Value> {
        let nth = self.profiles.fetch_add(1, Ordering::Relaxed);
        let profile = self.dir.join(format!("profile-{nth}"));
        // Fails only where Chromium, which makes it then, would say so better.
        let _ = DirBuilder::new().mode(0o700).create(&profile);
        let mut flags: Vec<String> = FLAGS.map(str::to_owned).to_vec();
        flags.push(format!("--user-data-dir={}", profile.display()));
        flags.push(format!("--window-size={width},{height}"));
        let mut options = json!({ "binary": self.chromium, "args": flags });
        if width < 500 {
            let metrics = json!({ "width": width, "height": height, "pixelRatio": 2.0 });
            options["mobileEmulation"] = json!({ "deviceMetrics": metrics });
        }
        Map::from_iter([
            ("browserName".to_owned(), json!("chrome")),
            ("goog:chromeOptions".to_owned(), options),
            ("goog:loggingPrefs".to_owned(), json!({ "browser": "ALL" })),
        ])
    }

    /// What it printed.
    pub fn log(&self) -> String {
        self.process.log()
    }

    fn is_ready(&self) -> bool {
        let answer = Request::get("/status").try_send(&Address::Port(self.port));
        answer.is_ok_and(|it| it.status == 200 && it.json()["value"]["ready"] == json!(true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::wait_until;

    fn post(driver: &ChromeDriver, path: &str, body: &Value) -> Value {
        let request = Request::new("POST", path).header("Content-Type", "application/json");
        request.body(body.to_string()).send(&Address::Port(driver.port)).json()["value"].clone()
    }

    fn open_browser(driver: &ChromeDriver, width: u32) -> String {
        let wanted = json!({ "capabilities": { "alwaysMatch": driver.capabilities(width, 800) } });
        let session = post(driver, "/session", &wanted);
        let id = session["sessionId"].as_str();
        format!("/session/{}", id.unwrap_or_else(|| panic!("{session}\n{}", driver.log())))
    }

    fn browsers_in(dir: &std::path::Path) -> usize {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let command = |it: std::fs::DirEntry| std::fs::read(it.path().join("cmdline")).ok();
        let marker = dir.to_str().unwrap().to_owned();
        processes
            .filter_map(command)
            .filter(|line| String::from_utf8_lossy(line).contains(&marker))
            .count()
    }

    #[test]
    fn browsers_of_a_phones_and_a_desks_width_open_and_go_with_their_driver() {
        let Some(driver) = ChromeDriver::start() else {
            return;
        };
        let width = json!({ "script": "return innerWidth", "args": [] });
        let page =
            json!({ "url": "data:text/html,<meta name=viewport content='width=device-width'>x" });
        for wanted in [360, 1280] {
            let session = open_browser(&driver, wanted);
            post(&driver, &format!("{session}/url"), &page);
            let seen = post(&driver, &format!("{session}/execute/sync"), &width);
            assert_eq!(seen, json!(wanted));
        }
        let dir = driver.dir.path().to_owned();
        assert!(browsers_in(&dir) > 1);
        drop(driver);
        wait_until("no browser is left", TIME_TO_START, || browsers_in(&dir) == 0);
    }
}
