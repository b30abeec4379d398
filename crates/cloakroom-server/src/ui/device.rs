//! What a person would call the client: "Firefox on Windows".

/// The client behind a session, as its user agent describes it. Only a description: the text is
/// the client's own claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// The browser's or the tool's name, or "Unknown browser".
    pub browser: &'static str,
    /// The operating system, when it is told.
    pub system: Option<&'static str>,
    /// The user agent itself, cut at 256 characters.
    pub user_agent: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Computer,
    Phone,
    Program,
    Unknown,
}

const UNKNOWN: &str = "Unknown browser";
const SHOWN_CHARACTERS: usize = 256;

/// The first match counts: browsers built on another one also carry that one's name.
const BROWSERS: [(&str, &str); 17] = [
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("OPT/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("YaBrowser/", "Yandex Browser"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("Trident/", "Internet Explorer"),
];

const PROGRAMS: [(&str, &str); 12] = [
    ("curl/", "curl"),
    ("Wget/", "Wget"),
    ("python-requests/", "Python"),
    ("python-httpx/", "Python"),
    ("Python-urllib/", "Python"),
    ("Python/", "Python"),
    ("Go-http-client/", "Go"),
    ("okhttp/", "OkHttp"),
    ("Java", "Java"),
    ("PostmanRuntime/", "Postman"),
    ("node", "Node.js"),
    ("undici", "Node.js"),
];

/// Android names Linux too, and iOS names Mac OS X, so they come first.
const SYSTEMS: [(&str, &str, Kind); 9] = [
    ("iPhone", "iPhone", Kind::Phone),
    ("iPad", "iPad", Kind::Phone),
    ("Android", "Android", Kind::Phone),
    ("CrOS", "ChromeOS", Kind::Computer),
    ("Windows", "Windows", Kind::Computer),
    ("Macintosh", "macOS", Kind::Computer),
    ("Linux", "Linux", Kind::Computer),
    ("FreeBSD", "FreeBSD", Kind::Computer),
    ("OpenBSD", "OpenBSD", Kind::Computer),
];

impl Device {
    /// Reads a user agent. Anything unknown, or an empty text, is "Unknown browser".
    pub fn of(user_agent: &str) -> Self {
        let program = PROGRAMS.iter().find(|(start, _)| user_agent.starts_with(start));
        let browser = BROWSERS.iter().find(|(part, _)| user_agent.contains(part));
        let system = SYSTEMS.iter().find(|(part, ..)| user_agent.contains(part));
        let kind = match (program, system) {
            (Some(_), _) => Kind::Program,
            (None, Some((.., kind))) => *kind,
            (None, None) => Kind::Unknown,
        };
        Self {
            browser: program.or(browser).map_or(UNKNOWN, |(_, name)| name),
            system: system.map(|(_, name, _)| *name),
            user_agent: user_agent.chars().take(SHOWN_CHARACTERS).collect(),
            kind,
        }
    }

    /// "Firefox on Windows", or the browser alone.
    pub fn label(&self) -> String {
        match self.system {
            Some(system) => format!("{} on {system}", self.browser),
            None => self.browser.to_owned(),
        }
    }

    /// The name of its picture: `computer`, `phone`, `program` or `unknown`.
    pub fn icon(&self) -> &'static str {
        match self.kind {
            Kind::Computer => "computer",
            Kind::Phone => "phone",
            Kind::Program => "program",
            Kind::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHROME_ENGINE: &str = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0";

    #[track_caller]
    fn reads(user_agent: &str, label: &str, icon: &str) {
        let device = Device::of(user_agent);
        assert_eq!((device.label().as_str(), device.icon()), (label, icon), "{user_agent}");
    }

    #[test]
    fn browsers_of_computers_are_told_apart() {
        let windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)";
        let mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)";
        let chrome = format!("{windows} {CHROME_ENGINE} Safari/537.36");
        reads(&chrome, "Chrome on Windows", "computer");
        reads(&format!("{chrome} Edg/138.0.0.0"), "Edge on Windows", "computer");
        reads(&format!("{chrome} OPR/120.0.0.0"), "Opera on Windows", "computer");
        let safari = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15";
        reads(&format!("{mac} {safari}"), "Safari on macOS", "computer");
        let linux = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        reads(linux, "Firefox on Linux", "computer");
        let chromebook = format!("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {CHROME_ENGINE}");
        reads(&chromebook, "Chrome on ChromeOS", "computer");
    }

    #[test]
    fn browsers_of_phones_are_told_apart() {
        let android = "Mozilla/5.0 (Linux; Android 10; K)";
        let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) \
                     AppleWebKit/605.1.15 (KHTML, like Gecko)";
        let chrome = format!("{android} {CHROME_ENGINE} Mobile Safari/537.36");
        reads(&chrome, "Chrome on Android", "phone");
        reads(&format!("{chrome} EdgA/138.0.0.0"), "Edge on Android", "phone");
        let samsung = "SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36";
        reads(&format!("{android} {samsung}"), "Samsung Internet on Android", "phone");
        let firefox = "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0";
        reads(firefox, "Firefox on Android", "phone");
        let end = "Mobile/15E148 Safari/604.1";
        reads(&format!("{phone} Version/18.5 {end}"), "Safari on iPhone", "phone");
        reads(&format!("{phone} CriOS/138.0.7204.33 {end}"), "Chrome on iPhone", "phone");
        reads(&format!("{phone} FxiOS/140.0 {end}"), "Firefox on iPhone", "phone");
    }

    #[test]
    fn programs_are_named() {
        reads("curl/8.14.1", "curl", "program");
        reads("python-requests/2.32.4", "Python", "program");
        reads("Python/3.13 aiohttp/3.12.13", "Python", "program");
        reads("Go-http-client/2.0", "Go", "program");
    }

    #[test]
    fn anything_else_is_unknown_and_cut() {
        reads("", "Unknown browser", "unknown");
        reads("<script>alert(1)</script>", "Unknown browser", "unknown");
        assert_eq!(Device::of(&"é".repeat(1000)).user_agent.chars().count(), 256);
    }
}
