//! Orders about sessions.

use std::collections::BTreeMap;
use std::time::Duration;

use cloakroom::{Durability, EndReason, NameMatch, Query, SessionId, StoreError, Summary, UserId};

use super::people::{known, spelled};
use super::refusal::Refusal;
use super::{OPERATOR, PastSession, Reply};
use crate::app::App;

/// Sessions on a page.
const PAGE: u32 = 100;
/// Sessions of one name among which users of that name are looked for.
const MOST_NAMESAKES: u32 = 200;
const DAY: Duration = Duration::from_secs(86_400);

pub(super) async fn who(
    app: &App,
    name: Option<&str>,
    after: Option<&str>,
) -> Result<Reply, Refusal> {
    let sessions = app.cloakroom.sessions();
    let query = Query {
        name: name.map(name_match).transpose()?,
        after: after.map(str::parse).transpose()?,
        limit: PAGE,
        now: sessions.now(),
    };
    let page = sessions.store().sessions(query).await?;
    Ok(Reply::Sessions {
        items: page.items.into_iter().map(Into::into).collect(),
        next: page.next.map(|cursor| cursor.to_string()),
    })
}

fn name_match(asked: &str) -> Result<NameMatch, Refusal> {
    Ok(match asked.strip_suffix('*') {
        Some("") => NameMatch::Prefix(String::new()),
        Some(start) => NameMatch::Prefix(spelled_or_as_typed(start)?),
        None => NameMatch::Exact(spelled_or_as_typed(asked)?),
    })
}

/// Names of users whom an application keeps may be spelt in more ways than login names.
fn spelled_or_as_typed(name: &str) -> Result<String, Refusal> {
    match spelled(name) {
        Ok(name) => Ok(name),
        Err(_) if UserId::new(name).is_ok() => Ok(name.to_owned()),
        Err(wrong) => Err(wrong.into()),
    }
}

/// Who may be meant by a name, and under which: a user that this server keeps, and those whom
/// applications have logged in under this name or with this id. Names of the latter are not theirs
/// alone.
async fn meant(app: &App, name: &str) -> Result<BTreeMap<UserId, String>, Refusal> {
    let (sessions, now) = (app.cloakroom.sessions(), app.cloakroom.sessions().now());
    let mut meant = BTreeMap::new();
    let unknown = match known(app, name).await {
        Ok(user) => meant.insert(user.id, user.name).map(|_| Refusal::NotFound(String::new())),
        Err(unknown) => Some(unknown),
    };
    let exactly = Some(NameMatch::Exact(spelled_or_as_typed(name)?));
    let query = Query { name: exactly, after: None, limit: MOST_NAMESAKES, now };
    for session in sessions.store().sessions(query).await?.items {
        if let Some(id) = session.user {
            meant.entry(id).or_insert_with(|| name.to_owned());
        }
    }
    if let Ok(id) = UserId::new(name)
        && !sessions.store().sessions_of(id.clone(), now).await?.is_empty()
    {
        meant.entry(id).or_insert_with(|| name.to_owned());
    }
    match unknown {
        Some(unknown) if meant.is_empty() => Err(unknown),
        _ => Ok(meant),
    }
}

fn several(name: &str, meant: &BTreeMap<UserId, String>) -> Refusal {
    let ids: Vec<&str> = meant.keys().map(UserId::as_str).collect();
    Refusal::Failed(format!(
        "{name:?} may be any of {} users, and nothing was ended; name one of these ids: cloakroom \
         end --user-id {}",
        ids.len(),
        ids.join(", ")
    ))
}

pub(super) async fn end_one(app: &App, id: &str) -> Result<Reply, Refusal> {
    let id: SessionId = id.parse()?;
    let was_live = app.cloakroom.sessions().end(id, EndReason::Admin, Some(OPERATOR)).await?;
    let past = past(app, id).await?;
    if was_live {
        return Ok(Reply::Ended { count: 1, whose: past.and_then(|past| past.user_name) });
    }
    past.map(Reply::Past).ok_or_else(|| unknown(app, id))
}

pub(super) async fn end_user(app: &App, name: &str) -> Result<Reply, Refusal> {
    let meant = meant(app, name).await?;
    match meant.first_key_value() {
        Some((id, name)) if meant.len() == 1 => end_all_of(app, id, name).await,
        _ => Err(several(name, &meant)),
    }
}

pub(super) async fn end_user_id(app: &App, id: &str) -> Result<Reply, Refusal> {
    let id = UserId::new(id)?;
    end_all_of(app, &id, id.as_str()).await
}

async fn end_all_of(app: &App, id: &UserId, name: &str) -> Result<Reply, Refusal> {
    let ended = app.cloakroom.sessions().end_user(id, EndReason::Admin, Some(OPERATOR)).await?;
    Ok(Reply::Ended { count: ended.count, whose: Some(name.to_owned()) })
}

pub(super) async fn end_everyone(app: &App) -> Result<Reply, Refusal> {
    let sessions = app.cloakroom.sessions();
    let ended = sessions.end_everyone(EndReason::Admin, Some(OPERATOR)).await?;
    Ok(Reply::Ended { count: ended.count, whose: None })
}

pub(super) async fn why(app: &App, id: &str) -> Result<Reply, Refusal> {
    let id: SessionId = id.parse()?;
    if let Some(reply) = live(app, id).await? {
        return Ok(reply);
    }
    past(app, id).await?.map(Reply::Past).ok_or_else(|| unknown(app, id))
}

async fn live(app: &App, id: SessionId) -> Result<Option<Reply>, StoreError> {
    let sessions = app.cloakroom.sessions();
    let Some(record) = sessions.store().load(id, sessions.now()).await? else { return Ok(None) };
    let refused = match &record.user {
        // A user whom only an application knows is refused by nobody but the session's end.
        Some(user) => {
            app.users.by_id(user).await?.is_some_and(|user| !user.admits(id, record.epoch))
        }
        None => false,
    };
    Ok(Some(Reply::Live { session: Summary::from(&*record).into(), refused }))
}

/// The ended session; one that expired enters the history only when it is swept, so that is done
/// now if need be.
async fn past(app: &App, id: SessionId) -> Result<Option<PastSession>, StoreError> {
    let sessions = app.cloakroom.sessions();
    let mut ended = sessions.store().ended(id).await?;
    if ended.is_none() {
        sessions.sweep().await?;
        ended = sessions.store().ended(id).await?;
    }
    Ok(ended.map(Into::into))
}

fn unknown(app: &App, id: SessionId) -> Refusal {
    let sessions = app.cloakroom.sessions();
    let kept = days(sessions.policy().history);
    let lost = match sessions.durability() {
        Durability::Lossless => String::new(),
        less => format!(", or its store lost it (durability: {less})"),
    };
    Refusal::NotFound(format!("there is no session {id}, or it ended more than {kept} ago{lost}"))
}

/// In days, or in hours when it is less than two days.
fn days(duration: Duration) -> String {
    let (count, unit) = match duration.as_secs() / DAY.as_secs() {
        0 | 1 => (duration.as_secs().div_ceil(3_600), "hour"),
        days => (days, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_in_days_or_hours() {
        let told = [90 * DAY, 2 * DAY, DAY, Duration::from_secs(3_600)].map(days);
        assert_eq!(told, ["90 days", "2 days", "24 hours", "1 hour"]);
    }
}
