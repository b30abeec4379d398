//! Law 4: no credential, password, code or key is at rest anywhere, in any encoding.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use cloakroom_testkit::servers::http::{Request, Response, escape};
use cloakroom_testkit::servers::{Client, Flavor, StoreKind, StoreServers};

use crate::support::{
    ADMIN, COOKIE, PASSWORD, RECORDS, Site, choose_password, code_of, send_login, session_of,
    token_bytes,
};

const TYPED_INTO_THE_NAME: &str = "hunter2-typed-into-the-wrong-field";
const WRONG_PASSWORD: &str = "a wrong guess of somebody";
const NEW_PASSWORD: &str = "the next horse, the next battery";

/// Nothing shorter is looked for.
const SHORTEST: usize = 6;

/// A secret and a name for it.
type Secret = (String, Vec<u8>);

/// Where a secret could be found.
type Place = (String, Vec<u8>);

#[derive(Default)]
struct Collection {
    secrets: Vec<Secret>,
    places: Vec<Place>,
}

impl Collection {
    fn secret(&mut self, name: &str, bytes: impl AsRef<[u8]>) {
        self.secrets.push((name.to_owned(), bytes.as_ref().to_vec()));
    }

    /// The credential a browser holds now, whole and its parts.
    fn token(&mut self, browser: &Client) {
        let token = browser.cookie(COOKIE).expect("a cookie").to_owned();
        let bytes = token_bytes(&token);
        self.secret("a token", &token);
        self.secret("a token's text", token.strip_prefix("clk_").unwrap_or_default());
        self.secret("a token's bytes", &bytes);
        self.secret("a token's secret", &bytes[21..53]);
    }

    /// A page and its headers, but for the cookie it sets.
    fn page(&mut self, name: &str, answer: &Response) {
        let lines = answer.header_lines.iter();
        let lines = lines.filter(|line| !line.to_ascii_lowercase().starts_with(b"set-cookie"));
        let head: Vec<u8> = lines.flat_map(|line| [line, b"\n".as_slice()].concat()).collect();
        self.places.push((format!("the page {name}"), [head, answer.body.clone()].concat()));
    }

    fn check(&self) {
        let found = self.found();
        assert!(found.is_empty(), "{found:#?}");
    }

    fn found(&self) -> Vec<String> {
        let begins: Vec<HashSet<&[u8]>> =
            self.places.iter().map(|(_, hay)| hay.windows(SHORTEST).collect()).collect();
        let mut found = Vec::new();
        for (secret, bytes) in &self.secrets {
            for (encoding, needle) in encodings(bytes) {
                assert!(needle.len() >= SHORTEST, "{secret} is too short to look for");
                let places = self.places.iter().zip(&begins);
                let likely = places.filter(|(_, begins)| begins.contains(&needle[..SHORTEST]));
                let places = likely.filter(|((_, hay), _)| contains(hay, &needle));
                found.extend(
                    places.map(|((place, _), _)| format!("{secret} as {encoding}: {place}")),
                );
            }
        }
        found
    }
}

fn encodings(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let spaced: Vec<String> = bytes.iter().map(u8::to_string).collect();
    let mut all = vec![
        ("it is", bytes.to_vec()),
        ("it is, reversed", bytes.iter().rev().copied().collect()),
        ("hex", hex.to_uppercase().into_bytes()),
        ("a list of numbers", spaced.join(", ").into_bytes()),
        ("hex in small letters", hex.into_bytes()),
        ("base64", STANDARD.encode(bytes).into_bytes()),
        ("base64 without padding", STANDARD_NO_PAD.encode(bytes).into_bytes()),
        ("base64url", URL_SAFE.encode(bytes).into_bytes()),
        ("base64url without padding", URL_SAFE_NO_PAD.encode(bytes).into_bytes()),
    ];
    if let Ok(text) = std::str::from_utf8(bytes) {
        all.push(("a part of an address", escape(text).into_bytes()));
        all.push(("a form field", escape(text).replace("%20", "+").into_bytes()));
        all.push(("a code without dashes", text.replace('-', "").into_bytes()));
    }
    // Within other bytes it begins at any of three places of a base64 group.
    for skipped in 0..3 {
        let inner = &bytes[skipped..bytes.len() - (bytes.len() - skipped) % 3];
        all.push(("a part of base64", STANDARD_NO_PAD.encode(inner).into_bytes()));
        all.push(("a part of base64url", URL_SAFE_NO_PAD.encode(inner).into_bytes()));
    }
    all
}

fn contains(hay: &[u8], needle: &[u8]) -> bool {
    hay.windows(needle.len()).any(|window| window == needle)
}

