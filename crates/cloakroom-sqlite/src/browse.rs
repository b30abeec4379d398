use cloakroom_core::{
    Answer, Browse, Counts, Cursor, NameMatch, Page, Query, SessionId, StoreAnswer, Summary,
    Timestamp, UserId,
};
use rusqlite::{Connection, Params, Result};

use crate::SqliteStore;
use crate::row::{record, record_columns, unsigned};

const MOST_OF_ONE_USER: u32 = 1_000;

/// Sorts behind every id that can be issued.
const LAST: SessionId = SessionId::from_bytes([0xff; 16]);

macro_rules! select {
    ($($condition:expr),+) => {
        concat!("SELECT ", record_columns!(), " FROM session WHERE user_id IS NOT NULL ",
            $($condition),+)
    };
}

const NEWEST: &str = select!("AND deadline > ?1 AND id < ?3 ORDER BY id DESC LIMIT ?2");

const OF_USER: &str = select!("AND user_id = ?3 AND deadline > ?1 ORDER BY id DESC LIMIT ?2");

const NAMED: &str = select!(
    "AND deadline > ?1 AND ifnull(user_name, '') = ?3 AND id < ?4 ORDER BY id DESC LIMIT ?2"
);

/// Names behind ?3 that begin with ?4. Bytes of UTF-8 are all below 0xff.
const BEHIND_NAME: &str = select!(
    "AND deadline > ?1 AND ifnull(user_name, '') > ?3
     AND ifnull(user_name, '') < ?4 || CAST(x'ff' AS TEXT)
     ORDER BY ifnull(user_name, ''), id DESC LIMIT ?2"
);

const COUNTS: &str = "SELECT (SELECT value FROM counter WHERE name = 'sessions'),
    (SELECT value FROM counter WHERE name = 'anonymous')";

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
    let limit = query.limit.max(1);
    // One more than asked for shows whether there is a next page.
    let most = limit.saturating_add(1);
    let mut items = match &query.name {
        None => newest(database, query, most)?,
        Some(NameMatch::Exact(name)) => exactly(database, query, name, most)?,
        Some(NameMatch::Prefix(prefix)) => beginning(database, query, prefix, most)?,
    };
    let is_last = items.len() <= limit as usize;
    items.truncate(limit as usize);
    let next = items.last().filter(|_| !is_last).map(|item| position(item, query));
    Ok(Page { items, next })
}

fn position(item: &Summary, query: &Query) -> Cursor {
    let name = match query.name {
        Some(NameMatch::Prefix(_)) => Some(item.user_name.clone().unwrap_or_default()),
        Some(NameMatch::Exact(_)) | None => None,
    };
    Cursor { id: item.id, name }
}

fn newest(database: &Connection, query: &Query, most: u32) -> Result<Vec<Summary>> {
    let before = query.after.as_ref().map_or(LAST, |cursor| cursor.id);
    list(database, NEWEST, (query.now.unix_millis(), most, before.as_bytes()))
}

fn exactly(database: &Connection, query: &Query, name: &str, most: u32) -> Result<Vec<Summary>> {
    match start(query, name) {
        (at, _) if at != name => Ok(Vec::new()),
        (at, before) => named(database, query, at, before, most),
    }
}

/// What is left of the name at which the page before stopped, then the names behind it: either
/// part is a range of the index, however many sessions the name has.
fn beginning(
    database: &Connection,
    query: &Query,
    prefix: &str,
    most: u32,
) -> Result<Vec<Summary>> {
    let snapshot = database.unchecked_transaction()?;
    let (at, before) = start(query, prefix);
    let mut items = match at.starts_with(prefix) {
        true => named(&snapshot, query, at, before, most)?,
        false => Vec::new(),
    };
    let rest = most.saturating_sub(u32::try_from(items.len()).unwrap_or(u32::MAX));
    let behind = (query.now.unix_millis(), rest, at, prefix);
    items.extend(list(&snapshot, BEHIND_NAME, behind)?);
    Ok(items)
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
    most: u32,
) -> Result<Vec<Summary>> {
    list(database, NAMED, (query.now.unix_millis(), most, name, before.as_bytes()))
}

fn list(database: &Connection, sql: &str, parameters: impl Params) -> Result<Vec<Summary>> {
    let mut statement = database.prepare_cached(sql)?;
    let rows = statement.query_map(parameters, |row| Ok(Summary::from(&record(row)?)))?;
    rows.collect()
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&str] = &[NEWEST, OF_USER, NAMED, BEHIND_NAME, COUNTS];
