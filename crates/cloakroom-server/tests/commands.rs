//! The `cloakroom` command as an operator uses it: with a running server and without one.
#![expect(clippy::unwrap_used, reason = "a test stops where something fails")]

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use cloakroom_testkit::servers::{Client, Cloakroom, TempDir, require};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_cloakroom");
const PASSWORD: &str = "correct horse battery staple";
const UNKNOWN_ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// Runs a command that reads nothing of this machine's configuration.
fn run(dir: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_ours(&name.to_string_lossy())) {
        command.env_remove(name);
    }
    command.current_dir(dir).args(arguments).output().unwrap()
}

fn is_ours(name: &str) -> bool {
    name.starts_with("CLOAKROOM_")
}

#[track_caller]
fn done(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{error}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[track_caller]
fn refused(output: &Output, code: i32) -> String {
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(code), "{printed}");
    assert_eq!(printed, "", "results only on standard output");
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[track_caller]
fn json(output: &Output) -> Value {
    serde_json::from_str(&done(output)).unwrap()
}

/// Adds a user, who chooses a password and is logged in.
fn logged_in(server: &Cloakroom, name: &str) -> Client {
    let added = json(&server.command(&["user", "add", name, "--json"]));
    let code = added["link"].as_str().unwrap().rsplit('#').next().unwrap().to_owned();
    let mut client = server.client();
    let form = [("code", code.as_str()), ("password", PASSWORD), ("repeat", PASSWORD)];
    let chosen = client.post_form("/cloakroom/password-link", &form);
    assert_eq!(chosen.status, 303, "{}", chosen.text());
    assert!(is_logged_in(&mut client), "{name}");
    client
}

fn is_logged_in(client: &mut Client) -> bool {
    client.get("/cloakroom/account").status == 200
}

#[test]
fn an_operator_sees_who_is_logged_in_ends_sessions_and_learns_why_they_ended() {
    let dir = TempDir::new("commands");
    let server = Cloakroom::start(BINARY, dir.path(), "");
    let (mut alice, mut bob) = (logged_in(&server, "alice"), logged_in(&server, "bob"));

    let table = done(&server.command(&["who"]));
    assert!(table.starts_with("SESSION") && table.ends_with("\n2 sessions\n"), "{table}");
    assert!(table.contains("alice") && table.contains("Firefox on Linux"), "{table}");
    let listed = json(&server.command(&["who", "ALI*", "--json"]));
    let id = listed[0]["id"].as_str().unwrap();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["user_name"]), (1, &"alice".into()));

    assert!(done(&server.command(&["why", id])).contains("of alice: still live"));
    assert_eq!(done(&server.command(&["end", id])), "ended 1 session of alice\n");
    assert!(!is_logged_in(&mut alice) && is_logged_in(&mut bob));
    let why = done(&server.command(&["why", id]));
    assert!(why.contains("Ended by hand (admin)") && why.contains("operator"), "{why}");
    assert!(done(&server.command(&["end", id])).starts_with("it had ended already:"));

    assert_eq!(done(&server.command(&["end", "--user", "bob"])), "ended 1 session of bob\n");
    assert!(!is_logged_in(&mut bob));
    assert_eq!(done(&server.command(&["who"])), "nobody is logged in\n");
    assert_eq!(json(&server.command(&["who", "--json"])), Value::Array(Vec::new()));
}

#[test]
fn disabling_a_user_or_ending_everyone_refuses_the_next_request() {
    let dir = TempDir::new("commands");
    let server = Cloakroom::start(BINARY, dir.path(), "");
    let (mut alice, mut bob) = (logged_in(&server, "alice"), logged_in(&server, "bob"));
    let disabled = done(&server.command(&["user", "disable", "alice"]));
    assert_eq!(disabled, "disabled alice; all their sessions are ended\n");
    assert!(!is_logged_in(&mut alice) && is_logged_in(&mut bob));
    assert_eq!(done(&server.command(&["end", "--everyone"])), "ended 1 session\n");
    assert!(!is_logged_in(&mut bob));
    let listed = json(&server.command(&["user", "list", "--json"]));
    let states: Vec<_> = listed.as_array().unwrap().iter().map(|user| &user["disabled"]).collect();
    assert_eq!(states, [true, false]);
}

