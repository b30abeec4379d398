use std::time::Duration;

use cloakroom_core::{Change, End, EndReason, Ended, Selector, SessionId, Timestamp, UserId};
use rusqlite::{Connection, Result, ToSql, params, params_from_iter};

use crate::log::append;
use crate::row::{ended_columns, signed, timestamp, unsigned};

/// How long an entry of the log is kept at least, whatever sessions it concerned.
const LOG_LEAST: Duration = Duration::from_secs(600);

const EPOCH: &str = "SELECT ifnull((SELECT epoch FROM cloakroom_user_epoch WHERE user_id = ?1), 0)
    + (SELECT value FROM cloakroom_counter WHERE name = 'everyone_epoch')";

const RAISE_USER: &str = "INSERT INTO cloakroom_user_epoch (user_id, epoch)
    VALUES (?1, ?2 - (SELECT value FROM cloakroom_counter WHERE name = 'everyone_epoch'))
    ON CONFLICT (user_id) DO UPDATE SET epoch = max(epoch, excluded.epoch)";

const RAISE_EVERYONE: &str =
    "UPDATE cloakroom_counter SET value = value + 1 WHERE name = 'everyone_epoch'";

const EVERYONE: &str = "SELECT value FROM cloakroom_counter WHERE name = 'everyone_epoch'";

const KEEP: &str = "UPDATE cloakroom_session SET epoch = ?3 WHERE id = ?1 AND user_id = ?2";

