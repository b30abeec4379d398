use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use super::faketime::FakeTime;
use super::http::{Address, Request};
use super::{Client, Process, StoreKind, StoreServers, free_port};

const TIME_TO_START: Duration = Duration::from_secs(20);

/// The server binary, with its configuration, data and log in one directory of the caller's.
///
/// It answers at `http://localhost:<port>` unless the configuration says otherwise. Sessions are
/// kept as `CLOAKROOM_TEST_STORE` says, in servers that are started for it: `sqlite`, `memory`,
/// `postgres`, `redis`, `valkey`, `redis-backed` or `valkey-backed`.
#[derive(Debug)]
pub struct Cloakroom {
    process: Process,
    way: Way,
    port: u16,
    address: Address,
}

/// How the binary is run, as the server and for other commands.
#[derive(Debug)]
struct Way {
    binary: PathBuf,
    dir: PathBuf,
    time: FakeTime,
    stores: Arc<StoreServers>,
}

impl Cloakroom {
    /// Starts `binary` (a test passes `env!("CARGO_BIN_EXE_cloakroom")`) in `dir` and waits until
    /// it is ready.
    ///
    /// `configuration` is TOML that is added to the port and the data directory; a `listen` of its
    /// own replaces ours. No `CLOAKROOM_…` variable of the environment reaches the server.
    #[track_caller]
    pub fn start(binary: impl AsRef<Path>, dir: &Path, configuration: &str) -> Self {
        let kind = StoreKind::chosen();
        let stores = StoreServers::start(kind)
            .unwrap_or_else(|| panic!("the servers of {kind:?} are not on this machine"));
        Self::start_on(Arc::new(stores), binary, dir, configuration)
    }

    /// The same on these stores, which may have other servers already.
    #[track_caller]
    pub fn start_on(
        stores: Arc<StoreServers>,
        binary: impl AsRef<Path>,
        dir: &Path,
        configuration: &str,
    ) -> Self {
        let (way, port, address) = Way::prepare(stores, binary.as_ref(), dir, configuration);
        let server = Self { process: way.serve(), way, port, address };
        server.wait_until_ready();
        server
    }

    /// Starts one that must refuse to start, and returns what it said.
    #[track_caller]
    pub fn refused_on(
        stores: Arc<StoreServers>,
        binary: impl AsRef<Path>,
        dir: &Path,
        configuration: &str,
    ) -> String {
        let (way, ..) = Way::prepare(stores, binary.as_ref(), dir, configuration);
        let mut process = way.serve();
        let status = process.wait_for_exit(TIME_TO_START);
        let said = process.log();
        assert!(status.is_some_and(|it| !it.success()), "it was to refuse: {status:?}\n{said}");
        said
    }

    /// What keeps its sessions.
    pub fn stores(&self) -> &Arc<StoreServers> {
        &self.way.stores
    }

