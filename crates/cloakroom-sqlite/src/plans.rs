//! How SQLite carries out the statements: none that runs often reads a whole table.

use crate::{Database, SqliteStore, browse, history, log, store};

/// A database of this test only, removed afterwards.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let name = format!("cloakroom-sqlite-{name}-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).unwrap();
        Self(directory)
    }

    fn open(&self) -> Database {
        SqliteStore::open(self.0.join("test.db")).unwrap().database().clone()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn plan(database: &Database, sql: &str) -> Vec<String> {
    let explain = |connection: &rusqlite::Connection| {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
        let mut rows = statement.raw_query();
        let mut steps = Vec::new();
        while let Some(row) = rows.next()? {
            steps.push(row.get(3)?);
        }
        Ok(steps)
    };
    database.read("explain", explain).unwrap_or_else(|error| panic!("{sql}: {error:?}"))
}

fn every_statement() -> Vec<String> {
    let lists = browse::STATEMENTS.iter().chain(history::STATEMENTS).chain(log::STATEMENTS);
    lists.map(|sql| (*sql).to_owned()).chain(store::statements()).collect()
}

#[test]
fn no_statement_reads_a_whole_table() {
    let scratch = Scratch::new("scans");
    let database = scratch.open();
    for sql in every_statement() {
        let steps = plan(&database, &sql);
        let whole = steps.iter().find(|step| step.starts_with("SCAN") && !step.contains("INDEX"));
        let constant = whole.is_none_or(|step| step.contains("CONSTANT ROW"));
        // A subquery that is limited and searches an index by itself is scanned, not a table.
        let subquery = whole.is_none_or(|step| step.contains("(subquery"));
        assert!(constant || subquery, "{sql}\nis done so: {steps:#?}");
    }
}

#[test]
fn every_ordered_list_comes_in_the_order_of_an_index() {
    let scratch = Scratch::new("orders");
    let database = scratch.open();
    // The sessions of one user under a limit are few, and sorted.
    let lists = every_statement().into_iter().filter(|sql| sql.contains("LIMIT"));
    for sql in lists {
        let steps = plan(&database, &sql);
        let sorted = steps.iter().any(|step| step.contains("TEMP B-TREE"));
        assert!(!sorted, "{sql}\nis done so: {steps:#?}");
    }
}

#[test]
fn lists_use_the_index_made_for_them() {
    let scratch = Scratch::new("indexes");
    let database = scratch.open();
    let used = |sql: &str| plan(&database, sql).join("; ");
    let indexes = ["session_logged_in", "session_user", "session_name", "session_name"];
    for (sql, index) in browse::STATEMENTS.iter().zip(indexes) {
        assert!(used(sql).contains(index), "{sql}\nis done so: {}", used(sql));
    }
    let indexes = ["PRIMARY KEY", "ended_session_logged_in", "ended_session_name"];
    for (sql, index) in history::STATEMENTS.iter().zip(indexes) {
        assert!(used(sql).contains(index), "{sql}\nis done so: {}", used(sql));
    }
}
