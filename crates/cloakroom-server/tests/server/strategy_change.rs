//! Another `strategy` in the configuration: nobody who signed in under the old one is found again,
//! and servers of one database have the same.

use std::path::Path;
use std::sync::Arc;

use cloakroom_testkit::servers::{Cloakroom, Flavor, Redis, StoreKind, StoreServers, TempDir};
use serde_json::Value;

use crate::support::{binary, session_of, set_up};

const MEMORY: &str = "strategy = \"memory\"\n";
const DATABASE: &str = "strategy = \"database\"\n";

/// No server of a store is needed: the settings say where everything is.
fn nothing() -> Arc<StoreServers> {
    Arc::new(StoreServers::of(StoreKind::Sqlite, None, None))
}

/// A server in a directory that outlives it.
fn start(dir: &Path, settings: &str) -> Cloakroom {
    Cloakroom::start_on(nothing(), binary(), dir, settings)
}

/// Sets a fresh server up and returns the administrator's session.
fn first_session(server: &Cloakroom) -> String {
    let link = std::fs::read_to_string(server.data_dir().join("setup-link"));
    let link = link.expect("there is a file with the link");
    let mut browser = server.client();
    let answer = set_up(&mut browser, link.trim().rsplit('#').next().expect("there is a code"));
    assert_eq!(answer.status, 303, "{answer:?}");
    session_of(&browser)
}

fn said(server: &Cloakroom, arguments: &[&str]) -> (bool, String) {
    let output = server.command(arguments);
    let all = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(all).expect("it prints text"))
}

fn sessions(server: &Cloakroom) -> usize {
    let (_, list) = said(server, &["who", "--json"]);
    serde_json::from_str::<Value>(&list).expect("JSON").as_array().expect("a list").len()
}

#[test]
fn law_1_sessions_that_a_change_of_strategy_left_behind_do_not_come_back_with_it() {
    let dir = TempDir::new("change");
    let mut server = start(dir.path(), DATABASE);
    let before = first_session(&server);
    server.restart();
    assert_eq!(sessions(&server), 1, "the same strategy changes nothing");
    server.stop();

    let mut server = start(dir.path(), MEMORY);
    let log = server.log();
    assert!(log.contains("the strategy was changed: everybody has to sign in again"), "{log}");
    assert_eq!(sessions(&server), 0);
    server.stop();

    let mut server = start(dir.path(), DATABASE);
    assert_eq!(sessions(&server), 0);
    let (_, why) = said(&server, &["why", &before]);
    assert!(why.contains("change of strategy"), "{why}");
    server.restart();
    assert_eq!(server.log().matches("the strategy was changed").count(), 2);
}

#[test]
fn a_command_without_a_server_does_nothing_where_sessions_were_not_kept() {
    let dir = TempDir::new("change");
    let mut server = start(dir.path(), MEMORY);
    first_session(&server);
    server.stop();
    let mut server = start(dir.path(), MEMORY);
    server.stop();
    let config = dir.join("cloakroom.toml");
    let text = std::fs::read_to_string(&config).expect("it is there").replace(MEMORY, DATABASE);
    std::fs::write(&config, text).expect("it is ours");
    let (done, text) = said(&server, &["end", "--everyone"]);
    assert!(!done, "{text}");
    assert!(
        text.contains(
            "the server keeps sessions in memory, and the settings of this command say the database"
        ),
        "{text}"
    );
}

#[test]
fn servers_of_two_strategies_do_not_share_a_database_until_one_is_adopted() {
    let Some(redis) = Redis::start(Flavor::Redis) else { return };
    let dir = TempDir::new("shared");
    let file = format!("[database]\nurl = \"sqlite:{}\"\n", dir.join("shared.db").display());
    let database = format!("{DATABASE}{file}");
    let in_redis = format!("strategy = \"redis\"\n{file}[redis]\nurl = {:?}\n", redis.url());
    let mut first = start(dir.path(), &database);
    let before = first_session(&first);

    let other = TempDir::new("other");
    let data = other.join("data");
    std::fs::create_dir(&data).expect("it is ours");
    for key in ["session.key", "assertion.key"] {
        std::fs::copy(first.data_dir().join(key), data.join(key)).expect("it is ours");
    }
    let refused = Cloakroom::refused_on(nothing(), binary(), other.path(), &in_redis);
    assert!(
        refused
            .contains("keep sessions in the database, and strategy says Redis (prefix cloakroom)"),
        "{refused}"
    );
    assert!(refused.contains("cloakroom strategy adopt"), "{refused}");
    assert_eq!(sessions(&first), 1);

    let (done, text) = said(&first, &["strategy", "adopt"]);
    assert!(!done && text.contains("another server is running on the data directory"), "{text}");
    first.stop();
    let second = || start(other.path(), &in_redis);
    let refused = Cloakroom::refused_on(nothing(), binary(), other.path(), &in_redis);
    assert!(refused.contains("strategy adopt"), "{refused}");
    adopt(other.path());
    let second = second();
    let refused = Cloakroom::refused_on(nothing(), binary(), dir.path(), &database);
    assert!(refused.contains("keep sessions in Redis (prefix cloakroom)"), "{refused}");
    drop(second);
    adopt(dir.path());
    let first = start(dir.path(), &database);
    let (_, why) = said(&first, &["why", &before]);
    assert!(why.contains("change of strategy"), "{why}");
}

/// With the configuration that a server was refused with.
fn adopt(dir: &Path) {
    let config = dir.join("cloakroom.toml");
    let output = std::process::Command::new(binary())
        .args(["strategy", "adopt"])
        .env("CLOAKROOM_CONFIG", config)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.contains("sessions are kept as this configuration says"), "{printed}");
}

#[test]
fn what_is_no_data_directory_adopts_nothing_and_gets_nothing() {
    let dir = TempDir::new("nothing");
    let mut server = start(dir.path(), DATABASE);
    server.stop();
    std::fs::remove_dir_all(server.data_dir()).expect("it is ours");
    let (done, text) = said(&server, &["strategy", "adopt"]);
    assert!(!done && text.contains("nothing at"), "{text}");
    assert!(!server.data_dir().exists());
}

#[test]
fn a_redis_before_the_database_is_no_change() {
    let Some(redis) = Redis::start(Flavor::Redis) else { return };
    let dir = TempDir::new("backed");
    let mut server = start(dir.path(), DATABASE);
    first_session(&server);
    server.stop();
    let backed =
        format!("strategy = \"redis\"\n[redis]\nurl = {:?}\nbacking = \"database\"\n", redis.url());
    let server = start(dir.path(), &backed);
    assert_eq!(sessions(&server), 1);
}
