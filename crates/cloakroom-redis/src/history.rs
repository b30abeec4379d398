//! Sessions that ended.

use cloakroom_core::{
    EndReason, EndedPage, EndedSession, History, HistoryQuery, SessionId, StoreAnswer,
};
use redis::Value;
use serde::{Deserialize, Serialize};

use crate::RedisStore;
use crate::calls::Calls;
use crate::connection::Fault;
use crate::keys::Part;
use crate::merge::{Order, Walk};
use crate::record::{Fixed, Row, Strange};
use crate::reply::{id_of, list, optional_bytes};

/// Why a session ended, as the history keeps it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Why {
    pub(crate) reason: EndReason,
    #[serde(default)]
    pub(crate) by: Option<String>,
}

impl Why {
    pub(crate) fn text(reason: EndReason, by: Option<&str>) -> String {
        let why = Self { reason, by: by.map(str::to_owned) };
        // A word and a text always have a JSON form.
        serde_json::to_string(&why).unwrap_or_default()
    }
}

impl History for RedisStore {
    fn ended(&self, id: SessionId) -> StoreAnswer<'_, Option<EndedSession>> {
        self.calls.read("look up an ended session", move |calls| async move {
            Ok(of(&calls, &[id]).await?.pop().flatten())
        })
    }

    fn history(&self, query: HistoryQuery) -> StoreAnswer<'_, EndedPage> {
        self.calls.read("list ended sessions", move |calls| {
            let query = query.clone();
            async move { page(&calls, &query).await }
        })
    }
}

async fn page(calls: &Calls, query: &HistoryQuery) -> Result<EndedPage, Fault> {
    let limit = query.limit.max(1) as usize;
    let mut walk = Walk::new(order(query), limit.saturating_add(1));
    let mut items = Vec::new();
    // What a sweep drops between two questions is missing in the second.
    while items.len() <= limit {
        let found = walk.take(calls, limit + 1 - items.len()).await?;
        if found.is_empty() {
            break;
        }
        let members = found.iter().filter_map(|(_, found)| member_id(query, &found.member));
        let ids = members.collect::<Result<Vec<_>, _>>()?;
        items.extend(of(calls, &ids).await?.into_iter().flatten());
    }
    let is_last = items.len() <= limit;
    items.truncate(limit);
    let next = items.last().filter(|_| !is_last).map(|item| item.id);
    Ok(EndedPage { items, next })
}

fn order(query: &HistoryQuery) -> Order {
    match (&query.name, query.after) {
        (None, after) => {
            let from = after.map_or_else(|| b"+".to_vec(), |id| exclusive(id.as_bytes()));
            Order::Backwards { part: Part::HistoryIds, from }
        }
        (Some(name), after) => {
            let from = after.map_or_else(|| first_of(name), |id| exclusive(&member(name, id)));
            Order::Members { part: Part::HistoryNames, from, to: behind(name) }
        }
    }
}

/// The id in a member; `None` for one of another name, which is told by its length.
fn member_id(query: &HistoryQuery, member: &[u8]) -> Option<Result<SessionId, Strange>> {
    match &query.name {
        None => Some(id_of(member)),
        Some(name) if member.len() == name.len() + 17 => Some(id_in(member)),
        Some(_) => None,
    }
}

/// The member for a session in an index by name: behind the name the id, inverted, so that the
/// newest comes first.
pub(crate) fn member(name: &str, id: SessionId) -> Vec<u8> {
    let inverted = id.as_bytes().map(|byte| !byte);
    [name.as_bytes(), b"\0", &inverted].concat()
}

/// The id in a member of an index by name.
pub(crate) fn id_in(member: &[u8]) -> Result<SessionId, Strange> {
    let id = id_of(&member[member.len().saturating_sub(16)..])?;
    Ok(SessionId::from_bytes(id.as_bytes().map(|byte| !byte)))
}

/// A bound behind a member.
pub(crate) fn exclusive(member: &[u8]) -> Vec<u8> {
    [b"(", member].concat()
}

/// A bound before all members of a name.
pub(crate) fn first_of(name: &str) -> Vec<u8> {
    [b"[", name.as_bytes(), b"\0"].concat()
}

/// A bound behind all members of a name.
pub(crate) fn behind(name: &str) -> Vec<u8> {
    [b"(", name.as_bytes(), b"\x01"].concat()
}

/// The ended sessions of these ids, where there are any.
async fn of(calls: &Calls, ids: &[SessionId]) -> Result<Vec<Option<EndedSession>>, Fault> {
    let mut questions = redis::pipe();
    for id in ids {
        questions.cmd("HGET").arg(calls.keys.of(id.bucket(), Part::History)).arg(id.as_bytes());
    }
    let answers = list(Value::Array(calls.send_all(&questions).await?))?;
    let pairs = ids.iter().zip(answers);
    let ended = pairs
        .map(|(id, answer)| optional_bytes(answer)?.map(|bytes| decode(*id, &bytes)).transpose());
    Ok(ended.collect::<Result<_, _>>()?)
}

fn decode(id: SessionId, bytes: &[u8]) -> Result<EndedSession, Strange> {
    let row = Row(bytes);
    let length = row.length(40)?;
    let why: Why = row.json(48, Some(length))?;
    let fixed: Fixed = row.json(48 + length, None)?;
    Ok(EndedSession {
        id,
        user: fixed.user,
        user_name: fixed.name,
        created_at: fixed.created_at,
        last_seen_at: row.moment(20)?,
        ended_at: row.moment(0)?,
        reason: why.reason,
        ended_by: why.by,
        client_address: fixed.address,
        user_agent: fixed.agent,
    })
}
