use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::builder::settings;
use super::sql::{PostgresConnection, Rows};
use super::{DATABASE, TIME_TO_START, USER, template};
use crate::servers::account::Account;
use crate::servers::{free_port, require, target_dir, wait_until};

/// Starts the server, waits until for two seconds nobody has held the lock, and stops it while
/// holding the lock, so that nobody comes in between. Arguments: the directory, the command.
const KEEPER: &str = r#"
cd "$1" || exit 1
shift
"$@" &
server=$!
while kill -0 $server 2>/dev/null; do
    flock -x users true
    sleep 2
    flock -n -x users sh -c "rm -f port; kill -INT $server; while kill -0 $server; do sleep 0.1; done" && break
done
"#;

/// A database of one test's own in a PostgreSQL that the tests of a run share, for tests that
/// neither stop it nor change its settings. The first test starts it; it stops by itself when no
/// test has used it for two seconds.
#[derive(Debug)]
pub struct SharedPostgres {
    port: u16,
    database: String,
    _users: File,
}

impl SharedPostgres {
    /// A fresh database. `None` where PostgreSQL is missing (a visible skip).
    #[track_caller]
    pub fn database() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let program = require("postgres")?;
        require("flock")?;
        let (port, users) =
            join(&program).unwrap_or_else(|fault| panic!("no PostgreSQL to share: {fault}"));
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let database = format!("test_{}_{number}", std::process::id());
        let shared = Self { port, database, _users: users };
        let mut first = shared.connect(DATABASE).expect("it was reached a moment ago");
        let name = &shared.database;
        // A test killed before may have had this process id.
        first.query(&format!("DROP DATABASE IF EXISTS {name}")).expect("a name of our own");
        first.query(&format!("CREATE DATABASE {name}")).expect("a new name");
        Some(shared)
    }

    /// Where clients find it.
    pub fn url(&self) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{}", self.port, self.database)
    }

    /// Runs statements in it.
    #[track_caller]
    pub fn run(&self, statements: &str) -> Rows {
        let mut connection = self.connect(&self.database).expect("the server runs");
        connection.query(statements).unwrap_or_else(|fault| panic!("{statements}: {fault}"))
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A connection to it.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn connect_to_own(&self) -> io::Result<PostgresConnection> {
        self.connect(&self.database)
    }

    fn connect(&self, database: &str) -> io::Result<PostgresConnection> {
        PostgresConnection::at_port(self.port, database)
    }
}

/// Its port, and the lock that keeps it running.
fn join(program: &Path) -> io::Result<(u16, File)> {
    let dir = place();
    fs::create_dir_all(&dir)?;
    let door = File::create(dir.join("door"))?;
    door.lock()?;
    let users = File::create(dir.join("users"))?;
    users.lock_shared()?;
    if let Some(port) = running(&dir) {
        return Ok((port, users));
    }
    let port = start(program, &dir)?;
    Ok((port, users))
}

/// Of this target directory, where the server's account may enter.
fn place() -> PathBuf {
    let mut hasher = DefaultHasher::new();
    target_dir().hash(&mut hasher);
    std::env::temp_dir().join(format!("cloakroom-postgres-{:016x}", hasher.finish()))
}

fn running(dir: &Path) -> Option<u16> {
    let port = fs::read_to_string(dir.join("port")).ok()?.trim().parse().ok()?;
    PostgresConnection::at_port(port, DATABASE).is_ok().then_some(port)
}

fn start(program: &Path, dir: &Path) -> io::Result<u16> {
    let data = dir.join("data");
    if data.exists() {
        fs::remove_dir_all(&data)?;
    }
    let account = Account::unprivileged();
    template::copy(program, account, &data)?;
    let port = free_port();
    let log = File::create(dir.join("log"))?;
    let mut keeper = Command::new("sh");
    keeper.args(["-c", KEEPER, "keeper"]).arg(dir);
    keeper.args(account.map(Account::prefix).unwrap_or_default());
    keeper.arg(program).arg("-D").arg(&data);
    for (name, value) in settings(port, &data).into_iter().chain(more()) {
        keeper.arg("-c").arg(format!("{name}={value}"));
    }
    keeper.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
    keeper.spawn()?;
    let answers = || PostgresConnection::at_port(port, DATABASE).is_ok();
    wait_until("the shared PostgreSQL answers", TIME_TO_START, answers);
    fs::write(dir.join("port"), port.to_string())?;
    Ok(port)
}

fn more() -> [(String, String); 1] {
    [("max_connections".to_owned(), "300".to_owned())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_share_a_server_and_not_a_database() {
        let (Some(one), Some(other)) = (SharedPostgres::database(), SharedPostgres::database())
        else {
            return;
        };
        assert_eq!(one.port, other.port);
        one.run("CREATE TABLE thing (id int)");
        other.run("CREATE TABLE thing (id int)");
        assert_eq!(one.run("SELECT count(*) FROM thing"), [["0"]]);
    }
}
