//! Files of earlier versions.

use std::path::Path;

use cloakroom_core::{Browse, History, Keys, RevocationLog, Store};
use cloakroom_sqlite::SqliteStore;
use cloakroom_sqlite::rusqlite::Connection;

use crate::support::{START, Scratch, guard, logout, put, session};

const SESSIONS: &str = include_str!("../../migrations/0001_sessions.sql");
const LOG: &str = include_str!("../../migrations/0002_log.sql");

/// What was done to a new file before tables had a prefix.
const CLAIM: &str = "PRAGMA application_id = 0x434C4B52; PRAGMA journal_mode = wal;
    CREATE TABLE schema_version (component TEXT NOT NULL PRIMARY KEY, version INTEGER NOT NULL)
    STRICT, WITHOUT ROWID;";

/// Makes a file as it was when these steps were all there were.
fn made_by(steps: &[&str], file: &Path) -> Connection {
    let old = Connection::open(file).unwrap();
    old.execute_batch(CLAIM).unwrap();
    for step in steps {
        old.execute_batch(step).unwrap();
    }
    let version = i64::try_from(steps.len()).unwrap();
    old.execute("INSERT INTO schema_version VALUES ('session', ?1)", [version]).unwrap();
    old
}

/// Copies all rows of a file of today into tables of an earlier one.
fn fill(old: &Connection, from: &Path) {
    old.execute("ATTACH ?1 AS new", [from.to_str().unwrap()]).unwrap();
    // Triggers count the sessions.
    for table in ["session", "session_data", "ended_session", "user_epoch"] {
        let list = format!(
            "SELECT group_concat(name) FROM pragma_table_xinfo('{table}') WHERE hidden = 0"
        );
        let columns: String = old.query_row(&list, [], |row| row.get(0)).unwrap();
        let copy = format!(
            "INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.cloakroom_{table}"
        );
        old.execute(&copy, []).unwrap();
    }
}

/// Every name and definition, without what `RENAME` writes differently.
fn schema(file: &Path) -> Vec<(String, String)> {
    let connection = Connection::open(file).unwrap();
    let mut statement = connection
        .prepare("SELECT name, ifnull(sql, '') FROM sqlite_schema WHERE type <> 'x' ORDER BY name")
        .unwrap();
    let rows = statement.query_map([], |row| {
        let (name, sql): (String, String) = (row.get(0)?, row.get(1)?);
        Ok((name, sql.replace('"', "")))
    });
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

#[tokio::test]
async fn a_file_from_before_the_prefix_opens_with_all_its_sessions() {
    for steps in [&[SESSIONS, LOG][..], &[SESSIONS][..]] {
        let (scratch, source) = (Scratch::new(), Scratch::new());
        let (live, ended) = (session(Some("ann")), session(Some("bob")));
        let (id, ended_id) = (live.record.id, ended.record.id);
        {
            let store = SqliteStore::open(source.file()).unwrap();
            store.insert(live).await.unwrap();
            store.insert(ended).await.unwrap();
            store.update(guard(id), vec![put("a", "1")], Default::default()).await.unwrap();
            store.end(logout(ended_id)).await.unwrap();
        }
        fill(&made_by(steps, &scratch.file()), &source.file());
        let store = SqliteStore::open(scratch.file()).unwrap();
        assert!(store.load(id, START).await.unwrap().is_some());
        let data = store.read(id, START, Keys::All).await.unwrap().unwrap();
        assert_eq!((&*data[0].key, data[0].version), ("a", 1));
        assert!(store.ended(ended_id).await.unwrap().is_some());
        assert_eq!(store.counts(START).await.unwrap().sessions, 1);
        // Ends are counted, logged and final, as in a new file.
        assert_eq!(store.end(logout(id)).await.unwrap().count, 1);
        assert_eq!(store.counts(START).await.unwrap().sessions, 0);
        assert_eq!(store.log_after(None, 10).await.unwrap().entries.len(), 1);
        assert!(store.read(id, START, Keys::All).await.unwrap().is_none());
    }
}

#[test]
fn old_and_new_files_come_to_the_same_tables_indexes_and_triggers() {
    let (old, new) = (Scratch::new(), Scratch::new());
    drop(made_by(&[SESSIONS], &old.file()));
    drop(SqliteStore::open(old.file()).unwrap());
    drop(SqliteStore::open(new.file()).unwrap());
    let without_space = |schema: Vec<(String, String)>| -> Vec<(String, String)> {
        let plain = schema.into_iter();
        plain.map(|(name, sql)| (name, sql.split_whitespace().collect())).collect()
    };
    assert_eq!(without_space(schema(&old.file())), without_space(schema(&new.file())));
}

#[test]
fn every_name_in_a_file_begins_with_the_prefix() {
    let scratch = Scratch::new();
    drop(SqliteStore::open(scratch.file()).unwrap());
    let ours = |name: &str| {
        name.starts_with("cloakroom_") || name.starts_with("sqlite_autoindex_cloakroom_")
    };
    for (name, _) in schema(&scratch.file()) {
        assert!(ours(&name), "{name}");
    }
}
