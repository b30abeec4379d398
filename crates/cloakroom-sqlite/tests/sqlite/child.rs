//! A second process: this program again, told by its environment what to do.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use cloakroom_core::{Inserted, SessionId, Store, StoreError};
use cloakroom_sqlite::SqliteStore;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::support::{START, Scratch, guard, logout, put, session, told};

const ACTION: &str = "CLOAKROOM_SQLITE_CHILD";
const FILE: &str = "CLOAKROOM_SQLITE_FILE";
const MARK: &str = "child says: ";

/// Nobody, as far as file permissions go.
const NOBODY: u32 = 65_534;

/// What the child is to do with the file.
pub(crate) fn start(action: &str, file: &Path) -> Child {
    command(action, file).spawn().unwrap()
}

pub(crate) fn run(action: &str, file: &Path) -> String {
    answer(start(action, file))
}

/// As [`run`], by a user whom file permissions bind: root is not.
pub(crate) fn run_bound_by_permissions(action: &str, file: &Path) -> String {
    if !rustix::process::geteuid().is_root() {
        return run(action, file);
    }
    // Nobody may be unable to reach the directory where this program was built.
    let place = Scratch::new();
    let copy = place.directory().join("child");
    fs::copy(env::current_exe().unwrap(), &copy).unwrap();
    let mut command = command_of(&copy, action, file);
    answer(command.uid(NOBODY).gid(NOBODY).spawn().unwrap())
}

/// As [`run`], in a shell that has run `first`; the child inherits what that set.
pub(crate) fn run_after(first: &str, action: &str, file: &Path) -> String {
    let inner = command(action, file);
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("{first}; exec \"$0\" \"$@\"")).arg(inner.get_program());
    shell.args(inner.get_args()).env(ACTION, action).env(FILE, file).stdout(Stdio::piped());
    answer(shell.spawn().unwrap())
}

fn command(action: &str, file: &Path) -> Command {
    command_of(&env::current_exe().unwrap(), action, file)
}

fn command_of(program: &Path, action: &str, file: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(["--exact", "child::does_what_its_parent_asks", "--nocapture"]);
    command.env(ACTION, action).env(FILE, file).stdout(Stdio::piped());
    command
}

pub(crate) fn answer(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let said = text.split_once(MARK).map(|(_, said)| said.lines().next().unwrap_or_default());
    said.unwrap_or_else(|| panic!("the child said nothing: {text}")).to_owned()
}

#[tokio::test]
async fn does_what_its_parent_asks() {
    let Ok(action) = env::var(ACTION) else { return };
    let file = env::var_os(FILE).unwrap();
    println!("\n{MARK}{}", act(&action, Path::new(&file)).await);
}

async fn act(action: &str, file: &Path) -> String {
    let store = match SqliteStore::open(file) {
        Ok(store) => store,
        Err(error) => return told(&error),
    };
    let (verb, id) = action.split_once(' ').unwrap_or((action, ""));
    match verb {
        "open" => "opened".to_owned(),
        "insert" => insert(&store).await.to_string(),
        "end" => {
            let id: SessionId = id.parse().unwrap();
            store.end(logout(id)).await.unwrap().count.to_string()
        }
        "modes" => {
            let id = insert(&store).await;
            store.update(guard(id), vec![put("a", "1")], Default::default()).await.unwrap();
            modes(file)
        }
        "fill" => fill_the_disk(&store, file).await,
        other => panic!("no such action: {other}"),
    }
}

async fn insert(store: &SqliteStore) -> SessionId {
    let new = session(Some("ann"));
    let id = new.record.id;
    let inserted = store.insert(new).await.unwrap();
    assert_eq!(inserted, Inserted::Done { ended: Vec::new() });
    id
}

/// What a write came to while the WAL could not grow, whether its session is there, and what
/// the next write came to once it could.
async fn fill_the_disk(store: &SqliteStore, file: &Path) -> String {
    insert(store).await;
    let wal = fs::metadata(file.with_extension("db-wal")).unwrap().len();
    let unlimited = getrlimit(Resource::Fsize);
    setrlimit(Resource::Fsize, Rlimit { current: Some(wal), ..unlimited }).unwrap();
    let new = session(Some("bob"));
    let id = new.record.id;
    let outcome = match store.insert(new).await.unwrap_err() {
        StoreError::Unknown { .. } => "unknown",
        _ => "failed",
    };
    setrlimit(Resource::Fsize, unlimited).unwrap();
    let is_there = store.load(id, START).await.unwrap().is_some();
    insert(store).await;
    format!("{outcome}, {is_there}, done")
}

fn modes(file: &Path) -> String {
    let mut found: Vec<_> = fs::read_dir(file.parent().unwrap())
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            format!("{} {mode:o}", entry.file_name().display())
        })
        .collect();
    found.sort();
    found.join(", ")
}