/// The sessions to bury, as a condition on `session` with its parameters.
pub(super) enum Which<'a> {
    One(SessionId),
    Of(&'a UserId),
    OfExcept(&'a UserId, SessionId),
    /// Those that expired first; at most so many.
    Expired(Timestamp, u32),
    Everyone,
}

pub(super) fn end(database: &Connection, end: &End) -> Result<Ended> {
    let (which, epoch) = match &end.selector {
        Selector::Session(id) => (Which::One(*id), 0),
        Selector::User(user) => (Which::Of(user), raise(database, user, end.epoch)?),
        Selector::UserExcept(user, kept) => {
            let epoch = raise(database, user, end.epoch)?;
            keep(database, *kept, user, epoch)?;
            (Which::OfExcept(user, *kept), epoch)
        }
        Selector::Everyone => {
            database.prepare_cached(RAISE_EVERYONE)?.execute([])?;
            (Which::Everyone, 0)
        }
    };
    let buried = bury(database, &which, end.reason, end.by.as_deref(), end.now)?;
    if let Some(change) = change(database, end, &buried, epoch)? {
        let until = buried.last_deadline.max(end.now.after(LOG_LEAST));
        append(database, &change, until)?;
    }
    Ok(Ended { count: buried.live, epoch })
}

/// What the log is to say; nothing if nothing was ended or raised.
fn change(database: &Connection, end: &End, buried: &Buried, epoch: u64) -> Result<Option<Change>> {
    Ok(match end.selector.clone() {
        Selector::Session(id) => (buried.live > 0).then_some(Change::Ended(id)),
        Selector::User(user) => Some(Change::UserEnded { user, epoch, except: None }),
        Selector::UserExcept(user, kept) => {
            Some(Change::UserEnded { user, epoch, except: Some(kept) })
        }
        Selector::Everyone => {
            let mut statement = database.prepare_cached(EVERYONE)?;
            Some(Change::EveryoneEnded(statement.query_row([], |row| unsigned(row, 0))?))
        }
    })
}

/// Ends one session within another act, and enters it in the log if it was live.
pub(super) fn end_within(
    database: &Connection,
    id: SessionId,
    reason: EndReason,
    now: Timestamp,
) -> Result<()> {
    let buried = bury(database, &Which::One(id), reason, None, now)?;
    if buried.live > 0 {
        append(database, &Change::Ended(id), buried.last_deadline)?;
    }
    Ok(())
}

pub(super) fn epoch(database: &Connection, user: &UserId) -> Result<u64> {
    let mut statement = database.prepare_cached(EPOCH)?;
    statement.query_row([user.as_str()], |row| unsigned(row, 0))
}

fn raise(database: &Connection, user: &UserId, least: Option<u64>) -> Result<u64> {
    let next = (epoch(database, user)? + 1).max(least.unwrap_or(0));
    raise_to(database, user, next)?;
    Ok(next)
}

/// Makes the user's epoch at least this.
pub(super) fn raise_to(database: &Connection, user: &UserId, least: u64) -> Result<()> {
    if epoch(database, user)? < least {
        database.prepare_cached(RAISE_USER)?.execute(params![user.as_str(), signed(least)])?;
    }
    Ok(())
}

fn keep(database: &Connection, id: SessionId, user: &UserId, epoch: u64) -> Result<()> {
    let mut statement = database.prepare_cached(KEEP)?;
    statement.execute(params![id.as_bytes(), user.as_str(), signed(epoch)])?;
    Ok(())
}

/// How many sessions were buried.
#[derive(Default)]
pub(super) struct Buried {
    /// Those that were live.
    pub(super) live: u64,
    /// Those that had expired.
    pub(super) expired: u64,
    /// Those of them that were not used for their idle timeout.
    pub(super) idle: u64,
    /// The last absolute deadline of those that were live.
    pub(super) last_deadline: Timestamp,
}

/// Moves sessions into the history. One that has expired goes there as expired, or nowhere if
/// it is anonymous; the others go with `reason` and `by`.
pub(super) fn bury(
    database: &Connection,
    which: &Which<'_>,
    reason: EndReason,
    by: Option<&str>,
    now: Timestamp,
) -> Result<Buried> {
    let (now, reason) = (now.unix_millis(), reason.as_str());
    let condition = which.parameters();
    let condition = condition.iter().map(|parameter| &**parameter);
    let of_history: [&dyn ToSql; 3] = [&now, &reason, &by];
    database
        .prepare_cached(&remember(which))?
        .execute(params_from_iter(of_history.into_iter().chain(condition.clone())))?;
    let of_removal: [&dyn ToSql; 1] = [&now];
    let mut statement = database.prepare_cached(&remove(which))?;
    let mut rows = statement.query(params_from_iter(condition.chain(of_removal)))?;
    let mut buried = Buried::default();
    while let Some(row) = rows.next()? {
        let (live, absolute): (bool, bool) = (row.get(0)?, row.get(1)?);
        if live {
            buried.last_deadline = buried.last_deadline.max(timestamp(row, 2)?);
        }
        buried.live += u64::from(live);
        buried.expired += u64::from(!live);
        buried.idle += u64::from(!live && !absolute);
    }
    Ok(buried)
}

/// Parameters: now, reason, by, those of the condition.
fn remember(which: &Which<'_>) -> String {
    // Should an id be in the history already, its first end stays, and the session goes anyway.
    format!(
        "INSERT INTO cloakroom_ended_session ({columns})
         SELECT id, user_id, user_name, created_at, last_seen_at, min(deadline, ?1),
             CASE WHEN deadline > ?1 THEN ?2
                 WHEN absolute_deadline <= idle_deadline THEN 'absolute' ELSE 'idle' END,
             CASE WHEN deadline > ?1 THEN ?3 END,
             client_address, user_agent
         FROM cloakroom_session
         WHERE (user_id IS NOT NULL OR deadline > ?1) AND {condition}
         ON CONFLICT (id) DO NOTHING",
        columns = ended_columns!(),
        condition = which.condition(),
    )
}

/// Parameters: those of the condition, now. A row for each: whether it was live, and whether its
/// absolute deadline comes first, and when that is.
fn remove(which: &Which<'_>) -> String {
    let condition = which.condition();
    format!(
        "DELETE FROM cloakroom_session WHERE {condition}
         RETURNING deadline > ?, absolute_deadline <= idle_deadline, absolute_deadline"
    )
}

impl Which<'_> {
    fn condition(&self) -> &'static str {
        match self {
            Self::One(_) => "id = ?",
            Self::Of(_) => "user_id = ?",
            Self::OfExcept(..) => "user_id = ? AND id <> ?",
            Self::Expired(..) => {
                "id IN (SELECT id FROM cloakroom_session WHERE deadline <= ?
                 ORDER BY deadline, id LIMIT ?)"
            }
            Self::Everyone => "TRUE",
        }
    }

    fn parameters(&self) -> Vec<Box<dyn ToSql + '_>> {
        match self {
            Self::One(id) => vec![Box::new(*id.as_bytes())],
            Self::Of(user) => vec![Box::new(user.as_str())],
            Self::OfExcept(user, id) => vec![Box::new(user.as_str()), Box::new(*id.as_bytes())],
            Self::Expired(now, limit) => vec![Box::new(now.unix_millis()), Box::new(*limit)],
            Self::Everyone => Vec::new(),
        }
    }
}

/// All but those for everyone, which read the whole table by their nature.
#[cfg(test)]
pub(super) fn statements() -> Vec<String> {
    let (user, id) = (UserId::new("user").unwrap(), SessionId::from_bytes([0; 16]));
    let bounded = [
        Which::One(id),
        Which::Of(&user),
        Which::OfExcept(&user, id),
        Which::Expired(Timestamp::default(), 1),
    ];
    let built = bounded.iter().flat_map(|which| [remember(which), remove(which)]);
    let fixed = [EPOCH, EVERYONE, RAISE_USER, RAISE_EVERYONE, KEEP].map(str::to_owned);
    built.chain(fixed).collect()
}
