//! Seeing who is logged in.

use std::collections::BTreeMap;
use std::sync::Arc;

use cloakroom_core::{
    Browse, Bucket, Counts, Cursor, NameMatch, Page, Query, Record, SessionId, StoreAnswer,
    Summary, Timestamp, UserId,
};
use redis::Value;

use crate::RedisStore;
use crate::calls::Calls;
use crate::connection::Fault;
use crate::history::{behind, exclusive, first_of, id_in, member};
use crate::keys::Part;
use crate::merge::{Order, Walk};
use crate::record::{Strange, decode};
use crate::reply::{Parts, bytes, id_of, list, number_or_zero, optional_bytes};
use crate::tidy::{Dangling, Index};

const MOST_OF_ONE_USER: usize = 1_000;

/// Expired sessions that one page passes over at most. It ends there, so that its cost is bounded
/// however many wait to be swept.
const MOST_PASSED: usize = 1_000;

impl Browse for RedisStore {
    fn sessions(&self, query: Query) -> StoreAnswer<'_, Page> {
        self.calls.read("list sessions", move |calls| {
            let query = query.clone();
            async move { page(&calls, &query).await }
        })
    }

    fn sessions_of(&self, user: UserId, now: Timestamp) -> StoreAnswer<'_, Vec<Summary>> {
        self.calls.read("list a user's sessions", move |calls| {
            let user = user.clone();
            async move { of_user(&calls, &user, now).await }
        })
    }

    fn counts(&self, now: Timestamp) -> StoreAnswer<'_, Counts> {
        self.calls.read("count sessions", move |calls| async move { counts(&calls, now).await })
    }
}

async fn counts(calls: &Calls, now: Timestamp) -> Result<Counts, Fault> {
    let mut questions = redis::pipe();
    for bucket in Bucket::all() {
        let meta = calls.keys.of(bucket, Part::Meta);
        questions.cmd("HMGET").arg(meta).arg("sessions").arg("anonymous");
    }
    let mut counts = Counts { sessions: 0, anonymous: 0, as_of: now };
    for answer in calls.send_all(&questions).await? {
        let mut parts = Parts::of(answer)?;
        counts.sessions += number_or_zero(parts.next()?)?;
        counts.anonymous += number_or_zero(parts.next()?)?;
    }
    Ok(counts)
}

async fn page(calls: &Arc<Calls>, query: &Query) -> Result<Page, Fault> {
    let mut dangling = Dangling::default();
    let page = filled(calls, query, &mut dangling).await;
    dangling.drop_later(calls, query.now);
    page
}

async fn filled(calls: &Calls, query: &Query, dangling: &mut Dangling) -> Result<Page, Fault> {
    let limit = query.limit.max(1) as usize;
    let mut walk = Walk::new(order(query), limit.saturating_add(1));
    let mut filling = Filling { limit, items: Vec::new(), passed: 0, last: None };
    loop {
        let most = (limit + 1 - filling.items.len()).min(MOST_PASSED);
        let found = walk.take(calls, most).await?;
        if found.is_empty() {
            return Ok(Page { items: filling.items, next: None });
        }
        let rows = found.iter().filter_map(|(_, found)| {
            let cursor = cursor(query, &found.member)?;
            Some(cursor.map(|cursor| (cursor, found.member.as_slice())))
        });
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        let ids: Vec<SessionId> = rows.iter().map(|(cursor, _)| cursor.id).collect();
        for ((cursor, member), seen) in rows.into_iter().zip(live(calls, &ids, query.now).await?) {
            if matches!(seen, Seen::Nothing) {
                let index = if query.name.is_some() { Index::Names } else { Index::Ids };
                dangling.add(cursor.id, index, member);
            }
            if let Some(next) = filling.take(cursor, seen) {
                return Ok(Page { items: filling.items, next: Some(next) });
            }
        }
    }
}

/// A page in the making.
struct Filling {
    limit: usize,
    items: Vec<Summary>,
    passed: usize,
    last: Option<Cursor>,
}

impl Filling {
    /// Where the next page begins, if this one is full.
    fn take(&mut self, cursor: Cursor, seen: Seen) -> Option<Cursor> {
        match seen {
            Seen::Live(_) if self.items.len() == self.limit => self.last.take(),
            Seen::Live(record) => {
                self.items.push(Summary::from(&*record));
                self.last = Some(cursor);
                None
            }
            Seen::Dead | Seen::Nothing => {
                self.passed += 1;
                (self.passed == MOST_PASSED).then_some(cursor)
            }
        }
    }
}

