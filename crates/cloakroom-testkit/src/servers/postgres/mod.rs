//! A private PostgreSQL.

mod builder;
mod shared;
mod sql;
mod template;

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use super::TempDir;
use super::service::Service;

pub use builder::PostgresBuilder;
pub use shared::SharedPostgres;
pub use sql::{PostgresConnection, Rows};

const TIME_TO_START: Duration = Duration::from_secs(30);
/// Its only user, who may do everything, and the database that is there from the start.
const USER: &str = "cloakroom";
pub(super) const DATABASE: &str = "postgres";

/// PostgreSQL with data, port and socket of its own.
///
/// It writes without fsync unless told otherwise: what its processes wrote survives their death,
/// as all that is killed here are processes.
#[derive(Debug)]
pub struct Postgres {
    service: Service,
    dir: TempDir,
    program: PathBuf,
    port: u16,
    password: Option<String>,
    authority: Option<PathBuf>,
}

impl Postgres {
    /// Starts one that lets everybody on this machine in. `None` where PostgreSQL is missing (a
    /// visible skip).
    #[track_caller]
    pub fn start() -> Option<Self> {
        Self::builder().start()
    }

    /// One with settings, a password or TLS.
    pub fn builder() -> PostgresBuilder {
        PostgresBuilder::default()
    }

    /// Its port at 127.0.0.1, the same after a restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where clients find the database that is there from the start, without the password.
    pub fn url(&self) -> String {
        self.url_of(DATABASE)
    }

    /// Where clients find this database, without the password.
    pub fn url_of(&self, database: &str) -> String {
        let host = if self.authority.is_some() { "localhost" } else { "127.0.0.1" };
        format!("postgres://{USER}@{host}:{}/{database}", self.port)
    }

    /// The same through its Unix socket, which never asks for a password.
    pub fn socket_url_of(&self, database: &str) -> String {
        let dir = self.socket_dir();
        format!("postgres://{USER}@/{database}?host={}&port={}", dir.display(), self.port)
    }

    /// The directory of its Unix socket.
    pub fn socket_dir(&self) -> PathBuf {
        self.dir.path().to_owned()
    }

    /// The password that it asks for at its port.
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// The certificate of the authority that signed its own, when it has one.
    pub fn authority(&self) -> Option<&Path> {
        self.authority.as_deref()
    }

    /// Makes an empty database and returns its URL.
    #[track_caller]
    pub fn database(&self, name: &str) -> String {
        self.run(DATABASE, &format!("CREATE DATABASE {name}"));
        self.url_of(name)
    }

    /// A connection of the test's own, through the socket.
    pub fn connect(&self, database: &str) -> io::Result<PostgresConnection> {
        let socket = self.dir.join(format!(".s.PGSQL.{}", self.port));
        PostgresConnection::open(&socket, database)
    }

    /// Runs statements that must work, and returns all their rows.
    #[track_caller]
    pub fn run(&self, database: &str, statements: &str) -> Rows {
        self.connect(database)
            .and_then(|mut connection| connection.query(statements))
            .unwrap_or_else(|fault| panic!("{statements}: {fault}"))
    }

    /// Starts a server that follows this one and can only be read.
    #[track_caller]
    pub fn standby(&self) -> Self {
        builder::standby_of(self)
    }

    /// Kills all its processes as a power cut would, and waits until they are gone.
    pub fn kill(&mut self) {
        self.service.kill();
    }

    /// Makes it hang up on everybody and stop in good order.
    pub fn stop(&mut self) {
        self.service.stop(Signal::INT);
    }

    /// Starts it on the same data and port, and waits until it answers; kills it first if it runs.
    #[track_caller]
    pub fn start_again(&mut self) {
        self.service.start_again();
        self.wait_until_ready();
    }

    /// Lets it write no file beyond so many bytes, until it is started again: with 0 as if its
    /// disk were full.
    pub fn bound_files(&self, bytes: Option<u64>) {
        self.service.bound_files(bytes);
    }

    /// Makes it stop working without closing anything: what is sent to it waits.
    pub fn pause(&self) {
        self.service.pause();
    }

    /// Lets it go on after a pause.
    pub fn resume(&self) {
        self.service.resume();
    }

    /// What it has written to its log.
    pub fn log(&self) -> String {
        self.service.log()
    }

    #[track_caller]
    fn wait_until_ready(&self) {
        self.service.wait_until("PostgreSQL answers", TIME_TO_START, || {
            self.connect(DATABASE).is_ok_and(|mut it| it.query("SELECT 1").is_ok())
        });
    }

    fn data(&self) -> PathBuf {
        self.dir.join("data")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // At once, but it still removes its shared memory.
        self.service.stop(Signal::QUIT);
        remove_shared_memory(&self.data().join("postmaster.pid"));
    }
}

