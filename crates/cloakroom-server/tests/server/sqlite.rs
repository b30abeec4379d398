//! What only SQLite does, in the data directory, and what is only seen in its file.

use crate::metrics::{numbers, of};
use crate::support::{RECORDS, Site, endable, session_of};

/// Checks the file after a crash, where there is one.
#[track_caller]
pub(crate) fn check_integrity(site: &Site, seed: u64) {
    if !site.server.data_dir().join("cloakroom.db").exists() {
        return;
    }
    let verdict: String = site
        .sqlite()
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("the check runs");
    assert_eq!(verdict, "ok", "seed {seed}");
}

#[test]
fn a_page_is_not_empty_where_expired_sessions_lie_before_the_live_ones() {
    let (site, mut browser) = Site::with_admin("[sweep]\ninterval = \"1h\"\n");
    // Ids at random sort as newer than those of today.
    let filled = site.sqlite().execute(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
         INSERT INTO cloakroom_session (id, digest, renewal_counter, renewal_since, user_id, user_name,
             groups, epoch, generation, created_at, last_seen_at, idle_timeout, absolute_deadline,
             remembered)
         SELECT randomblob(16), digest, renewal_counter, renewal_since, user_id, user_name,
             groups, epoch, generation, created_at, last_seen_at, 0, absolute_deadline, remembered
         FROM n, (SELECT * FROM cloakroom_session LIMIT 1)",
        [],
    );
    assert_eq!(filled, Ok(2_500));
    let own = session_of(&browser);
    for path in ["/cloakroom/admin", "/cloakroom/admin?q=ada", "/cloakroom/admin?q=a*"] {
        let page = browser.get(path);
        assert_eq!(endable(&page), [own.as_str()], "{path}");
    }
}

#[test]
fn while_the_database_is_damaged_the_live_sessions_are_absent_and_no_error() {
    let (site, _ada) = Site::with_people(RECORDS, &[]);
    site.rename("counter", "away");
    let down = numbers(&site);
    assert!(!down.keys().any(|series| series.starts_with("cloakroom_sessions_live")));
    assert!(of(&down, "cloakroom_logins_total{outcome=\"success\"}") >= 1.0);
    site.rename("away", "counter");
    assert!(of(&numbers(&site), "cloakroom_sessions_live{kind=\"user\"}") >= 1.0);
}
