//! The file as other processes and other users meet it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use cloakroom_core::{Browse, Store};
use cloakroom_sqlite::SqliteStore;

use crate::child;
use crate::support::{START, Scratch, logout, session};

#[test]
fn files_are_readable_by_their_owner_only_whatever_the_umask() {
    let scratch = Scratch::new();
    let modes = child::run_after("umask 000", "modes", &scratch.file());
    assert_eq!(modes, "sessions.db 600, sessions.db-shm 600, sessions.db-wal 600");
}

#[test]
fn files_that_others_could_read_are_taken_back() {
    let scratch = Scratch::new();
    drop(SqliteStore::open(scratch.file()).unwrap());
    fs::set_permissions(scratch.file(), fs::Permissions::from_mode(0o664)).unwrap();
    let modes = child::run("modes", &scratch.file());
    assert_eq!(modes, "sessions.db 600, sessions.db-shm 600, sessions.db-wal 600");
}

#[tokio::test]
async fn two_handles_see_each_others_writes() {
    let scratch = Scratch::new();
    let one = SqliteStore::open(scratch.file()).unwrap();
    let other = SqliteStore::open(scratch.file()).unwrap();
    let new = session(Some("ann"));
    let id = new.record.id;
    one.insert(new).await.unwrap();
    assert!(other.load(id, START).await.unwrap().is_some());
    other.end(logout(id)).await.unwrap();
    assert!(one.load(id, START).await.unwrap().is_none());
}

#[tokio::test]
async fn two_processes_see_each_others_writes() {
    let scratch = Scratch::new();
    let store = SqliteStore::open(scratch.file()).unwrap();
    let id = child::run("insert", &scratch.file()).parse().unwrap();
    assert!(store.load(id, START).await.unwrap().is_some());
    assert_eq!(child::run(&format!("end {id}"), &scratch.file()), "1");
    assert!(store.load(id, START).await.unwrap().is_none());
}

#[tokio::test]
async fn processes_that_start_at_once_on_a_new_file_all_get_going() {
    let scratch = Scratch::new();
    let children: Vec<_> = (0..6).map(|_| child::start("insert", &scratch.file())).collect();
    let ids: Vec<_> = children.into_iter().map(child::answer).collect();
    let store = SqliteStore::open(scratch.file()).unwrap();
    for id in ids {
        assert!(store.load(id.parse().unwrap(), START).await.unwrap().is_some(), "{id}");
    }
    assert_eq!(store.counts(START).await.unwrap().sessions, 6);
}

#[test]
fn threads_that_open_a_new_file_at_once_all_get_going() {
    let scratch = Scratch::new();
    let file = scratch.file();
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| SqliteStore::open(&file).unwrap());
        }
    });
}

#[tokio::test]
async fn a_closed_database_is_one_file() {
    let scratch = Scratch::new();
    let store = SqliteStore::open(scratch.file()).unwrap();
    store.insert(session(None)).await.unwrap();
    drop(store);
    let files: Vec<_> = fs::read_dir(scratch.directory())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(files, ["sessions.db"]);
}

#[test]
fn a_full_disk_makes_an_outcome_unknown_and_the_writer_goes_on() {
    let scratch = Scratch::new();
    // The limit on the size of files would kill the process by a signal.
    let said = child::run_after("trap '' XFSZ", "fill", &scratch.file());
    assert_eq!(said, "unknown, false, done");
}
