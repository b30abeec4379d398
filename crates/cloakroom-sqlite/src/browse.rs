use cloakroom_core::{
    Answer, Browse, Counts, Cursor, NameMatch, Page, Query, SessionId, StoreAnswer, Summary,
    Timestamp, UserId,
};
use rusqlite::{Connection, Params, Result, Row};

use crate::SqliteStore;
use crate::row::{record, record_columns, session_id, text, unsigned};

const MOST_OF_ONE_USER: u32 = 1_000;

/// Expired sessions that one page passes over at most. It ends there, so that its cost is bounded
/// however many wait to be swept.
const MOST_PASSED: u32 = 1_000;

/// Sorts behind every id that can be issued.
const LAST: SessionId = SessionId::from_bytes([0xff; 16]);

macro_rules! select {
    ($($condition:expr),+) => {
        concat!("SELECT ", record_columns!(), ", deadline > ?1 FROM cloakroom_session
            WHERE user_id IS NOT NULL ", $($condition),+)
    };
}

/// The column behind those of a record.
const IS_LIVE: usize = 19;

const NEWEST: &str = select!("AND id < ?3 ORDER BY id DESC LIMIT ?2");

const OF_USER: &str = select!("AND user_id = ?3 AND deadline > ?1 ORDER BY id DESC LIMIT ?2");

const NAMED: &str = select!("AND ifnull(user_name, '') = ?3 AND id < ?4 ORDER BY id DESC LIMIT ?2");

/// Names behind ?3 that begin with ?4. Bytes of UTF-8 are all below 0xff.
const BEHIND_NAME: &str = select!(
    "AND ifnull(user_name, '') > ?3
     AND ifnull(user_name, '') < ?4 || CAST(x'ff' AS TEXT)
     ORDER BY ifnull(user_name, ''), id DESC LIMIT ?2"
);

const COUNTS: &str = "SELECT (SELECT value FROM cloakroom_counter WHERE name = 'sessions'),
    (SELECT value FROM cloakroom_counter WHERE name = 'anonymous')";

impl Browse for SqliteStore {
    fn sessions(&self, query: Query) -> StoreAnswer<'_, Page> {
        Answer::ready(self.database.read("list sessions", |database| page(database, &query)))
    }

    fn sessions_of(&self, user: UserId, now: Timestamp) -> StoreAnswer<'_, Vec<Summary>> {
        let parameters = (now.unix_millis(), MOST_OF_ONE_USER, user.as_str());
        Answer::ready(
            self.database
                .read("list a user's sessions", |database| list(database, OF_USER, parameters)),
        )
    }

    fn counts(&self, now: Timestamp) -> StoreAnswer<'_, Counts> {
        Answer::ready(self.database.read("count sessions", |database| {
            database.prepare_cached(COUNTS)?.query_row([], |row| {
                Ok(Counts { sessions: unsigned(row, 0)?, anonymous: unsigned(row, 1)?, as_of: now })
            })
        }))
    }
}

fn page(database: &Connection, query: &Query) -> Result<Page> {
    let mut walk = Walk::of(query);
    match &query.name {
        None => newest(database, query, &mut walk)?,
        Some(NameMatch::Exact(name)) => exactly(database, query, name, &mut walk)?,
        Some(NameMatch::Prefix(prefix)) => beginning(database, query, prefix, &mut walk)?,
    }
    Ok(walk.page())
}

fn newest(database: &Connection, query: &Query, walk: &mut Walk) -> Result<()> {
    let before = query.after.as_ref().map_or(LAST, |cursor| cursor.id);
    walk.along(database, NEWEST, (query.now.unix_millis(), walk.most_rows(), before.as_bytes()))
}

fn exactly(database: &Connection, query: &Query, name: &str, walk: &mut Walk) -> Result<()> {
    match start(query, name) {
        (at, _) if at != name => Ok(()),
        (at, before) => named(database, query, at, before, walk),
    }
}

/// What is left of the name at which the page before stopped, then the names behind it: either
/// part is a range of the index, however many sessions the name has.
fn beginning(database: &Connection, query: &Query, prefix: &str, walk: &mut Walk) -> Result<()> {
    let snapshot = database.unchecked_transaction()?;
    let (at, before) = start(query, prefix);
    if at.starts_with(prefix) {
        named(&snapshot, query, at, before, walk)?;
    }
    walk.along(&snapshot, BEHIND_NAME, (query.now.unix_millis(), walk.most_rows(), at, prefix))
}

/// The name and id behind which a list by name goes on. A made-up cursor does not reach rows
/// that the search does not.
fn start<'a>(query: &'a Query, least: &'a str) -> (&'a str, SessionId) {
    match &query.after {
        None => (least, LAST),
        Some(Cursor { id, name }) => (name.as_deref().unwrap_or(least).max(least), *id),
    }
}

fn named(
    database: &Connection,
    query: &Query,
    name: &str,
    before: SessionId,
    walk: &mut Walk,
) -> Result<()> {
    let parameters = (query.now.unix_millis(), walk.most_rows(), name, before.as_bytes());
    walk.along(database, NAMED, parameters)
}

/// A page in the making.
struct Walk {
    limit: usize,
    /// Whether the list is ordered by name.
    by_name: bool,
    items: Vec<Summary>,
    passed: u32,
    /// Where the next page begins, once this one is full.
    next: Option<Cursor>,
}

impl Walk {
    fn of(query: &Query) -> Self {
        let by_name = matches!(query.name, Some(NameMatch::Prefix(_)));
        let limit = query.limit.max(1) as usize;
        Self { limit, by_name, items: Vec::new(), passed: 0, next: None }
    }

    /// One live row more than asked for shows whether there is a next page.
    fn most_rows(&self) -> u32 {
        u32::try_from(self.limit).unwrap_or(u32::MAX).saturating_add(1).saturating_add(MOST_PASSED)
    }

    /// Takes rows until the page is full; none if it is full already.
    fn along(&mut self, database: &Connection, sql: &str, parameters: impl Params) -> Result<()> {
        let mut statement = database.prepare_cached(sql)?;
        let mut rows = statement.query(parameters)?;
        while self.next.is_none() {
            let Some(row) = rows.next()? else { break };
            self.take(row)?;
        }
        Ok(())
    }

    fn take(&mut self, row: &Row<'_>) -> Result<()> {
        if row.get(IS_LIVE)? {
            if self.items.len() < self.limit {
                self.items.push(Summary::from(&record(row)?));
            } else {
                let last = self.items.last();
                self.next = last.map(|item| self.position(item.id, item.user_name.as_deref()));
            }
            return Ok(());
        }
        self.passed += 1;
        if self.passed == MOST_PASSED {
            self.next = Some(self.position(session_id(row, 0)?, text(row, 7)?.as_deref()));
        }
        Ok(())
    }

    fn position(&self, id: SessionId, name: Option<&str>) -> Cursor {
        Cursor { id, name: self.by_name.then(|| name.unwrap_or_default().to_owned()) }
    }

    fn page(self) -> Page {
        Page { items: self.items, next: self.next }
    }
}

fn list(database: &Connection, sql: &str, parameters: impl Params) -> Result<Vec<Summary>> {
    let mut statement = database.prepare_cached(sql)?;
    let rows = statement.query_map(parameters, |row| Ok(Summary::from(&record(row)?)))?;
    rows.collect()
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&str] = &[NEWEST, OF_USER, NAMED, BEHIND_NAME, COUNTS];