/// Removes the shared memory that a killed server has left, which would outlive its directory.
fn remove_shared_memory(pid_file: &Path) {
    let content = std::fs::read_to_string(pid_file).unwrap_or_default();
    if let Some(id) = content.lines().nth(6).and_then(|keys| keys.split_whitespace().nth(1)) {
        // Best effort: there is nobody to tell.
        let _ = Command::new("ipcrm").args(["-m", id]).output();
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;
    use crate::servers::tls::check;
    use crate::servers::wait_until;

    fn value(postgres: &Postgres, database: &str, query: &str) -> String {
        postgres.run(database, query)[0][0].clone()
    }

    #[test]
    fn it_answers_dies_by_kill_and_comes_back_with_its_data() {
        let Some(mut postgres) = Postgres::start() else { return };
        assert!(postgres.database("records").ends_with("/records"));
        postgres.run("records", "CREATE TABLE kept (it int); INSERT INTO kept VALUES (7)");
        let port = postgres.port();
        postgres.kill();
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
        postgres.start_again();
        assert_eq!(
            (postgres.port(), value(&postgres, "records", "SELECT it FROM kept")),
            (port, "7".into())
        );
        assert!(postgres.log().contains("database system was not properly shut down"));
        postgres.stop();
        assert!(postgres.connect("records").is_err());
        postgres.start_again();
        assert_eq!(value(&postgres, "records", "SELECT it FROM kept"), "7");
    }

    #[test]
    fn a_paused_one_is_connected_to_and_answers_when_it_goes_on() {
        let Some(postgres) = Postgres::start() else { return };
        let mut connection = postgres.connect(DATABASE).unwrap();
        postgres.pause();
        connection.give_up_after(Duration::from_millis(200));
        assert!(connection.query("SELECT 1").is_err());
        postgres.resume();
        assert_eq!(value(&postgres, DATABASE, "SELECT 2"), "2");
    }

    #[test]
    fn settings_are_taken_and_a_refusal_says_why() {
        let Some(postgres) = Postgres::builder().setting("work_mem", "7MB").start() else { return };
        assert_eq!(value(&postgres, DATABASE, "SHOW work_mem"), "7MB");
        let mut connection = postgres.connect(DATABASE).unwrap();
        let fault = connection.query("SELECT nonsense").unwrap_err().to_string();
        assert_eq!(fault, "ERROR 42703: column \"nonsense\" does not exist");
        assert_eq!(connection.query("SELECT NULL, 'x'").unwrap(), [["", "x"]]);
    }

    #[test]
    fn its_port_asks_for_a_password_and_for_tls_when_told_to() {
        let Some(postgres) = Postgres::builder().password("secret of the test").start() else {
            return;
        };
        let fault = PostgresConnection::at_port(postgres.port(), DATABASE).unwrap_err();
        assert_eq!(fault.to_string(), "the server asks for a password");
        let Some(postgres) = Postgres::builder().tls().start() else { return };
        let fault = PostgresConnection::at_port(postgres.port(), DATABASE).unwrap_err();
        assert!(fault.to_string().contains("no encryption"), "{fault}");
        let authority = postgres.authority().unwrap();
        check(postgres.port(), authority, &["-starttls", "postgres"]).unwrap();
    }

    #[test]
    fn a_standby_follows_and_takes_no_writes() {
        let Some(primary) = Postgres::start() else { return };
        primary.run(DATABASE, "CREATE TABLE kept (it int)");
        let standby = primary.standby();
        primary.run(DATABASE, "INSERT INTO kept VALUES (1)");
        wait_until("it follows", TIME_TO_START, || {
            value(&standby, DATABASE, "SELECT count(*) FROM kept") == "1"
        });
        let mut connection = standby.connect(DATABASE).unwrap();
        let fault = connection.query("INSERT INTO kept VALUES (2)").unwrap_err().to_string();
        assert!(fault.contains("25006"), "{fault}");
    }

    #[test]
    fn nothing_of_a_killed_server_is_left() {
        let Some(mut postgres) = Postgres::start() else { return };
        let shared = std::fs::read_to_string(postgres.data().join("postmaster.pid")).unwrap();
        let id = shared.lines().nth(6).unwrap().split_whitespace().nth(1).unwrap().to_owned();
        let is_there = || {
            let list = std::fs::read_to_string("/proc/sysvipc/shm").unwrap();
            list.lines().any(|line| line.split_whitespace().nth(1) == Some(&id))
        };
        assert!(is_there());
        postgres.kill();
        drop(postgres);
        assert!(!is_there());
    }
}