/// Everything the server keeps or wrote, but for the key files themselves.
fn at_rest(site: &Site, collection: &mut Collection) {
    collection.places.extend(site.at_rest());
    collection.places.push(("the log".to_owned(), site.server.log().into_bytes()));
    let process = Path::new("/proc").join(site.server.pid().to_string());
    for file in ["cmdline", "environ"] {
        let content = fs::read(process.join(file)).expect("it runs");
        collection.places.push((format!("the process's {file}"), content));
    }
}

#[test]
fn no_credential_password_code_or_key_is_found_anywhere_in_any_encoding_law_4() {
    search("text");
}

#[test]
fn no_credential_password_code_or_key_is_found_in_the_log_for_machines_law_4() {
    search("json");
}

fn search(format: &str) {
    let log = format!("[log]\nlevel = \"trace\"\nformat = \"{format}\"\n");
    let stores = StoreServers::start_private(StoreKind::chosen()).expect("they can be started");
    let mut site = Site::on(stores, &format!("{log}{RECORDS}"));
    let mut all = Collection::default();
    for (name, password) in [
        ("the password", PASSWORD),
        ("the new password", NEW_PASSWORD),
        ("a wrong password", WRONG_PASSWORD),
        ("a password typed into the name", TYPED_INTO_THE_NAME),
    ] {
        all.secret(name, password);
    }
    let mut ada = set_up_with_mistakes(&site, &mut all);
    at_rest(&site, &mut all);
    let mut bob = invite(&site, &mut ada, &mut all);
    live(&mut site, &mut ada, &mut bob, &mut all);
    keys(&site, &mut all);
    at_rest(&site, &mut all);
    all.page("metrics", &site.server.client().send(Request::get("/metrics")));
    for command in [&["who", "--json"][..], &["user", "list", "--json"], &["config", "check"]] {
        let printed = site.run(command);
        all.places.push((format!("{command:?}"), printed.into_bytes()));
    }
    site.server.stop();
    all.places.extend(site.at_rest());
    let expected: &[&str] = match StoreKind::chosen() {
        StoreKind::Sqlite => &["cloakroom.db-wal"],
        StoreKind::Memory => &["cloakroom.db-wal", "sessions.snapshot"],
        StoreKind::Postgres => &["PostgreSQL in hex"],
        StoreKind::Redis(_) => &["cloakroom.db-wal", "Redis"],
        StoreKind::Backed(Flavor::Redis) => &["PostgreSQL in hex", "Redis"],
        StoreKind::Backed(Flavor::Valkey) => &["cloakroom.db-wal", "Redis"],
    };
    for place in expected {
        assert!(all.places.iter().any(|(name, _)| name == place), "{place} was looked at");
    }
    assert!(site.server.log().len() > 500, "the server wrote little at level trace");
    all.check();
}

/// Sets up, after a try with another password for each field, and once with the code too late.
fn set_up_with_mistakes(site: &Site, all: &mut Collection) -> Client {
    let (code, mut ada) = (site.set_up_code(), site.server.client());
    all.secret("the set-up code", &code);
    let mut form = [
        ("code", code.as_str()),
        ("name", ADMIN),
        ("display_name", "Ada Lovelace"),
        ("email", "ada@example.org"),
        ("password", PASSWORD),
        ("repeat", WRONG_PASSWORD),
    ];
    all.page("setup", &ada.get("/cloakroom/setup"));
    all.page("setup with a mistake", &ada.post_form("/cloakroom/setup", &form));
    form[5].1 = PASSWORD;
    let answer = ada.post_form("/cloakroom/setup", &form);
    assert_eq!(answer.status, 303, "{answer:?}");
    all.page("setup done", &answer);
    all.page("setup again", &ada.post_form("/cloakroom/setup", &form));
    all.token(&ada);
    ada
}

/// Adds bob; the page that shows the link once is the one place where a code may stand.
fn invite(site: &Site, ada: &mut Client, all: &mut Collection) -> Client {
    let page = ada.post_form("/cloakroom/admin/users", &[("name", "bob")]);
    let text = page.text();
    let link = text.split('"').find(|part| part.contains("/password-link#")).expect("a link");
    let (code, mut bob) = (code_of(link), site.server.client());
    all.secret("a one-time code", &code);
    all.page("users", &ada.get("/cloakroom/admin/users"));
    let form = [("code", code.as_str()), ("password", PASSWORD), ("repeat", WRONG_PASSWORD)];
    all.page("link with a mistake", &bob.post_form("/cloakroom/password-link", &form));
    all.page("link", &choose_password(&mut bob, &code));
    all.page("link again", &choose_password(&mut site.server.client(), &code));
    all.token(&bob);
    all.secret("a code by command", site.invite("eve", &[]));
    bob
}

