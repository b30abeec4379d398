use cloakroom_core::{
    Answer, EndedPage, EndedSession, History, HistoryQuery, SessionId, StoreAnswer,
};
use rusqlite::{Connection, OptionalExtension, Result};

use crate::SqliteStore;
use crate::row::{ended_columns, ended_session};

/// Sorts behind every id that can be issued.
const LAST: SessionId = SessionId::from_bytes([0xff; 16]);

const ONE: &str =
    concat!("SELECT ", ended_columns!(), " FROM cloakroom_ended_session WHERE id = ?1");

const NEWEST: &str = concat!(
    "SELECT ",
    ended_columns!(),
    " FROM cloakroom_ended_session WHERE user_id IS NOT NULL AND id < ?1 ORDER BY id DESC LIMIT ?2"
);

const NAMED: &str = concat!(
    "SELECT ",
    ended_columns!(),
    " FROM cloakroom_ended_session WHERE user_id IS NOT NULL AND id < ?1 AND user_name = ?3
     ORDER BY id DESC LIMIT ?2"
);

impl History for SqliteStore {
    fn ended(&self, id: SessionId) -> StoreAnswer<'_, Option<EndedSession>> {
        Answer::ready(self.database.read("look up an ended session", |database| {
            let mut statement = database.prepare_cached(ONE)?;
            statement.query_row([id.as_bytes()], ended_session).optional()
        }))
    }

    fn history(&self, query: HistoryQuery) -> StoreAnswer<'_, EndedPage> {
        Answer::ready(self.database.read("list ended sessions", |database| page(database, &query)))
    }
}

fn page(database: &Connection, query: &HistoryQuery) -> Result<EndedPage> {
    let limit = query.limit.max(1);
    // One more than asked for shows whether there is a next page.
    let mut items = list(database, query, limit.saturating_add(1))?;
    let is_last = items.len() <= limit as usize;
    items.truncate(limit as usize);
    let next = items.last().filter(|_| !is_last).map(|item| item.id);
    Ok(EndedPage { items, next })
}

fn list(database: &Connection, query: &HistoryQuery, most: u32) -> Result<Vec<EndedSession>> {
    let before = query.after.unwrap_or(LAST);
    let before = before.as_bytes();
    match &query.name {
        None => {
            let mut statement = database.prepare_cached(NEWEST)?;
            statement.query_map((before, most), ended_session)?.collect()
        }
        Some(name) => {
            let mut statement = database.prepare_cached(NAMED)?;
            statement.query_map((before, most, name), ended_session)?.collect()
        }
    }
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&str] = &[ONE, NEWEST, NAMED];
