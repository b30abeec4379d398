use cloakroom::{EndReason, Happening, Observer, Record, Rejection, Selector, SessionId, UserId};

use super::kind::Kind;
use super::line::Line;

/// Logs what happens to sessions, wherever it was ordered.
#[derive(Clone, Copy, Debug)]
pub struct Witness;

impl Observer for Witness {
    fn happened(&self, happening: Happening<'_>) {
        match happening {
            Happening::Began { record } => began(record),
            Happening::LoginRefused { user, outcome } => {
                Line::of(user).reason(outcome.as_str()).log(Kind::LoginFail);
            }
            Happening::Ended { selector, user, reason, by, count } => {
                ended(selector, user, reason, count, by);
            }
            Happening::Expired { idle, absolute } => {
                Line::default().expired(idle, absolute).log(Kind::SessionExpired);
            }
            Happening::Renewed { record } => of(record).log(Kind::SessionRenewed),
            Happening::Rotated { record, authenticated } => {
                of(record).reauthenticated(authenticated).log(Kind::SessionRotated);
            }
            Happening::Rejected { rejection, session } => rejected(rejection, session),
            // What a later version tells of is logged by a later version.
            _ => {}
        }
    }
}

fn of(record: &Record) -> Line<'_> {
    Line::perhaps_of(record.user.as_ref()).session(record.id)
}

fn began(record: &Record) {
    let kind = match record.user {
        Some(_) => Kind::SessionCreated,
        None => Kind::AnonymousCreated,
    };
    of(record).log(kind);
}

fn ended(
    selector: &Selector,
    user: Option<&UserId>,
    reason: EndReason,
    count: u64,
    by: Option<&str>,
) {
    let (scope, session) = match selector {
        Selector::Session(id) => ("session", Some(id)),
        Selector::User(_) => ("user", None),
        Selector::UserExcept(_, kept) => ("user_but_this", Some(kept)),
        Selector::Everyone => ("everyone", None),
    };
    let mut line = Line::perhaps_of(user).reason(reason.as_str()).ended(scope, count, by);
    if let Some(id) = session {
        line = line.session(*id);
    }
    match (reason, session) {
        (EndReason::Logout, _) => line.log(Kind::SessionLogout),
        (EndReason::Theft, Some(id)) => {
            Line::perhaps_of(user).session(*id).log(Kind::TokenReuse);
            line.log(Kind::SessionEnded);
        }
        _ => line.log(Kind::SessionEnded),
    }
}

fn rejected(rejection: Rejection, session: Option<SessionId>) {
    let line = Line::default().reason(rejection.as_str());
    match (rejection, session) {
        // Told as the end that it caused.
        (Rejection::Theft, _) => {}
        (_, Some(id)) => line.session(id).log(Kind::UseAfterExpire),
        (_, None) => line.log(Kind::Extraneous),
    }
}
