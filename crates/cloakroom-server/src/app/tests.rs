use cloakroom::sqlite::rusqlite::Connection;
use cloakroom::{Query, UserId};
use cloakroom_testkit::servers::{SharedPostgres, TempDir};

use super::*;

const SESSIONS: &str = include_str!("../../../cloakroom-sqlite/migrations/0001_sessions.sql");
const LOG: &str = include_str!("../../../cloakroom-sqlite/migrations/0002_log.sql");
const SERVER: &str = include_str!("earlier.sql");

fn config(dir: &TempDir) -> Config {
    let mut config = Config::default();
    config.server.data = dir.join("data");
    config
}

#[tokio::test]
async fn a_file_from_before_the_prefix_opens_with_all_that_is_in_it() {
    let dir = TempDir::new("earlier");
    std::fs::create_dir(dir.join("data")).unwrap();
    let file = dir.join("data").join("cloakroom.db");
    let old = Connection::open(&file).unwrap();
    old.execute_batch(&[SESSIONS, LOG, SERVER].concat()).unwrap();
    drop(old);
    let app = App::open(config(&dir)).await.unwrap();
    let user = app.users.by_name("ann").await.unwrap().unwrap();
    assert_eq!((user.id, user.groups), (UserId::new("u1").unwrap(), vec!["staff".to_owned()]));
    assert_eq!(app.api_keys.list().await.unwrap()[0].name, "records");
    let query = Query { name: None, after: None, limit: 10, now: app.started_at };
    let page = app.cloakroom.sessions().store().sessions(query).await.unwrap();
    assert_eq!(page.items[0].user_name.as_deref(), Some("ann"));
    let file = Connection::open(&file).unwrap();
    for table in ["one_time_code", "guess", "reservation"] {
        let count = format!("SELECT count(*) FROM cloakroom_{table}");
        assert_eq!(file.query_row(&count, [], |row| row.get::<_, i64>(0)).unwrap(), 1, "{table}");
    }
    let others = "SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE 'cloakroom%'
        AND name NOT LIKE 'sqlite_autoindex_cloakroom%'";
    assert_eq!(file.query_row(others, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}

#[tokio::test]
async fn a_second_server_on_postgresql_starts_with_the_keys_of_the_first_and_shares_its_users() {
    let Some(server) = SharedPostgres::database() else { return };
    let (one, other) = (TempDir::new("one"), TempDir::new("other"));
    let on = |dir: &TempDir| {
        let mut config = config(dir);
        config.database.url = DatabaseAt::Postgres(server.url());
        config
    };
    let first = App::open(on(&one)).await.unwrap();
    let refused = App::open(on(&other)).await.unwrap_err().to_string();
    assert!(refused.contains("copy session.key from the data directory"), "{refused}");
    for key in [SESSION_KEY, ASSERTION_KEY] {
        std::fs::copy(one.join("data").join(key), other.join("data").join(key)).unwrap();
    }
    let second = App::open(on(&other)).await.unwrap();
    let new = first.new_user("ann".to_owned(), crate::users::Role::Admin).unwrap();
    first.add_user(new).await.unwrap().unwrap();
    assert!(second.users.by_name("ann").await.unwrap().is_some());
    assert!(second.set_up_link().await.unwrap().is_none());
}

#[tokio::test]
async fn a_key_replaced_in_the_data_directory_of_one_server_is_taken() {
    let dir = TempDir::new("replaced");
    drop(App::open(config(&dir)).await.unwrap());
    std::fs::remove_file(dir.join("data").join(SESSION_KEY)).unwrap();
    App::open(config(&dir)).await.unwrap();
}