#[test]
fn a_command_without_the_settings_of_its_server_opens_no_other_database() {
    let dir = TempDir::new("commands");
    let elsewhere = dir.path().join("elsewhere.db");
    let settings = format!("[database]\nurl = 'sqlite:{}'\n", elsewhere.display());
    let mut server = Cloakroom::start(BINARY, dir.path(), &settings);
    server.stop();
    let listed = server.command(&["user", "list"]);
    let remark = String::from_utf8_lossy(&listed.stderr).into_owned();
    assert!(
        remark.contains(&format!("opening sqlite:{} directly", elsewhere.display())),
        "{remark}"
    );
    let data = server.data_dir();
    let bare = run(&data, &["--data", data.to_str().unwrap(), "end", "--everyone"]);
    let said = refused(&bare, 1);
    assert!(said.contains("needs the settings it has"), "{said}");
    assert!(!server.data_dir().join("cloakroom.db").exists());
}

#[test]
fn without_a_server_commands_open_the_database_and_say_so() {
    let dir = TempDir::new("commands");
    let mut server = Cloakroom::start(BINARY, dir.path(), "");
    let mut alice = logged_in(&server, "alice");
    server.kill_9();
    let said = format!("no server is running on {}", server.data_dir().display());
    for arguments in [&["who"][..], &["user", "list"], &["end", "--user", "alice"]] {
        let output = server.command(arguments);
        done(&output);
        let remark = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(remark, format!("{said}; opening its database directly\n"));
    }
    let added = server.command(&["user", "add", "carol", "--id", "42", "--json"]);
    assert_eq!(json(&added)["id"], "42");
    server.restart();
    assert!(!is_logged_in(&mut alice));
    let table = server.command(&["user", "list"]);
    assert!(done(&table).ends_with("\n2 users\n") && table.stderr.is_empty());
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let dir = TempDir::new("commands");
    let server = Cloakroom::start(BINARY, dir.path(), "");
    let second = server.command(&["serve", "--listen", "127.0.0.1:0"]);
    let said = refused(&second, 1);
    assert!(said.contains("another server is running on the data directory"), "{said}");
    assert!(server.is_ready());
    done(&server.command(&["who"]));
}

