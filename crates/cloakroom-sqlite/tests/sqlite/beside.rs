//! Sessions in the file of an application, beside its own tables.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use cloakroom_core::{Store, Timestamp};
use cloakroom_sqlite::rusqlite::Connection;
use cloakroom_sqlite::{Database, OpenError, Options, SqliteStore};

use crate::support::{Scratch, logout, session};

/// Has tables of the names that ours had, and of a person.
const APPLICATION: &str = "PRAGMA application_id = 77; PRAGMA user_version = 5;
    CREATE TABLE session (id INTEGER PRIMARY KEY, title TEXT);
    INSERT INTO session VALUES (1, 'a session of the parliament');
    CREATE TABLE schema_version (number INTEGER);
    CREATE TABLE person (id TEXT PRIMARY KEY, shoe_size INTEGER);
    INSERT INTO person VALUES ('ann', 38), ('bob', 44)";

fn application(scratch: &Scratch) -> Connection {
    let application = Connection::open(scratch.file()).unwrap();
    application.execute_batch(APPLICATION).unwrap();
    application
}

fn beside(scratch: &Scratch) -> Result<Database, OpenError> {
    Options { beside_other_tables: true, ..Options::default() }.open(scratch.file())
}

fn number(connection: &Connection, sql: &str) -> i64 {
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// A session that lives now, by the clock of the machine.
fn current(user: Option<&str>) -> cloakroom_core::NewSession {
    let mut new = session(user);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = Timestamp::from_unix_millis(now.as_millis().try_into().unwrap());
    (new.record.created_at, new.record.last_seen_at) = (now, now);
    new.record.absolute_deadline = now.after(std::time::Duration::from_secs(3600));
    new
}

#[tokio::test]
async fn sessions_live_beside_the_tables_of_an_application() {
    let scratch = Scratch::new();
    let application = application(&scratch);
    let store = SqliteStore::within(beside(&scratch).unwrap()).unwrap();
    let new = session(Some("ann"));
    let id = new.record.id;
    store.insert(new).await.unwrap();
    assert_eq!(store.end(logout(id)).await.unwrap().count, 1);
    assert_eq!(number(&application, "SELECT count(*) FROM session"), 1);
    assert_eq!(number(&application, "PRAGMA application_id"), 77);
    assert_eq!(number(&application, "PRAGMA user_version"), 5);
    drop(store);
    // Again, now that our tables are there.
    SqliteStore::within(beside(&scratch).unwrap()).unwrap();
    assert_eq!(number(&application, "PRAGMA application_id"), 77);
}

#[tokio::test]
async fn the_file_of_an_application_keeps_its_mode_and_a_new_one_stays_unmarked() {
    let scratch = Scratch::new();
    drop(application(&scratch));
    fs::set_permissions(scratch.file(), fs::Permissions::from_mode(0o640)).unwrap();
    drop(SqliteStore::within(beside(&scratch).unwrap()).unwrap());
    let mode = fs::metadata(scratch.file()).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o640);
    let fresh = Scratch::new();
    drop(SqliteStore::within(beside(&fresh).unwrap()).unwrap());
    let application = Connection::open(fresh.file()).unwrap();
    assert_eq!(number(&application, "PRAGMA application_id"), 0);
    application.execute_batch("CREATE TABLE person (id TEXT)").unwrap();
    SqliteStore::within(beside(&fresh).unwrap()).unwrap();
}

#[test]
fn a_name_of_ours_that_somebody_else_has_is_told_and_nothing_is_changed() {
    let scratch = Scratch::new();
    let application = application(&scratch);
    application.execute_batch("CREATE TABLE Cloakroom_counter (umbrellas INTEGER)").unwrap();
    drop(application);
    let before = fs::read(scratch.file()).unwrap();
    let error = beside(&scratch).unwrap_err();
    assert!(matches!(&error, OpenError::NameTaken { name, .. } if name == "Cloakroom_counter"));
    assert!(before == fs::read(scratch.file()).unwrap(), "the file was changed");
}

#[tokio::test]
async fn the_view_of_active_sessions_joins_to_an_applications_users_and_holds_no_secret() {
    let scratch = Scratch::new();
    let application = application(&scratch);
    let store = SqliteStore::within(beside(&scratch).unwrap()).unwrap();
    let (live, anonymous, expired) = (current(Some("ann")), current(None), session(Some("bob")));
    let id = live.record.id;
    for new in [live, anonymous, expired] {
        store.insert(new).await.unwrap();
    }
    let joined = application.query_row(
        "SELECT active.id, active.user_name, person.shoe_size
         FROM cloakroom_active_sessions AS active JOIN person ON person.id = active.user_id",
        [],
        |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?)),
    );
    assert_eq!(joined.unwrap(), (id.to_string(), "ann".to_owned(), 38));
    assert_eq!(number(&application, "SELECT count(*) FROM cloakroom_active_sessions"), 2);
    let view = application.prepare("SELECT * FROM cloakroom_active_sessions").unwrap();
    let columns = [
        "id",
        "user_id",
        "user_name",
        "groups",
        "created_at",
        "authenticated_at",
        "last_seen_at",
        "idle_deadline",
        "absolute_deadline",
        "remembered",
        "client_address",
        "user_agent",
    ];
    assert_eq!(view.column_names().collect::<Vec<_>>(), columns);
}
