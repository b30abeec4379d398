//! Seeing who is logged in. Each page is one statement, and looks at a bounded number of rows.

use cloakroom_core::{
    Browse, Counts, Cursor, NameMatch, Page, Query, SessionId, StoreAnswer, Summary, Timestamp,
    UserId,
};
use tokio_postgres::Row;

use crate::row::{Decoded, only, record, record_columns, session_id, text, unsigned};
use crate::text::stored;
use crate::{PostgresStore, Value};

const MOST_OF_ONE_USER: u32 = 1_000;

/// Expired sessions that one page passes over at most. It ends there, so that its cost is bounded
/// however many wait to be swept.
const MOST_PASSED: u32 = 1_000;

/// Sorts behind every id that can be issued.
const LAST: SessionId = SessionId::from_bytes([0xff; 16]);

/// The column behind those of a record: whether it is live.
const IS_LIVE: usize = 19;

/// Sorts behind every name there can be.
const LAST_LETTERS: &str = "\u{10ffff}\u{10ffff}\u{10ffff}\u{10ffff}";

/// Live rows behind a position, at most $2, and the one with which so many expired ones ($3) were
/// passed over. $1 is the moment; $4 bounds the rows that are looked at.
macro_rules! walk {
    ($condition:expr, $order:expr) => {
        concat!(
            "SELECT ",
            record_columns!(),
            ", is_live FROM (SELECT *, deadline > $1 AS is_live,
                count(*) FILTER (WHERE deadline <= $1) OVER (ORDER BY ",
            $order,
            "
                    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS passed
            FROM {schema}.session WHERE user_id IS NOT NULL AND ",
            $condition,
            "
            ORDER BY ",
            $order,
            " LIMIT $4) AS looked_at
            WHERE is_live OR passed = $3 ORDER BY ",
            $order,
            " LIMIT $2"
        )
    };
}

pub(crate) const NEWEST: &str = walk!("id < $5", "id DESC");

pub(crate) const NAMED: &str = walk!("coalesce(user_name, '') = $6 AND id < $5", "id DESC");

/// What is left of the name $6 behind the id $5, then the names behind it and before $7.
pub(crate) const BEGINNING: &str = concat!(
    "SELECT * FROM ((",
    walk!("coalesce(user_name, '') = $6 AND id < $5", "id DESC"),
    ") UNION ALL (",
    walk!(
        "coalesce(user_name, '') > $6 AND coalesce(user_name, '') < $7",
        "coalesce(user_name, ''), id DESC"
    ),
    ")) AS both_parts ORDER BY coalesce(user_name, ''), id DESC"
);

pub(crate) const OF_USER: &str = concat!(
    "SELECT ",
    record_columns!(),
    " FROM {schema}.session WHERE user_id IS NOT NULL AND user_id = $1 AND deadline > $2
     ORDER BY id DESC LIMIT $3"
);

pub(crate) const COUNTS: &str =
    "SELECT sum(sessions)::bigint, sum(anonymous)::bigint FROM {schema}.counter";

impl Browse for PostgresStore {
    fn sessions(&self, query: Query) -> StoreAnswer<'_, Page> {
        let mut values = Walk::of(&query).values(query.now);
        let before = query.after.as_ref().map_or(LAST, |cursor| cursor.id);
        let sql = match &query.name {
            None => {
                values.push(before.into());
                &self.sql.newest
            }
            Some(NameMatch::Exact(name)) => {
                let (at, before) = start(&query, name);
                if at != name {
                    return StoreAnswer::ready(Ok(Page::default()));
                }
                values.extend([before.into(), (&*stored(at)).into()]);
                &self.sql.named
            }
            Some(NameMatch::Prefix(prefix)) => {
                let (at, before) = start(&query, prefix);
                let end = behind(&stored(prefix));
                values.extend([before.into(), (&*stored(at)).into(), end.into()]);
                &self.sql.beginning
            }
        };
        self.database.read("list sessions", sql, values, move |rows| {
            let mut walk = Walk::of(&query);
            walk.along(&rows)?;
            Ok(walk.page())
        })
    }

    fn sessions_of(&self, user: UserId, now: Timestamp) -> StoreAnswer<'_, Vec<Summary>> {
        let values = vec![(&user).into(), now.into(), MOST_OF_ONE_USER.into()];
        self.database.read("list a user's sessions", &self.sql.of_user, values, |rows| {
            rows.iter().map(|row| Ok(Summary::from(&record(row)?))).collect()
        })
    }

    fn counts(&self, now: Timestamp) -> StoreAnswer<'_, Counts> {
        self.database.read("count sessions", &self.sql.counts, Vec::new(), move |rows| {
            let row = only(&rows)?;
            Ok(Counts { sessions: unsigned(row, 0)?, anonymous: unsigned(row, 1)?, as_of: now })
        })
    }
}

