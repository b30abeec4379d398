use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{DATABASE, Postgres, USER, template};
use crate::servers::account::Account;
use crate::servers::once::run;
use crate::servers::service::Service;
use crate::servers::tls::Tls;
use crate::servers::{TempDir, free_port, require};

/// What the tests do not want from a server: time spent on a disk that will not fail, and shared
/// memory that outlives its directory.
const SETTINGS: [(&str, &str); 5] = [
    ("fsync", "off"),
    ("max_wal_size", "512MB"),
    ("shared_buffers", "32MB"),
    ("dynamic_shared_memory_type", "mmap"),
    ("listen_addresses", "127.0.0.1"),
];

/// What a private PostgreSQL is started with.
#[derive(Clone, Debug, Default)]
pub struct PostgresBuilder {
    settings: Vec<(String, String)>,
    password: Option<String>,
    tls: bool,
}

impl PostgresBuilder {
    /// Sets a parameter of `postgresql.conf`.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Makes it ask for this password (SCRAM) at its port.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// Makes it take nothing but TLS at its port, with a certificate for `localhost`.
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Starts it and waits until it answers. `None` where PostgreSQL is missing (a visible skip).
    #[track_caller]
    pub fn start(self) -> Option<Postgres> {
        let (program, dir) = (require("postgres")?, TempDir::new("postgres"));
        let account = Account::unprivileged();
        template::copy(&program, account, &dir.join("data"))
            .unwrap_or_else(|fault| panic!("no data directory for PostgreSQL: {fault}"));
        let tls = if self.tls { Some(Tls::make(&dir)?) } else { None };
        let postgres = launch(self, program, dir, tls.as_ref(), account);
        if let Some(password) = postgres.password() {
            postgres.run(DATABASE, &format!("ALTER ROLE {USER} PASSWORD '{password}'"));
        }
        Some(postgres)
    }
}

#[track_caller]
fn launch(
    wanted: PostgresBuilder,
    program: PathBuf,
    dir: TempDir,
    tls: Option<&Tls>,
    account: Option<Account>,
) -> Postgres {
    dir.write("data/pg_hba.conf", who_may_enter(&wanted));
    if let Some(account) = account {
        account.own(dir.path());
        account.own(&dir.join("data/pg_hba.conf"));
        tls.iter().for_each(|tls| {
            [&tls.certificate, &tls.key].into_iter().for_each(|it| account.own(it))
        });
        tls.iter().for_each(|_| account.own(&dir.join("tls")));
    }
    let port = free_port();
    let arguments = arguments(&wanted.settings, tls, &dir, port);
    let service = Service::start("postgres", program.clone(), arguments, account, &dir.join("log"));
    let authority = tls.map(|tls| tls.authority.clone());
    let postgres = Postgres { service, dir, program, port, password: wanted.password, authority };
    postgres.wait_until_ready();
    postgres
}

fn who_may_enter(wanted: &PostgresBuilder) -> String {
    let kind = if wanted.tls { "hostssl" } else { "host" };
    let method = if wanted.password.is_some() { "scram-sha-256" } else { "trust" };
    format!(
        "local all all trust\nlocal replication all trust\n\
         {kind} all all 127.0.0.1/32 {method}\n"
    )
}

/// What every server is told, whatever the test wants: its port, and where its socket is.
pub(super) fn settings(port: u16, socket_dir: &Path) -> Vec<(String, String)> {
    let own = SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let socket_dir = socket_dir.display().to_string();
    let place =
        [("port".to_owned(), port.to_string()), ("unix_socket_directories".to_owned(), socket_dir)];
    own.into_iter().chain(place).collect()
}

fn arguments(
    settings: &[(String, String)],
    tls: Option<&Tls>,
    dir: &TempDir,
    port: u16,
) -> Vec<OsString> {
    let path = |path: &Path| path.display().to_string();
    let mut all = self::settings(port, dir.path());
    if let Some(tls) = tls {
        all.push(("ssl".to_owned(), "on".to_owned()));
        all.push(("ssl_cert_file".to_owned(), path(&tls.certificate)));
        all.push(("ssl_key_file".to_owned(), path(&tls.key)));
    }
    all.extend_from_slice(settings);
    let settings =
        all.into_iter().flat_map(|(name, value)| ["-c".into(), format!("{name}={value}").into()]);
    ["-D".into(), dir.join("data").into_os_string()].into_iter().chain(settings).collect()
}

/// Copies a running server by its own protocol and starts the copy as its standby.
#[track_caller]
pub(super) fn standby_of(primary: &Postgres) -> Postgres {
    let dir = TempDir::new("standby");
    let account = Account::unprivileged();
    let mut copy = Command::new(template::beside(&primary.program, "pg_basebackup"));
    copy.args(["-R", "-X", "stream", "-c", "fast", "--no-sync", "-U", USER])
        .args(["-p", &primary.port.to_string(), "-h"])
        .arg(primary.dir.path())
        .arg("-D")
        .arg(dir.join("data"))
        .current_dir(dir.path());
    if let Some(account) = account {
        account.own(dir.path());
        account.run(&mut copy);
    }
    run(&mut copy).unwrap_or_else(|fault| panic!("pg_basebackup: {fault}"));
    launch(PostgresBuilder::default(), primary.program.clone(), dir, None, account)
}