fn order(query: &Query) -> Order {
    let after = |least: &str| {
        query.after.as_ref().map(|at| {
            // A made-up cursor must not reach rows that the search does not.
            let name = at.name.as_deref().unwrap_or(least).max(least);
            exclusive(&member(name, at.id))
        })
    };
    match &query.name {
        None => {
            let from = query.after.as_ref().map(|at| exclusive(at.id.as_bytes()));
            Order::Backwards { part: Part::Ids, from: from.unwrap_or_else(|| b"+".to_vec()) }
        }
        Some(NameMatch::Exact(name)) => {
            let from = after(name).unwrap_or_else(|| first_of(name));
            Order::Members { part: Part::Names, from, to: behind(name) }
        }
        Some(NameMatch::Prefix(prefix)) => {
            let from = after(prefix).unwrap_or_else(|| [b"[", prefix.as_bytes()].concat());
            // Bytes of UTF-8 are all below 0xff.
            let to = [b"(", prefix.as_bytes(), b"\xff"].concat();
            Order::Members { part: Part::Names, from, to }
        }
    }
}

/// The position of a member; `None` if the search is not for it.
fn cursor(query: &Query, member: &[u8]) -> Option<Result<Cursor, Strange>> {
    let Some(search) = &query.name else {
        return Some(id_of(member).map(|id| Cursor { id, name: None }));
    };
    let name = &member[..member.len().saturating_sub(17)];
    let (matches, by_name) = match search {
        NameMatch::Exact(wanted) => (name == wanted.as_bytes(), false),
        NameMatch::Prefix(prefix) => (name.starts_with(prefix.as_bytes()), true),
    };
    let at = || {
        let name = std::str::from_utf8(name).map_err(|_| Strange("a name is not UTF-8"))?;
        Ok(Cursor { id: id_in(member)?, name: by_name.then(|| name.to_owned()) })
    };
    matches.then(at)
}

async fn of_user(calls: &Arc<Calls>, user: &UserId, now: Timestamp) -> Result<Vec<Summary>, Fault> {
    let bucket = Bucket::of(user);
    let first = [b"[", user.as_str().as_bytes(), b"\0"].concat();
    let mut from = behind(user.as_str());
    let mut items = Vec::new();
    loop {
        let mut question = redis::cmd("ZREVRANGEBYLEX");
        question.arg(calls.keys.of(bucket, Part::Users)).arg(&from).arg(&first);
        question.arg("LIMIT").arg(0).arg(MOST_OF_ONE_USER);
        let members = list(calls.send(&question).await?)?.into_iter().map(bytes);
        let members = members.collect::<Result<Vec<_>, _>>()?;
        let id = |member: &Vec<u8>| id_of(&member[member.len().saturating_sub(16)..]);
        let ids = members.iter().map(id).collect::<Result<Vec<_>, _>>()?;
        let mut dangling = Dangling::default();
        for ((id, member), seen) in ids.iter().zip(&members).zip(live(calls, &ids, now).await?) {
            match seen {
                Seen::Live(record) => items.push(Summary::from(&*record)),
                Seen::Dead => {}
                Seen::Nothing => dangling.add(*id, Index::Users, member),
            }
        }
        dangling.drop_later(calls, now);
        items.truncate(MOST_OF_ONE_USER);
        match members.last() {
            Some(last) if members.len() == MOST_OF_ONE_USER && items.len() < MOST_OF_ONE_USER => {
                from = exclusive(last);
            }
            _ => return Ok(items),
        }
    }
}

/// What there is of a session that an index names.
enum Seen {
    Live(Box<Record>),
    /// It expired, or ended with everyone.
    Dead,
    /// No record.
    Nothing,
}

/// The sessions of these ids, in order.
async fn live(calls: &Calls, ids: &[SessionId], now: Timestamp) -> Result<Vec<Seen>, Fault> {
    let mut by_bucket: BTreeMap<Bucket, Vec<SessionId>> = BTreeMap::new();
    ids.iter().for_each(|id| by_bucket.entry(id.bucket()).or_default().push(*id));
    let mut questions = redis::pipe();
    for (bucket, ids) in &by_bucket {
        questions.cmd("MGET");
        ids.iter().for_each(|id| {
            questions.arg(calls.keys.record(*id));
        });
        questions.cmd("HGET").arg(calls.keys.of(*bucket, Part::Meta)).arg("everyone");
    }
    let mut answers = calls.send_all(&questions).await?.into_iter();
    let mut found = BTreeMap::new();
    for ids in by_bucket.values() {
        let records = list(answers.next().unwrap_or(Value::Nil))?;
        let everyone = number_or_zero(answers.next().unwrap_or(Value::Nil))?;
        for (id, record) in ids.iter().zip(records) {
            let kept = optional_bytes(record)?.map(|bytes| decode(*id, &bytes)).transpose()?;
            found.insert(
                *id,
                match kept {
                    None => Seen::Nothing,
                    Some(kept) if kept.everyone < everyone => Seen::Dead,
                    Some(kept) if kept.record.is_expired(now) => Seen::Dead,
                    Some(kept) => Seen::Live(Box::new(kept.record)),
                },
            );
        }
    }
    let seen = |id: &SessionId| found.remove(id).unwrap_or(Seen::Nothing);
    Ok(ids.iter().map(seen).collect())
}
