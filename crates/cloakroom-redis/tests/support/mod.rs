//! A private server for a test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use cloakroom_redis::{Options, RedisStore};
use cloakroom_testkit::servers::{Process, TempDir, free_port, require};

const SOON: Duration = Duration::from_secs(20);

/// A running server with its directory.
pub struct Server {
    process: Process,
    program: PathBuf,
    port: u16,
    settings: Vec<String>,
    directory: TempDir,
}

impl Server {
    /// Starts `program` with settings such as `--appendonly yes`; `None` if the machine lacks it.
    pub fn start(program: &str, settings: &[&str]) -> Option<Self> {
        let program = require(program)?;
        let directory = TempDir::new("redis");
        let port = free_port();
        let settings: Vec<String> = settings.iter().map(ToString::to_string).collect();
        let process = launch(&program, port, &settings, &directory);
        Some(Self { process, program, port, settings, directory })
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub async fn open(&self) -> RedisStore {
        RedisStore::open_with(self.options()).await.expect("a new server is opened")
    }

    pub fn options(&self) -> Options {
        Options::new(self.url()).checking_keys()
    }

    pub fn kill(&mut self) {
        self.process.kill_9();
    }

    pub fn restart(&mut self) {
        self.process = launch(&self.program, self.port, &self.settings, &self.directory);
    }
}

fn launch(program: &Path, port: u16, settings: &[String], directory: &TempDir) -> Process {
    let mut command = Command::new(program);
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1"]);
    command.arg("--dir").arg(directory.path()).args(settings);
    let process = Process::spawn("redis", command, &directory.join("log"));
    process.wait_until("it accepts connections", SOON, || {
        std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    process
}
