//! What is wrong with a file is said plainly, and the file is left as it was.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use cloakroom_core::Store;
use cloakroom_sqlite::rusqlite::Connection;
use cloakroom_sqlite::{Database, Migrations, OpenError, Options, SqliteStore};

use crate::child;
use crate::support::{Scratch, put, session};

/// Opens the file, which must be refused and stay as it is; the refusal without the path.
fn refusal(file: &Path) -> String {
    let before = fs::read(file).unwrap();
    let error = SqliteStore::open(file).unwrap_err();
    assert!(before == fs::read(file).unwrap(), "the file was changed");
    without_path(&error.to_string(), file)
}

fn without_path(text: &str, file: &Path) -> String {
    text.replace(&file.display().to_string(), "FILE")
}

/// A database of many pages, closed.
async fn filled(scratch: &Scratch) {
    let store = SqliteStore::open(scratch.file()).unwrap();
    for _ in 0..20 {
        let mut new = session(Some("ann"));
        new.data = vec![("long".to_owned(), "1".repeat(5_000))];
        store.insert(new).await.unwrap();
    }
}

#[test]
fn a_file_of_something_else_is_refused() {
    let scratch = Scratch::new();
    fs::write(scratch.file(), "a letter to a friend, long enough for a header ".repeat(200))
        .unwrap();
    assert_eq!(refusal(&scratch.file()), "FILE is not an SQLite database. Nothing was changed");
    fs::write(scratch.file(), [0; 8192]).unwrap();
    assert_eq!(refusal(&scratch.file()), "FILE is not an SQLite database. Nothing was changed");
}

#[tokio::test]
async fn a_truncated_file_is_refused() {
    let scratch = Scratch::new();
    filled(&scratch).await;
    let bytes = fs::read(scratch.file()).unwrap();
    fs::write(scratch.file(), &bytes[..bytes.len() / 2]).unwrap();
    let refusal = refusal(&scratch.file());
    assert_eq!(
        refusal,
        "FILE is damaged: database disk image is malformed. Nothing was changed; restore a backup"
    );
}

#[tokio::test]
async fn a_file_with_a_damaged_page_is_refused() {
    let scratch = Scratch::new();
    filled(&scratch).await;
    let mut bytes = fs::read(scratch.file()).unwrap();
    // The root page of the table of sessions.
    bytes[4096 * 3..4096 * 3 + 64].fill(0x55);
    fs::write(scratch.file(), &bytes).unwrap();
    let refusal = refusal(&scratch.file());
    assert!(refusal.starts_with("FILE is damaged: "), "{refusal}");
    assert!(refusal.ends_with(". Nothing was changed; restore a backup"), "{refusal}");
}

#[test]
fn a_database_of_another_program_is_refused() {
    let scratch = Scratch::new();
    let other = Connection::open(scratch.file()).unwrap();
    other.execute_batch("CREATE TABLE recipe (title TEXT)").unwrap();
    drop(other);
    let expected = "FILE is an SQLite database of another program. Nothing was changed";
    assert_eq!(refusal(&scratch.file()), expected);
}

#[test]
fn a_newer_schema_is_refused_with_both_versions() {
    let scratch = Scratch::new();
    drop(SqliteStore::open(scratch.file()).unwrap());
    let newer = Connection::open(scratch.file()).unwrap();
    newer.execute_batch("UPDATE cloakroom_schema_version SET version = 7").unwrap();
    drop(newer);
    assert_eq!(
        refusal(&scratch.file()),
        "FILE has version 7 of the session tables; this program knows versions up to 4. Nothing \
         was changed; start the newer program"
    );
}

#[test]
fn a_directory_is_not_a_file() {
    let scratch = Scratch::new();
    let error = SqliteStore::open(scratch.directory()).unwrap_err().to_string();
    let said = without_path(&error, scratch.directory());
    assert_eq!(said, "FILE is a directory; the path of a file is needed");
}

#[test]
fn a_missing_directory_is_named_and_not_made() {
    let scratch = Scratch::new();
    let missing = scratch.directory().join("missing");
    let error = SqliteStore::open(missing.join("sessions.db")).unwrap_err().to_string();
    let said = without_path(&error, &missing);
    assert_eq!(said, "FILE/sessions.db cannot be opened: there is no directory FILE");
    assert!(!missing.exists());
}

