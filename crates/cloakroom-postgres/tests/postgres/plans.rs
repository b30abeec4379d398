use std::time::Duration;

use cloakroom_core::{
    Carry, HistoryQuery, Keys, LimitPolicy, NameMatch, Query, RevocationLog, Selector, Touch,
};
use cloakroom_postgres::PostgresStore;
use cloakroom_testkit::Subject;
use cloakroom_testkit::fixtures::{
    Draft, IDLE, START, at, guard, logout, offer, promote, rotation, sweep, user, write,
};
use cloakroom_testkit::servers::Postgres;

use super::support::{patient, runtime};

/// Enough of everything that reading it all would never be the better plan.
const FILL: &str = "
    INSERT INTO cloakroom.session (id, digest, renewal_counter, renewal_since, user_id, user_name,
        groups, epoch, generation, created_at, last_seen_at, idle_timeout, absolute_deadline,
        remembered)
    SELECT gen_random_uuid(), sha256(n::text::bytea), 0, 0,
        CASE WHEN n % 3 > 0 THEN 'user-' || n / 6 END,
        CASE WHEN n % 3 > 0 THEN 'user-' || n / 6 END, '{}', 0, 0, 1767225600000,
        1767225600000 + n, 3600000, 1767225600000 + 86400000, false
    FROM generate_series(1, 20000) AS n;
    INSERT INTO cloakroom.session_data (session_id, key, json, version)
    SELECT id, 'key-' || n, '1', n FROM cloakroom.session, generate_series(1, 2) AS n;
    INSERT INTO cloakroom.ended_session (id, user_id, user_name, created_at, last_seen_at,
        ended_at, reason)
    SELECT gen_random_uuid(), CASE WHEN n % 3 > 0 THEN 'user-' || n / 6 END,
        CASE WHEN n % 3 > 0 THEN 'user-' || n / 6 END, 0, 0, 1767225600000 + n, 'logout'
    FROM generate_series(1, 20000) AS n;
    INSERT INTO cloakroom.user_epoch SELECT 'user-' || n, 0 FROM generate_series(1, 20000) AS n;
    INSERT INTO cloakroom.log SELECT n, 'ended', gen_random_uuid(), NULL, 0, 1767225600000 + n
    FROM generate_series(1, 20000) AS n;
    UPDATE cloakroom.log_head SET number = 20000;
    ANALYZE";

async fn every_duty(store: &PostgresStore) {
    let log = store.clone();
    let store = Subject::new(store.clone());
    let visitor = store.add(Draft::anonymous().data("cart", "1")).await;
    let epoch = store.epoch(user("user-7")).await;
    let login = || Draft::of("user-7").epoch(epoch).limit(1, LimitPolicy::EndOldest).data("k", "1");
    store.add(login().replacing(visitor, Carry::Keys(vec!["cart".to_owned()]))).await;
    let id = store.add(login()).await;
    store.load(id, START).await;
    store.read(id, START, Keys::All).await;
    store.value(id, START, "k").await;
    store.update(guard(id, START), vec![write("k", "2"), write("l", "3")]).await;
    store.renew(guard(id, START), offer(0, "next")).await;
    store.renew(guard(id, START), promote("next")).await;
    store.rotate(guard(id, START), rotation(2, "new")).await;
    store.touch(at(9), vec![Touch { id, seen_at: at(9) }]).await;
    store.regroup(user("user-7"), vec!["a".to_owned()], START).await;
    let names = [NameMatch::Exact("user-7".into()), NameMatch::Prefix("user-7".into())];
    for name in names.into_iter().map(Some).chain([None]) {
        store.sessions(Query { name, after: None, limit: 20, now: START }).await;
    }
    store.sessions_of(user("user-7"), START).await;
    store.counts(START).await;
    for name in [None, Some("user-7".to_owned())] {
        store.history(HistoryQuery { name, after: None, limit: 20 }).await;
    }
    store.ended(id).await;
    store.end_session(id, at(9)).await;
    store.end(logout(Selector::UserExcept(user("user-7"), id), at(9))).await;
    let late = START.after(IDLE).after(Duration::from_secs(3));
    store.sweep(cloakroom_core::Sweep { history_before: at(5), ..sweep(late, 50) }).await;
    let page = log.log_after(None, 20).await.expect("it answers");
    log.log_after(Some(page.next), 20).await.expect("it answers");
}

/// Every statement that runs, those within the functions too, is explained in the server's log.
#[test]
fn no_statement_reads_a_whole_table() {
    let server = Postgres::builder()
        .setting("session_preload_libraries", "auto_explain")
        .setting("auto_explain.log_min_duration", "0")
        .setting("auto_explain.log_nested_statements", "on")
        .start();
    let Some(server) = server else { return };
    runtime().block_on(async {
        PostgresStore::open(&server.url()).await.expect("the schema is made");
        server.run("postgres", FILL);
        let already = server.log().len();
        // Our connections tell the planner to use indexes; here it has to want to by itself.
        let url = format!("{}?options=-c%20enable_seqscan%3Don", server.url());
        let mut options = patient();
        options.connections = 1;
        let store = PostgresStore::within(options.connect(&url).await.expect("it opens")).await;
        let store = store.expect("the schema is there");
        // Often enough that plans for any parameters are made.
        for _ in 0..8 {
            every_duty(&store).await;
        }
        let log = server.log().split_off(already);
        assert!(log.contains("Index Scan using session_pkey"), "plans are in the log");
        let tables = ["session", "session_data", "ended_session", "user_epoch", "log"];
        let whole: Vec<&str> = log
            .split("LOG:  duration:")
            .filter(|plan| tables.iter().any(|table| scans(plan, table)))
            .collect();
        assert!(whole.is_empty(), "{}", whole.join("\n"));
    });
}

fn scans(plan: &str, table: &str) -> bool {
    plan.lines().any(|line| {
        let scanned = line.split("Seq Scan on ").nth(1);
        scanned.is_some_and(|rest| rest.split(' ').next() == Some(table))
    })
}
