use std::sync::atomic::{AtomicU32, Ordering};

use super::testing::{TestDatabase, on_every_database};
use super::*;

const TABLES: Tables = Tables {
    component: "note",
    sqlite: &[
        "CREATE TABLE cloakroom_note (name TEXT PRIMARY KEY, number INTEGER, bytes BLOB) STRICT",
    ],
    sqlite_begin: None,
    postgres: &[
        "CREATE TABLE {schema}.note (name TEXT COLLATE \"C\" PRIMARY KEY, number BIGINT, bytes BYTEA)",
    ],
};

const INSERT: &str = "INSERT INTO cloakroom_note (name, number, bytes) VALUES (?1, ?2, ?3)";
const NUMBER: &str = "SELECT number FROM cloakroom_note WHERE name = ?1";

async fn open(database: &TestDatabase) -> Sql {
    let sql = database.node().await;
    sql.migrate(&TABLES).await.unwrap();
    sql
}

async fn add(sql: &Sql, name: &str, number: Option<i64>) {
    let values = vec![name.into(), Value::Int(number), Value::Bytes(None)];
    assert_eq!(sql.write_one("add", INSERT, values).await.unwrap(), 1);
}

async fn number(sql: &Sql, name: &str) -> Option<i64> {
    let found = sql.read_one("look", NUMBER, &[name.into()], |row| row.column(0)).await;
    found.unwrap().unwrap()
}

async fn values_of_every_type_come_back_and_so_does_null(database: &TestDatabase) {
    let sql = open(database).await;
    let values = vec!["ünï".into(), i64::MIN.into(), (&[0_u8, 255]).into()];
    sql.write_one("add", INSERT, values).await.unwrap();
    add(&sql, "none", None).await;
    let all = "SELECT name, number, bytes FROM cloakroom_note ORDER BY name";
    let read = |row: &Row| {
        let found: (String, Option<i64>, Option<[u8; 2]>) =
            (row.column(0)?, row.column(1)?, row.column(2)?);
        Ok(found)
    };
    let found = sql.read("list", all, &[], read).await.unwrap();
    let expected =
        [("none".to_owned(), None, None), ("ünï".to_owned(), Some(i64::MIN), Some([0, 255]))];
    assert_eq!(found, expected);
}

async fn names_compare_byte_by_byte(database: &TestDatabase) {
    let sql = open(database).await;
    for name in ["b", "B", "a", "ä", "a-b", "ab"] {
        add(&sql, name, None).await;
    }
    let all = "SELECT name FROM cloakroom_note WHERE name > ?1 ORDER BY name";
    let found: Vec<String> =
        sql.read("list", all, &["".into()], |row| row.column(0)).await.unwrap();
    assert_eq!(found, ["B", "a", "a-b", "ab", "b", "ä"]);
    // A text that one engine cannot hold is found on neither.
    assert!(sql.read_one("look", NUMBER, &["a\0".into()], |_| Ok(())).await.unwrap().is_none());
}

async fn a_write_that_fails_halfway_leaves_nothing(database: &TestDatabase) {
    let sql = open(database).await;
    add(&sql, "taken", Some(1)).await;
    let failed = sql.write("add two", (), |(), transaction| {
        Box::pin(async move {
            for name in ["free", "taken"] {
                let values = [name.into(), 2_i64.into(), Value::Bytes(None)];
                transaction.run(INSERT, &values).await?;
            }
            Ok(())
        })
    });
    assert!(matches!(failed.await, Err(StoreError::Failed { .. })));
    let all = "SELECT name FROM cloakroom_note";
    let found: Vec<String> = sql.read("list", all, &[], |row| row.column(0)).await.unwrap();
    assert_eq!(found, ["taken"]);
}

async fn increments_of_two_nodes_at_once_are_all_there(database: &TestDatabase) {
    let nodes = [open(database).await, open(database).await];
    add(&nodes[0], "count", Some(0)).await;
    let tasks: Vec<_> = (0..100)
        .map(|task| {
            let sql = nodes[task % 2].clone().patience(Duration::from_secs(30));
            tokio::spawn(async move {
                let write = sql.write("count", (), |(), transaction| {
                    Box::pin(async move {
                        let row = transaction.row(NUMBER, &["count".into()]).await?;
                        let found: i64 = row.ok_or(SqlError::Missing)?.column(0)?;
                        let set = "UPDATE cloakroom_note SET number = ?1 WHERE name = 'count'";
                        transaction.run(set, &[(found + 1).into()]).await.map(drop)
                    })
                });
                write.await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(number(&nodes[1], "count").await, Some(100));
}

async fn nodes_that_start_at_once_make_the_tables_once(database: &TestDatabase) {
    let nodes = (0..4).map(|_| open(database));
    for node in futures_of(nodes).await {
        assert!(
            node.read("list", "SELECT name FROM cloakroom_note", &[], |_| Ok(())).await.is_ok()
        );
    }
}

/// What all come to, at once.
async fn futures_of<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut waiting: Vec<_> = all.map(|one| Box::pin(one)).collect();
    let mut done = Vec::new();
    std::future::poll_fn(move |context| {
        waiting.retain_mut(|one| match one.as_mut().poll(context) {
            std::task::Poll::Ready(value) => {
                done.push(value);
                false
            }
            std::task::Poll::Pending => true,
        });
        if waiting.is_empty() {
            std::task::Poll::Ready(std::mem::take(&mut done))
        } else {
            std::task::Poll::Pending
        }
    })
    .await
}

on_every_database!(
    a_write_that_fails_halfway_leaves_nothing,
    increments_of_two_nodes_at_once_are_all_there,
    names_compare_byte_by_byte,
    nodes_that_start_at_once_make_the_tables_once,
    values_of_every_type_come_back_and_so_does_null,
);

#[tokio::test]
async fn steps_that_wait_for_something_else_are_a_fault_and_hold_up_nobody() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let database = TestDatabase::sqlite().unwrap();
    let sql = open(&database).await;
    let waiting = sql.write("wait", (), |(), _| {
        RUNS.fetch_add(1, Ordering::Relaxed);
        Box::pin(std::future::pending::<Result<(), SqlError>>())
    });
    assert!(matches!(waiting.await, Err(StoreError::Failed { .. })));
    assert_eq!(RUNS.load(Ordering::Relaxed), 1);
    add(&sql, "next", None).await;
}
