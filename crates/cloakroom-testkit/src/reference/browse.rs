use std::cmp::Reverse;
use std::ops::Bound;

use super::state::State;
use cloakroom_core::{
    Counts, Cursor, EndedPage, EndedSession, HistoryQuery, NameMatch, Page, Query, SessionId,
    Summary, Timestamp, UserId,
};

const MOST_OF_ONE_USER: usize = 1_000;

/// Expired sessions that one page passes over at most: it is made under the lock.
const MOST_PASSED: usize = 1_000;

impl State {
    pub(super) fn page(&self, query: &Query) -> Page {
        match &query.name {
            None => self.newest_first(query),
            Some(NameMatch::Exact(name)) => self.named_first(query, name, true),
            Some(NameMatch::Prefix(prefix)) => self.named_first(query, prefix, false),
        }
    }

    fn newest_first(&self, query: &Query) -> Page {
        let before = query.after.as_ref().map_or(Bound::Unbounded, |at| Bound::Excluded(at.id));
        let ids = self.named.range((Bound::Unbounded, before)).rev();
        self.fill(ids.map(|id| Cursor { id: *id, name: None }), query)
    }

    fn named_first(&self, query: &Query, name: &str, exact: bool) -> Page {
        let from = match &query.after {
            None => Bound::Included((name.to_owned(), Reverse(LAST))),
            Some(cursor) => {
                let at = cursor.name.clone().unwrap_or_else(|| name.to_owned());
                // A made-up cursor must not reach rows that the search does not.
                Bound::Excluded((at.max(name.to_owned()), Reverse(cursor.id)))
            }
        };
        let rows = self.by_name.range((from, Bound::Unbounded));
        let matching = rows.take_while(move |(found, _)| match exact {
            true => found == name,
            false => found.starts_with(name),
        });
        let position = |found: &str| (!exact).then(|| found.to_owned());
        let at = matching.map(|(found, Reverse(id))| Cursor { id: *id, name: position(found) });
        self.fill(at, query)
    }

    fn fill(&self, rows: impl Iterator<Item = Cursor>, query: &Query) -> Page {
        let limit = query.limit.max(1) as usize;
        let (mut items, mut passed, mut last) = (Vec::new(), 0, None);
        for at in rows {
            match self.live(at.id, query.now) {
                Some(_) if items.len() == limit => return Page { items, next: last },
                Some(row) => {
                    items.push(Summary::from(&*row.record));
                    last = Some(at);
                }
                None => {
                    passed += 1;
                    if passed == MOST_PASSED {
                        return Page { items, next: Some(at) };
                    }
                }
            }
        }
        Page { items, next: None }
    }

    pub(super) fn sessions_of(&self, user: &UserId, now: Timestamp) -> Vec<Summary> {
        let ids = self.ids_of(user).into_iter().rev();
        let live = ids.filter_map(|id| self.live(id, now));
        live.take(MOST_OF_ONE_USER).map(|row| Summary::from(&*row.record)).collect()
    }

    pub(super) fn counts(&self, now: Timestamp) -> Counts {
        Counts { sessions: self.named.len() as u64, anonymous: self.anonymous(), as_of: now }
    }

    pub(super) fn history(&self, query: &HistoryQuery) -> EndedPage {
        let before = query.after.map_or(Bound::Unbounded, Bound::Excluded);
        let rows = self.ended.range((Bound::Unbounded, before)).rev().map(|(_, ended)| ended);
        let wanted = rows.filter(|ended| ended.user.is_some() && matches(ended, query));
        let limit = query.limit.max(1) as usize;
        let mut items: Vec<_> = wanted.take(limit + 1).cloned().collect();
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|ended| ended.id);
        EndedPage { items, next }
    }
}

fn matches(ended: &EndedSession, query: &HistoryQuery) -> bool {
    query.name.as_ref().is_none_or(|name| ended.user_name.as_ref() == Some(name))
}

/// Sorts behind every id that can be issued.
const LAST: SessionId = SessionId::from_bytes([0xff; 16]);
