use std::path::Path;

use anyhow::{Context, Result, ensure};
use cloakroom::sqlite::SqliteStore;
use cloakroom_testkit::servers::http::Request;
use cloakroom_testkit::servers::{Client, Cloakroom};

use crate::options::{Options, USAGE};

/// The password of everybody.
pub const PASSWORD: &str = "correct horse battery staple";

/// The first administrator.
const ADMIN: &str = "ada";

const COOKIE: &str = "__Host-cloakroom";

const CONFIGURATION: &str = "[log]\nlevel = \"warn\"\n
[app.records]\nname = \"Records\"\norigin = \"http://localhost:7999\"\n";

/// A running server with an administrator. It stops when this is dropped.
pub struct Site {
    pub server: Cloakroom,
    admin: Client,
}

impl Site {
    /// A server in `dir`, set up, and with what `fill` puts into its database while it stands
    /// still.
    pub fn start(
        options: &Options,
        dir: &Path,
        fill: impl FnOnce(&SqliteStore) -> Result<()>,
    ) -> Result<Self> {
        let binary = options.server.as_ref();
        let binary = binary.with_context(|| format!("where is the built server?\n{USAGE}"))?;
        let mut server = Cloakroom::start(binary.canonicalize()?, dir, CONFIGURATION);
        let admin = set_up(&server)?;
        server.stop();
        let store = SqliteStore::open(server.data_dir().join("cloakroom.db"))?;
        fill(&store)?;
        drop(store);
        server.restart();
        Ok(Self { server, admin })
    }

    /// The Cookie header of the administrator.
    pub fn admin(&self) -> Result<String> {
        cookie(&self.admin)
    }

    /// Signs somebody in and returns the Cookie header.
    pub fn sign_in(&self, name: &str) -> Result<String> {
        let mut browser = self.server.client();
        let fields = [("name", name), ("password", PASSWORD)];
        let answer = browser.post_form("/cloakroom/login", &fields);
        ensure!(answer.status == 303, "signing {name} in was answered {}", answer.status);
        cookie(&browser)
    }

    /// The bytes of a request with a cookie, on a connection that stays open.
    pub fn get(&self, path: &str, cookie: &str) -> Vec<u8> {
        let request =
            Request::get(path).header("Cookie", cookie).header("Connection", "keep-alive");
        request.to_bytes(self.server.address())
    }

    /// The bytes of a login.
    pub fn login(&self, name: &str) -> Vec<u8> {
        let fields = [("name", name), ("password", PASSWORD)];
        let request = Request::post_form("/cloakroom/login", &fields)
            .header("Origin", self.server.url())
            .header("Sec-Fetch-Site", "same-origin");
        request.to_bytes(self.server.address())
    }
}

/// Puts people into the database who have the administrator's password.
pub fn add_people(store: &SqliteStore, count: usize) -> Result<()> {
    let add = move |database: &cloakroom::sqlite::rusqlite::Connection| {
        let mut add = database.prepare(
            "INSERT INTO cloakroom_user (id, name, display_name, groups, role, password_hash, created_at)
             SELECT ?1, ?1, ?1, groups, 'user', password_hash, created_at
             FROM cloakroom_user WHERE name = ?2",
        )?;
        (0..count).try_for_each(|n| add.execute([person(n).as_str(), ADMIN]).map(drop))
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    Ok(runtime.block_on(store.database().write("add people", add))?)
}

/// The n-th of them.
pub fn person(n: usize) -> String {
    format!("person{n:04}")
}

fn set_up(server: &Cloakroom) -> Result<Client> {
    let link = std::fs::read_to_string(server.data_dir().join("setup-link"))?;
    let (_, code) = link.trim().split_once('#').context("there is no code in the set-up link")?;
    let mut browser = server.client();
    let form = [
        ("code", code),
        ("name", ADMIN),
        ("display_name", "Ada Lovelace"),
        ("email", "ada@example.org"),
        ("password", PASSWORD),
        ("repeat", PASSWORD),
    ];
    let answer = browser.post_form("/cloakroom/setup", &form);
    ensure!(answer.status == 303, "the set-up was answered {}", answer.status);
    Ok(browser)
}

fn cookie(browser: &Client) -> Result<String> {
    let value = browser.cookie(COOKIE).context("there is no session cookie")?;
    Ok(format!("{COOKIE}={value}"))
}
