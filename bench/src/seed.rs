use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use cloakroom::sqlite::{SqliteStore, rusqlite};
use cloakroom::{Store, Timestamp};
use cloakroom_core::{Inserted, Sweep};
use cloakroom_testkit::fixtures::Draft;

use crate::request::USER_AGENT;

const HOUR: Duration = Duration::from_secs(3_600);

/// Inserts that wait together.
const TOGETHER: usize = 4_096;

/// Inserts sessions as fast as the store takes them.
pub async fn insert(store: &SqliteStore, drafts: impl Iterator<Item = Draft>) -> Result<()> {
    let mut drafts = drafts.peekable();
    while drafts.peek().is_some() {
        let waiting: Vec<_> =
            drafts.by_ref().take(TOGETHER).map(|draft| store.insert(draft.build())).collect();
        for insert in waiting {
            ensure!(matches!(insert.await?, Inserted::Done { .. }), "a session was not inserted");
        }
    }
    Ok(())
}

/// A login of `name` that began at `begun`, from a browser.
pub fn login(name: &str, begun: Timestamp) -> Draft {
    Draft::of(name).at(begun).absolute(90 * 24 * HOUR).with(|record| {
        record.client.address = Some("192.0.2.17".to_owned());
        record.client.user_agent = Some(USER_AGENT.to_owned());
    })
}

/// Puts logins into the file that have expired before `now`, in another order than they began, of
/// up to 100 000 people. A million of them are not waited for one by one: one statement without
/// syncs makes them, before anything is measured.
pub fn expired(path: &Path, count: usize, now: Timestamp) -> Result<()> {
    let database = rusqlite::Connection::open(path)?;
    database.execute_batch("PRAGMA synchronous = off; PRAGMA cache_size = -1000000")?;
    let first = now.before(72 * HOUR).unix_millis();
    database.execute(EXPIRED, (first, count as i64))?;
    database.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(())
}

/// Begun within eleven hours from ?1, idle after 1 to 25 hours; ?2 of them.
const EXPIRED: &str = "
WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?2 - 1)
INSERT INTO cloakroom_session (id, digest, renewal_counter, renewal_since, user_id, user_name, groups, epoch,
    generation, created_at, authenticated_at, last_seen_at, idle_timeout, absolute_deadline,
    remembered, client_address, user_agent)
SELECT unhex(printf('%012x', ?1 + i * 40000000 / ?2) || hex(randomblob(10))), randomblob(32), 0,
    ?1 + i * 40000000 / ?2, printf('gone%05d', i % 100000), printf('gone%05d', i % 100000),
    '[]', 0, 0, ?1 + i * 40000000 / ?2, ?1 + i * 40000000 / ?2, ?1 + i * 40000000 / ?2,
    3600000 + abs(random()) % 86400000, ?1 + 7776000000, 0, '192.0.2.17',
    'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
FROM n";

/// Sweeps until nothing is left.
pub async fn sweep_all(store: &SqliteStore, now: Timestamp) -> Result<()> {
    let order = Sweep { now, history_before: Timestamp::from_unix_millis(0), limit: 10_000 };
    while store.sweep(order).await?.sessions > 0 {}
    Ok(())
}
