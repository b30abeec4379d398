use cloakroom::{EndReason, EndedSession, Record, SessionId, Summary, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::operator::Time;
use crate::users::UserRow;

/// A live session.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Session {
    /// The public id: safe in addresses and logs.
    #[schema(value_type = String, format = "uuid")]
    pub(super) id: SessionId,
    /// Who is logged in; null for a visitor.
    #[schema(required)]
    pub(super) user: Option<SessionUser>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub(super) created_at: Time,
    /// When the user last proved who they are; null for a visitor.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub(super) authenticated_at: Option<Time>,
    /// When it was last used, to a minute.
    #[schema(value_type = String, format = DateTime)]
    pub(super) last_seen_at: Time,
    /// When it ends if it is not used.
    #[schema(value_type = String, format = DateTime)]
    pub(super) idle_deadline: Time,
    /// When it ends whatever happens.
    #[schema(value_type = String, format = DateTime)]
    pub(super) absolute_deadline: Time,
    /// Whether it outlives the browser ("remember me").
    pub(super) remembered: bool,
    /// Where the login came from.
    pub(super) client: Client,
}

/// Who is logged in.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct SessionUser {
    /// The application's own id.
    #[schema(value_type = String)]
    pub(super) id: UserId,
    /// The name that lists show.
    pub(super) name: String,
    /// The groups held now.
    pub(super) groups: Vec<String>,
}

/// Where a login came from, as the application said.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct Client {
    /// The client's address.
    #[schema(required)]
    pub(super) address: Option<String>,
    /// The client's user agent, at most 512 bytes of it.
    #[schema(required)]
    pub(super) user_agent: Option<String>,
}

impl Session {
    /// `known` is the user as this server keeps them, whose groups count more than those of the
    /// login.
    pub(super) fn of(record: &Record, known: Option<&UserRow>) -> Self {
        Self::from(Summary::from(record)).with_groups_of(known)
    }

    pub(super) fn with_groups_of(mut self, known: Option<&UserRow>) -> Self {
        if let (Some(user), Some(known)) = (&mut self.user, known) {
            user.groups.clone_from(&known.groups);
        }
        self
    }
}

fn user_of(id: Option<UserId>, name: Option<String>, groups: Vec<String>) -> Option<SessionUser> {
    let id = id?;
    Some(SessionUser { name: name.unwrap_or_else(|| id.to_string()), id, groups })
}

impl From<Summary> for Session {
    fn from(summary: Summary) -> Self {
        Self {
            id: summary.id,
            user: user_of(summary.user, summary.user_name, summary.groups),
            created_at: Time(summary.created_at),
            authenticated_at: summary.authenticated_at.map(Time),
            last_seen_at: Time(summary.last_seen_at),
            idle_deadline: Time(summary.idle_deadline),
            absolute_deadline: Time(summary.absolute_deadline),
            remembered: summary.remembered,
            client: Client { address: summary.client_address, user_agent: summary.user_agent },
        }
    }
}

/// A session that ended.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Ended {
    /// The public id.
    #[schema(value_type = String, format = "uuid")]
    id: SessionId,
    /// Who was logged in; null for a visitor. The groups are not kept.
    #[schema(required)]
    user: Option<SessionUser>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// When it was last used, to a minute.
    #[schema(value_type = String, format = DateTime)]
    last_seen_at: Time,
    /// When it ended.
    #[schema(value_type = String, format = DateTime)]
    ended_at: Time,
    /// Why.
    #[schema(value_type = Reason)]
    reason: EndReason,
    /// Who ordered it.
    #[schema(required)]
    ended_by: Option<String>,
    /// Where the login came from.
    client: Client,
}

/// Why a session ended.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "only the document is made from it; a test compares the two")]
pub(super) enum Reason {
    Absolute,
    Admin,
    Capacity,
    Idle,
    KeyRetired,
    Limit,
    Logout,
    PasswordChange,
    Replaced,
    Theft,
    UserDisabled,
}

impl From<EndedSession> for Ended {
    fn from(ended: EndedSession) -> Self {
        let time = |moment: Timestamp| Time(moment);
        Self {
            id: ended.id,
            user: user_of(ended.user, ended.user_name, Vec::new()),
            created_at: time(ended.created_at),
            last_seen_at: time(ended.last_seen_at),
            ended_at: time(ended.ended_at),
            reason: ended.reason,
            ended_by: ended.ended_by,
            client: Client { address: ended.client_address, user_agent: ended.user_agent },
        }
    }
}

/// How many sessions an end ended.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EndedCount {
    /// Live ones; 0 when there was nothing to end.
    pub(super) ended: u64,
}

/// What an end may say.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EndOrder {
    /// Who ordered it, for the history; `api:` and the API key's name unless given.
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]{1,128}$"
    )]
    pub(super) by: Option<String>,
    /// `admin` unless given.
    #[serde(default)]
    pub(super) reason: OrderedReason,
}

/// Why an application ends a session.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum OrderedReason {
    /// An administrator wants it so.
    #[default]
    Admin,
    /// The user logged out, or ended it from another device.
    Logout,
}

impl From<OrderedReason> for EndReason {
    fn from(reason: OrderedReason) -> Self {
        match reason {
            OrderedReason::Admin => Self::Admin,
            OrderedReason::Logout => Self::Logout,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use utoipa::PartialSchema;

    #[test]
    fn the_documented_reasons_are_those_that_exist() {
        let schema = serde_json::to_value(Reason::schema()).unwrap();
        let names = schema["enum"].as_array().unwrap();
        assert_eq!(names.len(), 11);
        for name in names {
            assert!(name.as_str().unwrap().parse::<EndReason>().is_ok(), "{name}");
        }
    }
}