/// The name and id behind which a list by name goes on. A made-up cursor does not reach rows
/// that the search does not.
fn start<'a>(query: &'a Query, least: &'a str) -> (&'a str, SessionId) {
    match &query.after {
        None => (least, LAST),
        Some(Cursor { id, name }) => (name.as_deref().unwrap_or(least).max(least), *id),
    }
}

/// The first text behind all that begin with `prefix`.
fn behind(prefix: &str) -> String {
    let mut letters: Vec<char> = prefix.chars().collect();
    while let Some(last) = letters.pop() {
        // Behind U+D7FF come the numbers that are no letters.
        let next = (u32::from(last) + 1..=0x10_ffff).find_map(char::from_u32);
        if let Some(next) = next {
            letters.push(next);
            return letters.into_iter().collect();
        }
    }
    LAST_LETTERS.repeat(64)
}

/// A page in the making.
struct Walk {
    limit: usize,
    /// Whether the list is ordered by name.
    by_name: bool,
    items: Vec<Summary>,
    /// Where the next page begins, once this one is full.
    next: Option<Cursor>,
}

impl Walk {
    fn of(query: &Query) -> Self {
        let by_name = matches!(query.name, Some(NameMatch::Prefix(_)));
        let limit = query.limit.max(1) as usize;
        Self { limit, by_name, items: Vec::new(), next: None }
    }

    /// One live row more than asked for shows whether there is a next page.
    fn values(&self, now: Timestamp) -> Vec<Value> {
        let live = u32::try_from(self.limit).unwrap_or(u32::MAX).saturating_add(1);
        let looked_at = live.saturating_add(MOST_PASSED);
        vec![now.into(), live.into(), MOST_PASSED.into(), looked_at.into()]
    }

    /// Takes rows until the page is full.
    fn along(&mut self, rows: &[Row]) -> Decoded<()> {
        for row in rows {
            if self.next.is_some() {
                break;
            }
            self.take(row)?;
        }
        Ok(())
    }

    fn take(&mut self, row: &Row) -> Decoded<()> {
        if !row.try_get::<_, bool>(IS_LIVE)? {
            // The one with which it is enough.
            self.next = Some(self.position(session_id(row, 0)?, text(row, 7)?.as_deref()));
        } else if self.items.len() < self.limit {
            self.items.push(Summary::from(&record(row)?));
        } else {
            let last = self.items.last();
            self.next = last.map(|item| self.position(item.id, item.user_name.as_deref()));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_prefix_is_behind_all_that_begin_with_it() {
        for (prefix, end) in [("ab", "ac"), ("a\u{10ffff}", "b"), ("a\u{d7ff}", "a\u{e000}")] {
            assert_eq!(behind(prefix), end);
        }
        assert!(behind("") > "\u{10ffff}x".repeat(60));
        assert!(*behind("\u{10ffff}") > *"\u{10ffff}\u{10ffff}x");
    }
}