#[test]
fn every_command_but_serve_makes_nothing() {
    let dir = TempDir::new("commands");
    for arguments in [
        &["who"][..],
        &["why", UNKNOWN_ID],
        &["end", "--everyone"],
        &["setup-link"],
        &["user", "list"],
        &["user", "add", "alice"],
    ] {
        let said = refused(&run(dir.path(), arguments), 1);
        assert!(said.starts_with("cloakroom: nothing at ./cloakroom-data yet; start"), "{said}");
    }
    done(&run(dir.path(), &["config", "check"]));
    done(&run(dir.path(), &["version"]));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn what_is_not_there_or_malformed_is_said_plainly_with_exit_code_one() {
    let dir = TempDir::new("commands");
    let server = Cloakroom::start(BINARY, dir.path(), "");
    done(&server.command(&["user", "add", "alice"]));
    for (arguments, part) in [
        (&["end", "x"][..], "not a session id: expected 36 characters"),
        (&["end", UNKNOWN_ID], "there is no session 01890a5d"),
        (&["why", UNKNOWN_ID], "or it ended more than 90 days ago"),
        (&["end", "--user", "alcie"], "did you mean alice?"),
        (&["user", "passwd", "zoe"], "there is no user \"zoe\""),
        (&["user", "add", "alice"], "there is a user alice already"),
        (&["user", "add", "al ice"], "a login name has 1 to 64"),
        (&["setup-link"], "the set-up is done"),
    ] {
        let said = refused(&server.command(arguments), 1);
        assert!(said.starts_with("cloakroom: ") && said.contains(part), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn wrong_usage_exits_with_two_and_a_wrong_configuration_with_one() {
    let dir = TempDir::new("commands");
    for arguments in [&["end"][..], &["serv"], &["who", "--jso"], &["user", "add"]] {
        assert_eq!(run(dir.path(), arguments).status.code(), Some(2), "{arguments:?}");
    }
    dir.write("cloakroom.toml", "listn = \"127.0.0.1:1\"\n");
    for arguments in [&["config", "check"][..], &["who"], &["serve"]] {
        let said = refused(&run(dir.path(), arguments), 1);
        assert!(said.contains("listn") && said.contains("did you mean listen?"), "{said}");
    }
    assert_eq!(
        done(&run(dir.path(), &["version"])),
        concat!("cloakroom ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn config_check_prints_every_value_and_where_it_came_from() {
    let dir = TempDir::new("commands");
    dir.write("cloakroom.toml", "public_url = \"https://example.org\"\n");
    let report = done(&run(dir.path(), &["config", "check", "--data", "d"]));
    let line = |key: &str| report.lines().find(|line| line.starts_with(key)).unwrap().to_owned();
    assert!(line("public_url = ").ends_with("# file cloakroom.toml:1"));
    assert!(line("data = ").ends_with("# flag --data"));
    assert!(line("listen = ").ends_with("# default"));
}

#[test]
fn help_names_every_command_and_its_flags() {
    let dir = TempDir::new("commands");
    let help = done(&run(dir.path(), &["--help"]));
    for command in ["serve", "config", "setup-link", "user", "who", "end", "why", "version"] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(command)), "{command}");
    }
    assert!(help.contains("Exit codes: 0 done, 1 failed, 2 wrong usage."));
    let add = done(&run(dir.path(), &["user", "add", "--help"]));
    for flag in ["--id", "--display-name", "--email", "--group", "--admin", "--json"] {
        assert!(add.contains(flag), "{flag} in\n{add}");
    }
}

#[test]
fn a_reader_who_goes_away_is_no_failure() {
    let dir = TempDir::new("commands");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut check = Command::new(BINARY);
    check.args(["config", "check"]).current_dir(dir.path()).stdout(writer);
    let output = check.stderr(Stdio::piped()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_data_directory_that_may_not_be_entered_is_said_to_be_somebody_elses() {
    let Some(nobody) = AnotherUser::find() else { return };
    let dir = TempDir::new("commands");
    let server = Cloakroom::start(BINARY, dir.path(), "");
    open(dir.path());
    let said = refused(&nobody.run(dir.path(), &server.data_dir()), 1);
    assert!(said.contains("belongs to another user; run this as the user who runs"), "{said}");
}

#[test]
fn an_order_from_another_user_is_refused_even_when_the_files_let_them_in() {
    let Some(nobody) = AnotherUser::find() else { return };
    let dir = TempDir::new("commands");
    let server = Cloakroom::start(BINARY, dir.path(), "");
    open(dir.path());
    open(&server.data_dir());
    open(&server.data_dir().join("admin.sock"));
    let said = refused(&nobody.run(dir.path(), &server.data_dir()), 1);
    assert!(said.contains("only the user who runs the server, or root"), "{said}");
    assert!(server.log().contains("an order from another user was refused"));
}

fn open(path: &Path) {
    fs::set_permissions(path, Permissions::from_mode(0o777)).unwrap();
}

/// A way to run the binary as nobody; only root has one.
struct AnotherUser {
    setpriv: std::path::PathBuf,
    home: TempDir,
}

impl AnotherUser {
    fn find() -> Option<Self> {
        let setpriv = require("setpriv")?;
        if !rustix::process::geteuid().is_root() {
            // No skip that CI would fail for: the rule itself has a test that needs no root.
            eprintln!("not run: only root can act as two users");
            return None;
        }
        let home = TempDir::new("commands");
        open(home.path());
        // Where the binary was built others may not be able to go.
        let mut copy = fs::File::create(home.join("cloakroom")).unwrap();
        copy.write_all(&fs::read(BINARY).unwrap()).unwrap();
        open(&home.join("cloakroom"));
        Some(Self { setpriv, home })
    }

    fn run(&self, dir: &Path, data: &Path) -> Output {
        Command::new(&self.setpriv)
            .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
            .arg(self.home.join("cloakroom"))
            .arg("--data")
            .arg(data)
            .arg("who")
            .current_dir(dir)
            .env("CLOAKROOM_CONFIG", "")
            .output()
            .unwrap()
    }
}
