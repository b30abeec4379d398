//! The writer: writes that wait together share a commit, and every answer comes after it.

use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};

use crate::support::{START, Scratch, guard, logout, put, session, told};
use cloakroom_core::{Store, StoreError};
use cloakroom_sqlite::rusqlite::{self, Connection};
use cloakroom_sqlite::{Activity, Database, Migrations, Options, SqliteStore};

const NOTES: Migrations = Migrations {
    component: "notes",
    steps: &["CREATE TABLE note (text TEXT NOT NULL UNIQUE) STRICT"],
    begin: None,
};

fn notes(scratch: &Scratch) -> Database {
    let database = Database::open(scratch.file()).unwrap();
    database.migrate(&NOTES).unwrap();
    database
}

fn note(text: &'static str) -> impl FnOnce(&Connection) -> rusqlite::Result<()> + Send {
    move |connection| connection.execute("INSERT INTO note (text) VALUES (?1)", [text]).map(drop)
}

fn count_notes(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("SELECT count(*) FROM note", [], |row| row.get(0))
}

/// Holds the writer until it is released.
struct Gate {
    entered: mpsc::Receiver<()>,
    release: mpsc::Sender<()>,
}

impl Gate {
    fn new() -> (Self, impl FnOnce(&Connection) -> rusqlite::Result<()> + Send + 'static) {
        let (enter, entered) = mpsc::channel();
        let (release, released) = mpsc::channel();
        let wait = move |_: &Connection| {
            enter.send(()).unwrap();
            released.recv().unwrap();
            Ok(())
        };
        (Self { entered, release }, wait)
    }

    fn wait_until_entered(&self) {
        self.entered.recv().unwrap();
    }

    fn open(&self) {
        self.release.send(()).unwrap();
    }
}

fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn writes_that_wait_together_share_one_commit() {
    let scratch = Scratch::new();
    let store = SqliteStore::open(scratch.file()).unwrap();
    let (gate, wait) = Gate::new();
    let held = store.database().write("hold the writer", wait);
    gate.wait_until_entered();
    let answers: Vec<_> = (0..200).map(|_| store.insert(session(Some("ann")))).collect();
    gate.open();
    held.await.unwrap();
    for answer in answers {
        answer.await.unwrap();
    }
    let Activity { writes, transactions } = store.database().activity();
    assert_eq!((writes, transactions), (201, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_need_fewer_commits_than_writes() {
    let scratch = Scratch::new();
    let store = SqliteStore::open(scratch.file()).unwrap();
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                for _ in 0..5 {
                    store.insert(session(Some("ann"))).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let Activity { writes, transactions } = store.database().activity();
    assert_eq!(writes, 320);
    assert!(transactions < 200, "{writes} writes took {transactions} transactions");
}

#[tokio::test]
async fn no_answer_comes_before_the_commit_not_even_gone() {
    let scratch = Scratch::new();
    let store = SqliteStore::open(scratch.file()).unwrap();
    let (first, hold) = Gate::new();
    let (second, hold_the_transaction) = Gate::new();
    let held = store.database().write("hold the writer", hold);
    first.wait_until_entered();
    let new = session(Some("ann"));
    let id = new.record.id;
    let absent = session(None).record.id;
    let mut inserted = store.insert(new);
    let mut gone = store.update(guard(absent), vec![put("a", "1")], Default::default());
    let last = store.database().write("hold the transaction", hold_the_transaction);
    first.open();
    held.await.unwrap();
    second.wait_until_entered();
    assert!(poll_once(&mut inserted).is_pending(), "an insert was answered before its commit");
    assert!(poll_once(&mut gone).is_pending(), "a refusal was answered before its commit");
    assert!(store.load(id, START).await.unwrap().is_none());
    second.open();
    inserted.await.unwrap();
    gone.await.unwrap();
    last.await.unwrap();
    assert!(store.load(id, START).await.unwrap().is_some());
}

#[tokio::test]
async fn a_read_sees_what_was_answered_before_it() {
    let scratch = Scratch::new();
    let store = SqliteStore::open(scratch.file()).unwrap();
    for _ in 0..50 {
        let new = session(Some("ann"));
        let id = new.record.id;
        store.insert(new).await.unwrap();
        assert!(store.load(id, START).await.unwrap().is_some());
        store.end(logout(id)).await.unwrap();
        assert!(store.load(id, START).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_failed_write_takes_nothing_else_of_its_transaction_with_it() {
    let scratch = Scratch::new();
    let database = notes(&scratch);
    let (gate, hold) = Gate::new();
    let held = database.write("hold the writer", hold);
    gate.wait_until_entered();
    let before = database.write("note", note("before"));
    let failing = database.write("note twice", |connection| {
        note("half")(connection)?;
        note("before")(connection)
    });
    let after = database.write("note", note("after"));
    gate.open();
    held.await.unwrap();
    before.await.unwrap();
    let error = failing.await.unwrap_err();
    assert!(matches!(error, StoreError::Failed { .. }), "{error:?}");
    assert!(told(&error).contains("failed to note twice: UNIQUE constraint failed: note.text"));
    after.await.unwrap();
    assert_eq!(database.activity().transactions, 2);
    assert_eq!(database.read("count", count_notes).unwrap(), 2);
}

#[tokio::test]
async fn a_panic_in_a_write_is_an_error_and_the_writer_goes_on() {
    let scratch = Scratch::new();
    let database = notes(&scratch);
    let panicking = database.write("panic", |connection| -> rusqlite::Result<()> {
        note("half")(connection)?;
        panic!("on purpose");
    });
    let error = panicking.await.unwrap_err();
    assert!(matches!(error, StoreError::Failed { .. }), "{error:?}");
    assert!(told(&error).contains("the write panicked; it was rolled back"));
    database.write("note", note("after")).await.unwrap();
    assert_eq!(database.read("count", count_notes).unwrap(), 1);
}

#[tokio::test]
async fn a_panic_in_a_read_leaves_the_readers_usable() {
    let scratch = Scratch::new();
    let options = Options { readers: 1, ..Options::default() };
    let database = options.open(scratch.file()).unwrap();
    database.migrate(&NOTES).unwrap();
    let reading = std::panic::AssertUnwindSafe(|| {
        database.read("panic", |connection| -> rusqlite::Result<()> {
            connection.execute_batch("BEGIN; SELECT * FROM note")?;
            panic!("on purpose");
        })
    });
    assert!(std::panic::catch_unwind(reading).is_err());
    database.write("note", note("one")).await.unwrap();
    assert_eq!(database.read("count", count_notes).unwrap(), 1);
}

#[tokio::test]
async fn a_lost_transaction_is_an_error_for_all_of_it_and_the_writer_goes_on() {
    let scratch = Scratch::new();
    let database = notes(&scratch);
    let (gate, hold) = Gate::new();
    let held = database.write("hold the writer", hold);
    gate.wait_until_entered();
    let before = database.write("note", note("before"));
    // What a full disk does.
    let lost = database.write("lose it", |connection| connection.execute_batch("ROLLBACK"));
    let after = database.write("note", note("after"));
    gate.open();
    held.await.unwrap();
    assert!(matches!(before.await.unwrap_err(), StoreError::Failed { .. }));
    assert!(matches!(lost.await.unwrap_err(), StoreError::Failed { .. }));
    after.await.unwrap();
    assert_eq!(database.read("count", count_notes).unwrap(), 1);
}

#[tokio::test]
async fn a_write_whose_answer_is_dropped_is_done_all_the_same() {
    let scratch = Scratch::new();
    let database = notes(&scratch);
    drop(database.write("note", note("dropped")));
    database.write("note", note("awaited")).await.unwrap();
    assert_eq!(database.read("count", count_notes).unwrap(), 2);
}

#[tokio::test]
async fn dropping_the_database_does_the_writes_that_wait() {
    let scratch = Scratch::new();
    let database = notes(&scratch);
    let (gate, hold) = Gate::new();
    let held = database.write("hold the writer", hold);
    gate.wait_until_entered();
    let waiting = database.write("note", note("late"));
    let dropping = std::thread::spawn(move || drop(database));
    gate.open();
    dropping.join().unwrap();
    held.await.unwrap();
    waiting.await.unwrap();
    let reopened = notes(&scratch);
    assert_eq!(reopened.read("count", count_notes).unwrap(), 1);
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let scratch = Scratch::new();
    let options = Options { queue: 1, ..Options::default() };
    let database = options.open(scratch.file()).unwrap();
    database.migrate(&NOTES).unwrap();
    let (gate, hold) = Gate::new();
    let held = database.write("hold the writer", hold);
    gate.wait_until_entered();
    let waiting = database.write("note", note("waiting"));
    let mut refused = database.write("note", note("refused"));
    let Poll::Ready(Err(error)) = poll_once(&mut refused) else { panic!("it was queued") };
    assert_eq!(told(&error), "the session store failed to note: busy: too many writes are waiting");
    gate.open();
    held.await.unwrap();
    waiting.await.unwrap();
    assert_eq!(database.read("count", count_notes).unwrap(), 1);
}

#[tokio::test]
async fn a_lock_held_by_another_program_is_a_definite_failure() {
    let scratch = Scratch::new();
    let options =
        Options { busy_timeout: std::time::Duration::from_millis(20), ..Options::default() };
    let database = options.open(scratch.file()).unwrap();
    database.migrate(&NOTES).unwrap();
    let other = Connection::open(scratch.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = database.write("note", note("one")).await.unwrap_err();
    assert!(matches!(error, StoreError::Failed { .. }), "{error:?}");
    assert!(told(&error).contains("database is locked"));
    other.execute_batch("COMMIT").unwrap();
    database.write("note", note("one")).await.unwrap();
}

#[tokio::test]
async fn a_commit_that_is_refused_before_it_wrote_is_a_definite_failure() {
    let scratch = Scratch::new();
    let database = Database::open(scratch.file()).unwrap();
    let tables = Migrations {
        component: "family",
        steps: &["CREATE TABLE parent (id INTEGER PRIMARY KEY);
            CREATE TABLE child (id INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED)"],
        begin: None,
    };
    database.migrate(&tables).unwrap();
    let orphan = database.write("add an orphan", |connection| {
        connection.execute("INSERT INTO child VALUES (1)", []).map(drop)
    });
    let error = orphan.await.unwrap_err();
    assert!(matches!(error, StoreError::Failed { .. }), "{error:?}");
    let children = database.read("count", |connection| {
        connection.query_row("SELECT count(*) FROM child", [], |row| row.get::<_, u32>(0))
    });
    assert_eq!(children.unwrap(), 0);
    database
        .write("add a parent", |connection| {
            connection.execute("INSERT INTO parent VALUES (1)", []).map(drop)
        })
        .await
        .unwrap();
}