    /// Its origin, `http://localhost:<port>`.
    pub fn url(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// Its port, the same after a restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it listens.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// A browser with no cookies at its pages.
    pub fn client(&self) -> Client {
        Client::new(self.address.clone(), &self.url())
    }

    /// Its data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.way.dir.join("data")
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// All it has printed, over restarts too.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Runs another command of the binary on the same configuration, as in `["who", "--json"]`.
    #[track_caller]
    pub fn command(&self, arguments: &[&str]) -> Output {
        let output = self.way.command().args(arguments).output();
        output.unwrap_or_else(|fault| panic!("cannot run {}: {fault}", self.way.binary.display()))
    }

    /// Whether `/readyz` says it can serve.
    pub fn is_ready(&self) -> bool {
        let host = format!("localhost:{}", self.port);
        let question = Request::get("/readyz").header("Host", host);
        question.try_send(&self.address).is_ok_and(|answer| answer.status == 200)
    }

    /// Kills it as a power cut would.
    pub fn kill_9(&mut self) {
        self.process.kill_9();
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(&mut self) {
        self.process.stop();
    }

    /// Starts it again on the same configuration, data and port; asks it to stop first if it runs.
    #[track_caller]
    pub fn restart(&mut self) {
        self.process.stop();
        self.process = self.way.serve();
        self.wait_until_ready();
    }

    /// Starts it again so much later, as far as it knows: the next wall time it reads is ahead.
    /// `None` where libfaketime is missing (a visible skip).
    #[track_caller]
    pub fn restart_later(&mut self, by: Duration) -> Option<()> {
        self.way.time.advance(by)?;
        self.restart();
        Some(())
    }

    #[track_caller]
    fn wait_until_ready(&self) {
        self.process.wait_until("cloakroom is ready", TIME_TO_START, || self.is_ready());
    }
}

impl Way {
    /// Writes the configuration, and says which port is free for it and where it will listen.
    #[track_caller]
    fn prepare(
        stores: Arc<StoreServers>,
        binary: &Path,
        dir: &Path,
        configuration: &str,
    ) -> (Self, u16, Address) {
        let port = free_port();
        let mut text = format!("data = {:?}\n{configuration}\n", dir.join("data"));
        let address = socket_in(configuration).unwrap_or_else(|| {
            text.insert_str(0, &format!("listen = \"127.0.0.1:{port}\"\n"));
            Address::Port(port)
        });
        fs::write(dir.join("cloakroom.toml"), text)
            .unwrap_or_else(|fault| panic!("cannot write in {}: {fault}", dir.display()));
        let (binary, dir) = (binary.to_owned(), dir.to_owned());
        (Self { binary, dir, time: FakeTime::default(), stores }, port, address)
    }

    #[track_caller]
    fn serve(&self) -> Process {
        let mut serve = self.command();
        serve.arg("serve");
        Process::spawn("cloakroom", serve, &self.dir.join("cloakroom.log"))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        let names = std::env::vars_os().map(|(name, _)| name);
        for ours in names.filter(|name| name.to_string_lossy().starts_with("CLOAKROOM_")) {
            command.env_remove(ours);
        }
        command.current_dir(&self.dir).env("CLOAKROOM_CONFIG", self.dir.join("cloakroom.toml"));
        command.envs(self.stores.environment());
        self.time.apply(&mut command);
        command
    }
}

/// The Unix socket a configuration names with `listen = "unix:…"`.
fn socket_in(configuration: &str) -> Option<Address> {
    let listen = configuration.lines().find_map(|line| line.trim().strip_prefix("listen"))?;
    let path = listen.split_once("unix:")?.1.trim_end().trim_end_matches('"');
    Some(Address::Socket(path.into()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::servers::TempDir;

    /// Stands for the server: reads the port from its configuration and says it is ready.
    const STAND_IN: &str = r#"#!/bin/sh
if [ "$1" != serve ]; then echo "$1 on $(basename "$CLOAKROOM_CONFIG")"; exit 3; fi
port=$(sed -n 's/^listen = "127.0.0.1:\(.*\)"$/\1/p' cloakroom.toml)
echo "started on $port"
exec python3 -c "
import http.server
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == '/readyz' else 404)
        self.end_headers()
http.server.HTTPServer(('127.0.0.1', $port), Ready).serve_forever()"
"#;

    fn stand_in(dir: &TempDir) -> PathBuf {
        let path = dir.write("stand-in", STAND_IN);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        path
    }

    #[test]
    fn a_server_is_ready_and_comes_back_at_its_port_after_a_kill() {
        let dir = TempDir::new("testkit");
        let mut server = Cloakroom::start(stand_in(&dir), dir.path(), "[app.x]\nname = \"X\"");
        assert!(server.client().get("/other").status == 404 && server.is_ready());
        server.kill_9();
        assert!(!server.is_ready());
        server.restart();
        assert!(server.is_ready());
        let started = format!("started on {}", server.port());
        assert_eq!(server.log().matches(&started).count(), 2);
    }

    #[test]
    fn a_command_runs_on_the_configuration_of_the_server() {
        let dir = TempDir::new("testkit");
        let server = Cloakroom::start(stand_in(&dir), dir.path(), "");
        let output = server.command(&["who"]);
        assert_eq!(output.status.code(), Some(3));
        assert_eq!(output.stdout, b"who on cloakroom.toml\n");
    }

    #[test]
    #[should_panic(expected = "listen = \"127.0.0.1:")]
    fn a_server_that_does_not_start_shows_what_it_printed() {
        let dir = TempDir::new("testkit");
        let broken = dir.write("broken", "#!/bin/sh\ncat cloakroom.toml\n");
        fs::set_permissions(&broken, fs::Permissions::from_mode(0o700)).unwrap();
        Cloakroom::start(broken, dir.path(), "");
    }

    #[test]
    fn one_that_refuses_to_start_tells_why() {
        let dir = TempDir::new("testkit");
        let refusing = dir.write("refusing", "#!/bin/sh\necho because; exit 1\n");
        fs::set_permissions(&refusing, fs::Permissions::from_mode(0o700)).unwrap();
        let stores = Arc::new(StoreServers::of(StoreKind::Sqlite, None, None));
        assert_eq!(Cloakroom::refused_on(stores, refusing, dir.path(), ""), "because\n");
    }

    #[test]
    fn a_socket_in_the_configuration_is_where_it_is_asked() {
        let socket = socket_in("prefix = \"/x\"\nlisten = \"unix:/tmp/s\"\n");
        assert_eq!(socket, Some(Address::Socket("/tmp/s".into())));
        assert_eq!(socket_in("prefix = \"/x\""), None);
    }
}