#[test]
fn a_read_only_file_is_named() {
    let scratch = Scratch::new();
    drop(SqliteStore::open(scratch.file()).unwrap());
    fs::set_permissions(scratch.directory(), fs::Permissions::from_mode(0o777)).unwrap();
    fs::set_permissions(scratch.file(), fs::Permissions::from_mode(0o444)).unwrap();
    let before = fs::read(scratch.file()).unwrap();
    let said = child::run_bound_by_permissions("open", &scratch.file());
    assert_eq!(without_path(&said, &scratch.file()), "FILE is read-only for this user");
    assert!(before == fs::read(scratch.file()).unwrap());
}

#[test]
fn a_file_that_may_not_be_read_is_named() {
    let scratch = Scratch::new();
    drop(SqliteStore::open(scratch.file()).unwrap());
    fs::set_permissions(scratch.directory(), fs::Permissions::from_mode(0o777)).unwrap();
    fs::set_permissions(scratch.file(), fs::Permissions::from_mode(0o000)).unwrap();
    let said = child::run_bound_by_permissions("open", &scratch.file());
    let expected = "FILE cannot be opened: Permission denied (os error 13)";
    assert_eq!(without_path(&said, &scratch.file()), expected);
}

#[test]
fn a_read_only_directory_is_named() {
    let scratch = Scratch::new();
    fs::set_permissions(scratch.directory(), fs::Permissions::from_mode(0o555)).unwrap();
    let said = child::run_bound_by_permissions("open", &scratch.file());
    let expected =
        "the directory FILE is read-only for this user; the database needs to write there";
    assert_eq!(without_path(&said, scratch.directory()), expected);
}

#[test]
fn a_file_that_stays_locked_is_named() {
    let scratch = Scratch::new();
    let other = Connection::open(scratch.file()).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let options = Options { busy_timeout: Duration::from_millis(30), ..Options::default() };
    let error = options.open(scratch.file()).unwrap_err();
    let said = without_path(&error.to_string(), &scratch.file());
    assert_eq!(said, "FILE is locked by another program");
}

#[test]
fn an_empty_file_becomes_a_database() {
    let scratch = Scratch::new();
    fs::write(scratch.file(), "").unwrap();
    SqliteStore::open(scratch.file()).unwrap();
}

#[tokio::test]
async fn what_was_written_is_there_after_opening_again() {
    let scratch = Scratch::new();
    let mut new = session(Some("ann"));
    new.data = vec![("a".to_owned(), "1".to_owned())];
    let id = new.record.id;
    let store = SqliteStore::open(scratch.file()).unwrap();
    store.insert(new).await.unwrap();
    let guard = crate::support::guard(id);
    store.update(guard, vec![put("b", "2")], Default::default()).await.unwrap();
    drop(store);
    let store = SqliteStore::open(scratch.file()).unwrap();
    let entries = store.read(id, crate::support::START, cloakroom_core::Keys::All).await.unwrap();
    let entries = entries.unwrap();
    let found: Vec<_> = entries.iter().map(|entry| (&*entry.key, entry.version)).collect();
    assert_eq!(found, [("a", 1), ("b", 2)]);
}

#[test]
fn components_keep_their_own_versions_in_one_file() {
    const FIRST: &[&str] = &["CREATE TABLE user (name TEXT) STRICT"];
    const BOTH: &[&str] = &[FIRST[0], "ALTER TABLE user ADD COLUMN email TEXT"];
    let scratch = Scratch::new();
    let database = Database::open(scratch.file()).unwrap();
    SqliteStore::within(database.clone()).unwrap();
    let old = Migrations { component: "user", steps: FIRST, begin: None };
    let new = Migrations { component: "user", steps: BOTH, begin: None };
    database.migrate(&old).unwrap();
    database.migrate(&new).unwrap();
    database.migrate(&new).unwrap();
    let refused = database.migrate(&old).unwrap_err();
    assert!(matches!(refused, OpenError::Newer { component: "user", found: 2, known: 1, .. }));
    SqliteStore::within(database).unwrap();
}

#[test]
fn a_step_that_fails_leaves_the_version_before_it() {
    const FIRST: &str = "CREATE TABLE user (name TEXT) STRICT";
    const HALF: &str = "CREATE TABLE half (x INT); CREATE TABLE user (y INT)";
    let scratch = Scratch::new();
    let database = Database::open(scratch.file()).unwrap();
    let broken = Migrations { component: "user", steps: &[FIRST, HALF], begin: None };
    let error = crate::support::told(&database.migrate(&broken).unwrap_err());
    assert!(error.contains("table user already exists"), "{error}");
    let mended =
        Migrations { component: "user", steps: &[FIRST, "CREATE TABLE half (x INT)"], begin: None };
    database.migrate(&mended).unwrap();
}