/// Everything else that people and strangers do.
fn live(site: &mut Site, ada: &mut Client, bob: &mut Client, all: &mut Collection) {
    let mut stranger = site.server.client();
    for (name, password) in [(ADMIN, WRONG_PASSWORD), (TYPED_INTO_THE_NAME, "x")] {
        let answer = send_login(&mut stranger, name, password);
        assert_eq!(answer.status, 401);
        if name == ADMIN {
            all.page("login refused", &answer);
        }
    }
    for forged in [format!("clk_{}", "A".repeat(84)), "clk_short-but-secret".to_owned()] {
        let cookie = format!("{COOKIE}={forged}");
        all.secret("a forged token", &forged);
        let request = Request::get("/cloakroom/account").header("Cookie", cookie);
        all.page("of a forger", &stranger.send(request));
        let bearer = Request::get("/cloakroom/account");
        stranger.send(bearer.header("Authorization", format!("Bearer {forged}")));
    }
    let mut other = site.browser_of("bob");
    all.token(&other);
    all.page("login", &send_login(&mut other, "bob", PASSWORD));
    all.token(&other);
    all.page("confirm", &bob.post_form("/cloakroom/confirm", &[("password", PASSWORD)]));
    all.token(bob);
    let change = [("current", PASSWORD), ("new", NEW_PASSWORD), ("repeat", NEW_PASSWORD)];
    all.page("password", &bob.post_form("/cloakroom/account/password", &change));
    all.token(bob);
    // Without the library, there is no renewal to look at.
    site.later(Duration::from_secs(7_200));
    all.page("renewal", &bob.get("/cloakroom/account"));
    all.token(bob);
    let asked = bob.send(Request::get("/auth/nginx/records"));
    assert_eq!(asked.status, 200);
    all.page("for nginx", &asked);
    all.secret("an assertion", asked.header("X-Cloakroom-Assertion").unwrap_or_default());
    all.places.retain(|(name, _)| name != "the page for nginx");
    for path in ["account", "account/password", "admin", "admin/ended", "admin/users", "logout"] {
        all.page(path, &ada.get(&format!("/cloakroom/{path}")));
    }
    let ended = session_of(&other);
    all.places.push(("why".to_owned(), site.run(&["why", &ended]).into_bytes()));
    // A fault is logged with its causes.
    site.cut_store();
    all.page("fault", &ada.get("/cloakroom/account"));
    all.page("fault at login", &send_login(&mut stranger, ADMIN, PASSWORD));
    site.heal_store();
    all.page("logout", &ada.post_form("/cloakroom/logout", &[]));
}

/// The key files: whole, as text, and each run of 32 bytes in them.
fn keys(site: &Site, all: &mut Collection) {
    for file in ["session.key", "assertion.key"] {
        let content = fs::read(site.server.data_dir().join(file)).expect("there is a key");
        all.secret(file, &content);
        let text = String::from_utf8_lossy(&content).trim().to_owned();
        let decoded =
            [&STANDARD, &URL_SAFE_NO_PAD].into_iter().find_map(|it| it.decode(&text).ok());
        let bytes = decoded.unwrap_or(content);
        if file == "assertion.key" {
            // PKCS#8 of P-256: the private scalar stands at 36..68; the rest is public.
            all.secret("the assertion key's scalar", &bytes[36..68]);
        } else {
            all.secret("the session key's bytes", &bytes);
        }
    }
}

#[test]
fn a_secret_that_leaked_in_any_of_these_encodings_would_be_found() {
    let secret: Vec<u8> = (0..32).map(|byte| (byte * 7) ^ 0x5a).collect();
    let within =
        |before: usize| STANDARD.encode([&vec![b'x'; before][..], &secret, b"rest"].concat());
    let mut all = Collection::default();
    all.secret("a secret", &secret);
    all.places.extend((0..4).map(|at| (format!("base64 at {at}"), within(at).into_bytes())));
    all.places.push(("debug".to_owned(), format!("{secret:?}").into_bytes()));
    all.places.push(("nothing".to_owned(), vec![b'A'; 4_096]));
    let found = all.found().concat();
    for place in ["base64 at 0", "base64 at 1", "base64 at 2", "base64 at 3", "debug"] {
        assert!(found.contains(place), "{place} is not in {found}");
    }
    assert!(!found.contains("nothing"), "{found}");
}

#[test]
fn files_are_for_their_owner_alone_whatever_the_umask_says() {
    let (site, _) = Site::with_people("", &["bob"]);
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    let data = site.server.data_dir();
    assert_eq!(mode(&data), 0o700);
    let mut seen = Vec::new();
    for entry in fs::read_dir(&data).expect("there is a directory").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        assert_eq!(mode(&entry.path()), 0o600, "{name}");
        seen.push(name);
    }
    let database = ["cloakroom.db", "cloakroom.db-wal"];
    let database = database.into_iter().filter(|_| !StoreKind::chosen().uses_postgres());
    for expected in database.chain(["session.key", "assertion.key"]) {
        assert!(seen.iter().any(|name| name == expected), "{expected} is not in {seen:?}");
    }
    let fresh = Site::fresh("");
    assert_eq!(mode(&fresh.server.data_dir().join("setup-link")), 0o600);
}
