use cloakroom_core::{End, Ended, Selector, SessionId, UserId};
use tokio_postgres::Row;

use super::statements::Statements;
use crate::row::{Decoded, only, unsigned};
use crate::text::stored;
use crate::{Sql, Value};

pub(super) const END_SESSION: &str = "SELECT {schema}.end_session($1, $2, $3, $4), 0::bigint";

pub(super) const END_USER: &str =
    "SELECT live, epoch FROM {schema}.end_user($1, $2, $3, $4, $5, $6)";

pub(super) const END_EVERYONE: &str = "SELECT {schema}.end_everyone($1, $2, $3), 0::bigint";

pub(super) const EPOCH: &str = "SELECT {schema}.user_epoch($1)";

pub(super) fn order<'a>(statements: &'a Statements, end: &End) -> (&'a Sql, Vec<Value>) {
    let of_user = |user: &UserId, kept: Option<SessionId>| {
        let least = end.epoch.unwrap_or(0);
        (&statements.end_user, vec![user.into(), kept.into(), least.into()])
    };
    let (sql, mut values) = match &end.selector {
        Selector::Session(id) => (&statements.end_session, vec![(*id).into()]),
        Selector::User(user) => of_user(user, None),
        Selector::UserExcept(user, kept) => of_user(user, Some(*kept)),
        Selector::Everyone => (&statements.end_everyone, Vec::new()),
    };
    values.push(end.reason.as_str().into());
    values.push(end.by.as_deref().map(|by| stored(by).into_owned()).into());
    values.push(end.now.into());
    (sql, values)
}

pub(super) fn ended(rows: &[Row]) -> Decoded<Ended> {
    let row = only(rows)?;
    Ok(Ended { count: unsigned(row, 0)?, epoch: unsigned(row, 1)? })
}
