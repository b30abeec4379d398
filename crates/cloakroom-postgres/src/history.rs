use cloakroom_core::{EndedPage, EndedSession, History, HistoryQuery, SessionId, StoreAnswer};

use crate::PostgresStore;
use crate::row::{ended_columns, ended_session};
use crate::text::stored;

/// Sorts behind every id that can be issued.
const LAST: SessionId = SessionId::from_bytes([0xff; 16]);

pub(crate) const ONE: &str =
    concat!("SELECT ", ended_columns!(), " FROM {schema}.ended_session WHERE id = $1");

pub(crate) const NEWEST: &str = concat!(
    "SELECT ",
    ended_columns!(),
    " FROM {schema}.ended_session WHERE user_id IS NOT NULL AND id < $1 ORDER BY id DESC LIMIT $2"
);

pub(crate) const NAMED: &str = concat!(
    "SELECT ",
    ended_columns!(),
    " FROM {schema}.ended_session WHERE user_id IS NOT NULL AND id < $1 AND user_name = $3
     ORDER BY id DESC LIMIT $2"
);

impl History for PostgresStore {
    fn ended(&self, id: SessionId) -> StoreAnswer<'_, Option<EndedSession>> {
        let sql = &self.sql.ended;
        self.database.read("look up an ended session", sql, vec![id.into()], |rows| {
            rows.first().map(ended_session).transpose()
        })
    }

    fn history(&self, query: HistoryQuery) -> StoreAnswer<'_, EndedPage> {
        let limit = query.limit.max(1);
        // One more than asked for shows whether there is a next page.
        let most = limit.saturating_add(1);
        let mut values = vec![query.after.unwrap_or(LAST).into(), most.into()];
        let sql = match &query.name {
            None => &self.sql.history,
            Some(name) => {
                values.push((&*stored(name)).into());
                &self.sql.history_named
            }
        };
        self.database.read("list ended sessions", sql, values, move |rows| {
            let items: Result<Vec<_>, _> = rows.iter().map(ended_session).collect();
            Ok(page(items?, limit as usize))
        })
    }
}

fn page(mut items: Vec<EndedSession>, limit: usize) -> EndedPage {
    let is_last = items.len() <= limit;
    items.truncate(limit);
    let next = items.last().filter(|_| !is_last).map(|item| item.id);
    EndedPage { items, next }
}
