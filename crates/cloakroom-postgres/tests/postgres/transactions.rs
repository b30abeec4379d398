use cloakroom_core::StoreError;
use cloakroom_postgres::{Database, Fault, Migrations};
use cloakroom_testkit::eventually;

use super::support::{Place, runtime};

const TABLE: Migrations = Migrations {
    component: "count",
    steps: &["CREATE TABLE {schema}.count (value bigint NOT NULL);
        INSERT INTO {schema}.count VALUES (0)"],
};

async fn database(place: &Place) -> Database {
    let database = place.options().connect(&place.url()).await.expect("it opens");
    database.migrate(&TABLE).await.expect("the table is made");
    database
}

async fn value(database: &Database) -> i64 {
    let sql = database.sql("SELECT value FROM {schema}.count");
    let value = database.read("read", &sql, Vec::new(), |rows| Ok(rows[0].try_get(0)?));
    value.await.expect("it is there")
}

/// Reads, and writes one more: right only if nobody else does so in between.
async fn increment(database: Database) -> Result<i64, StoreError> {
    let read = database.sql("SELECT value FROM {schema}.count");
    let write = database.sql("UPDATE {schema}.count SET value = $1");
    let done = database.write("increment", move |transaction| {
        let (read, write) = (read.clone(), write.clone());
        async move {
            let rows = transaction.query(&read, &[]).await?;
            let next = rows[0].try_get::<_, i64>(0)? + 1;
            transaction.execute(&write, &[next.into()]).await?;
            Ok(next)
        }
    });
    done.await
}

#[test]
fn concurrent_transactions_come_to_what_they_come_to_one_by_one() {
    for place in [Place::start(), Place::behind_a_pooler()] {
        let Some(place) = place else { return };
        runtime().block_on(async {
            let database = database(&place).await;
            let tasks = (0..4).map(|_| {
                let database = database.clone();
                tokio::spawn(async move {
                    let mut done = 0;
                    for _ in 0..10 {
                        // One that was in others' way too often has failed, and done nothing.
                        done += i64::from(increment(database.clone()).await.is_ok());
                    }
                    done
                })
            });
            let mut done = 0;
            for task in tasks.collect::<Vec<_>>() {
                done += task.await.expect("it does not panic");
            }
            assert_eq!(value(&database).await, done);
            assert!(done >= 20, "only {done} of 40 came through");
        });
    }
}

#[test]
fn a_statement_that_a_change_of_the_table_made_stale_is_prepared_again() {
    let Some(place) = Place::start() else { return };
    runtime().block_on(async {
        let mut options = place.options();
        options.connections = 1;
        let database = options.connect(&place.url()).await.expect("it opens");
        database.migrate(&TABLE).await.expect("the table is made");
        let raise = database.sql("UPDATE {schema}.count SET value = value + 1 RETURNING *");
        let by_call = || {
            let raise = raise.clone();
            database.call("raise", &raise, Vec::new(), |rows| Ok(rows[0].try_get::<_, i64>(0)?))
        };
        let by_write = || {
            let raise = raise.clone();
            database.write("raise", move |transaction| {
                let raise = raise.clone();
                async move { Ok(transaction.query(&raise, &[]).await?[0].try_get::<_, i64>(0)?) }
            })
        };
        let widen = |column: &str| {
            let schema = database.schema();
            let alter = format!("ALTER TABLE {schema}.count ADD COLUMN {column} int");
            place.server.run("postgres", &alter);
        };
        assert_eq!(by_call().await.expect("it is prepared"), 1);
        widen("one");
        assert_eq!(by_call().await.expect("it is prepared again"), 2);
        widen("two");
        assert_eq!(by_write().await.expect("it is prepared again"), 3);
    });
}

#[test]
fn what_fails_is_rolled_back() {
    let Some(place) = Place::start() else { return };
    runtime().block_on(async {
        let database = database(&place).await;
        let write = database.sql("UPDATE {schema}.count SET value = 7");
        let failed = database.write("fail", move |transaction| {
            let write = write.clone();
            async move {
                transaction.execute(&write, &[]).await?;
                Err::<(), Fault>("no".into())
            }
        });
        let error = failed.await.expect_err("it failed");
        assert!(matches!(error, StoreError::Failed { .. }), "{error:?}");
        assert_eq!(value(&database).await, 0);
    });
}

#[test]
fn a_statement_that_failed_unseen_fails_its_transaction() {
    let Some(place) = Place::start() else { return };
    runtime().block_on(async {
        let database = database(&place).await;
        let sql = ["UPDATE {schema}.count SET value = 7", "SELECT nonsense"];
        let sql = sql.map(|sql| database.sql(sql));
        let failed = database.write("fail", move |transaction| {
            let [write, wrong] = sql.clone();
            async move {
                transaction.execute(&write, &[]).await?;
                assert!(transaction.query(&wrong, &[]).await.is_err());
                Ok(())
            }
        });
        let error = failed.await.expect_err("PostgreSQL commits nothing of it");
        assert!(matches!(error, StoreError::Failed { .. }), "{error:?}");
        assert_eq!(value(&database).await, 0);
    });
}

#[test]
fn law_9_a_transaction_whose_answer_is_dropped_runs_to_its_end() {
    let Some(place) = Place::start() else { return };
    runtime().block_on(async {
        let database = &database(&place).await;
        let write = database.sql("UPDATE {schema}.count SET value = 7");
        drop(database.write("write", move |transaction| {
            let write = write.clone();
            async move { transaction.execute(&write, &[]).await }
        }));
        eventually("the write", || async { value(database).await == 7 }).await;
    });
}
