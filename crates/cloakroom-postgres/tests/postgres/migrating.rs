use cloakroom_core::Store;
use cloakroom_postgres::{Database, Migrations, OpenError, PostgresStore};
use cloakroom_testkit::Subject;
use cloakroom_testkit::fixtures::{Draft, START};

use super::support::{Place, runtime};

const FIRST: Migrations = Migrations {
    component: "notes",
    steps: &["CREATE TABLE {schema}.note (id bigint PRIMARY KEY);
        INSERT INTO {schema}.note VALUES (1)"],
};

const SECOND: Migrations = Migrations {
    component: "notes",
    steps: &[FIRST.steps[0], "ALTER TABLE {schema}.note ADD COLUMN text text DEFAULT 'old'"],
};

const BROKEN: Migrations = Migrations {
    component: "notes",
    steps: &[FIRST.steps[0], "DELETE FROM {schema}.note; SELECT nonsense"],
};

async fn notes(database: &Database) -> String {
    let sql = database.sql("SELECT string_agg(note::text, ';') FROM {schema}.note");
    let notes = database.read("read the notes", &sql, Vec::new(), |rows| Ok(rows[0].try_get(0)?));
    notes.await.expect("the table is there")
}

#[test]
fn several_nodes_start_at_once_on_an_empty_database() {
    let Some(place) = Place::start() else { return };
    let options = place.options();
    runtime().block_on(async {
        let starts = (0..8).map(|_| {
            let (options, url) = (options.clone(), place.url());
            tokio::spawn(async move {
                let database = options.connect(&url).await?;
                PostgresStore::within(database).await
            })
        });
        let mut nodes = Vec::new();
        for start in starts.collect::<Vec<_>>() {
            nodes.push(start.await.expect("it does not panic").expect("it starts"));
        }
        let id = Subject::new(nodes[0].clone()).add(Draft::of("ada")).await;
        for node in nodes {
            assert!(node.load(id, START).await.expect("it answers").is_some());
        }
    });
}

#[test]
fn steps_are_taken_once_and_what_is_there_stays() {
    let Some(place) = Place::start() else { return };
    runtime().block_on(async {
        let database = place.options().connect(&place.url()).await.expect("it opens");
        for _ in 0..2 {
            database.migrate(&FIRST).await.expect("the first step is taken");
            assert_eq!(notes(&database).await, "(1)");
        }
        database.migrate(&SECOND).await.expect("the second step is taken");
        assert_eq!(notes(&database).await, "(1,old)");
    });
}

#[test]
fn an_older_program_refuses_newer_tables() {
    let Some(place) = Place::start() else { return };
    runtime().block_on(async {
        let database = place.options().connect(&place.url()).await.expect("it opens");
        database.migrate(&SECOND).await.expect("both steps are taken");
        let error = database.migrate(&FIRST).await.expect_err("it is older");
        assert!(matches!(error, OpenError::Newer { found: 2, known: 1, .. }), "{error:?}");
        assert_eq!(notes(&database).await, "(1,old)");
    });
}

#[test]
fn a_step_that_fails_leaves_nothing_of_itself() {
    let Some(place) = Place::start() else { return };
    runtime().block_on(async {
        let database = place.options().connect(&place.url()).await.expect("it opens");
        let error = database.migrate(&BROKEN).await.expect_err("it is broken");
        assert!(error.to_string().contains("nonsense"), "{error}");
        assert_eq!(notes(&database).await, "(1)");
        database.migrate(&SECOND).await.expect("the mended step is taken");
    });
}
