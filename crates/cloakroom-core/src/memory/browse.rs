use std::cmp::Reverse;
use std::ops::Bound;

use super::Inner;
use super::history::NEWEST;
use super::merge::Merge;
use super::shard::LAST;
use crate::{
    Bucket, Cursor, EndedPage, EndedSession, HistoryQuery, NameMatch, Page, Query, SessionId,
    Summary, Timestamp, UserId,
};

const MOST_OF_ONE_USER: usize = 1_000;

/// Expired sessions that one page passes over at most.
const MOST_PASSED: usize = 1_000;

impl Inner {
    pub(super) fn page(&self, query: &Query) -> Page {
        match &query.name {
            None => self.newest_first(query),
            Some(NameMatch::Exact(name)) => self.named_first(query, name, true),
            Some(NameMatch::Prefix(prefix)) => self.named_first(query, prefix, false),
        }
    }

    fn newest_first(&self, query: &Query) -> Page {
        let start = query.after.as_ref().map(|cursor| Reverse(cursor.id));
        let fetch = |bucket: Bucket, last: Option<&Reverse<SessionId>>, most: usize| {
            let before = last.or(start.as_ref());
            let before = before.map_or(Bound::Unbounded, |Reverse(id)| Bound::Excluded(*id));
            let shard = self.shard(bucket);
            let behind = shard.named.range((Bound::Unbounded, before)).rev();
            let found: Vec<_> = behind.take(most).map(|(id, _)| Reverse(*id)).collect();
            let more = found.len() == most;
            (found, more)
        };
        self.fill(Merge::new(fetch).map(|Reverse(id)| Cursor { id, name: None }), query)
    }

    fn named_first(&self, query: &Query, name: &str, exact: bool) -> Page {
        let start = match &query.after {
            None => Bound::Included((Box::from(name), Reverse(LAST))),
            Some(cursor) => {
                // A made-up cursor must not reach rows that the search does not.
                let at = cursor.name.as_deref().unwrap_or(name).max(name);
                Bound::Excluded((Box::from(at), Reverse(cursor.id)))
            }
        };
        let matches = |found: &str| if exact { found == name } else { found.starts_with(name) };
        let fetch = |bucket: Bucket, last: Option<&(Box<str>, Reverse<SessionId>)>, most: usize| {
            let from = last.map_or(start.clone(), |last| Bound::Excluded(last.clone()));
            let shard = self.shard(bucket);
            let behind = shard.by_name.range((from, Bound::Unbounded));
            let matching = behind.take_while(|(found, _)| matches(found));
            let found: Vec<_> = matching.take(most).cloned().collect();
            let more = found.len() == most;
            (found, more)
        };
        let cursor = |(found, Reverse(id)): (Box<str>, Reverse<SessionId>)| Cursor {
            id,
            name: (!exact).then(|| found.into()),
        };
        self.fill(Merge::new(fetch).map(cursor), query)
    }

    fn fill(&self, rows: impl Iterator<Item = Cursor>, query: &Query) -> Page {
        let limit = query.limit.max(1) as usize;
        let (mut items, mut passed, mut last) = (Vec::new(), 0, None);
        for at in rows {
            match self.summary(at.id, query.now) {
                Some(_) if items.len() == limit => return Page { items, next: last },
                Some(summary) => {
                    items.push(summary);
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

    fn summary(&self, id: SessionId, now: Timestamp) -> Option<Summary> {
        let record = self.shard(id.bucket()).record(id, now)?;
        Some(Summary::from(&record))
    }

    pub(super) fn sessions_of(&self, user: &UserId, now: Timestamp) -> Vec<Summary> {
        let shard = self.shard(Bucket::of(user));
        let live = shard.ids_of(user).rev().filter_map(|id| shard.record(id, now));
        live.take(MOST_OF_ONE_USER).map(|record| Summary::from(&record)).collect()
    }

    pub(super) fn history(&self, query: &HistoryQuery) -> EndedPage {
        let start = query.after.unwrap_or(NEWEST);
        let fetch = |bucket: Bucket, last: Option<&Reverse<SessionId>>, most: usize| {
            let before = last.map_or(start, |Reverse(id)| *id);
            let newest = self.shard(bucket).history.newest(query.name.as_deref(), before, most);
            let more = newest.len() == most;
            (newest.into_iter().map(Reverse).collect(), more)
        };
        let rows = Merge::new(fetch).filter_map(|Reverse(id)| self.ended_if(id, query));
        let limit = query.limit.max(1) as usize;
        let mut items: Vec<_> = rows.take(limit + 1).collect();
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|ended| ended.id);
        EndedPage { items, next }
    }

    /// What ended, if it is still there and has the name asked for.
    fn ended_if(&self, id: SessionId, query: &HistoryQuery) -> Option<EndedSession> {
        let shard = self.shard(id.bucket());
        let ended = shard.history.ended(id, &shard.strings)?;
        let wanted = query.name.as_ref().is_none_or(|name| ended.user_name.as_ref() == Some(name));
        wanted.then_some(ended)
    }
}
