use anyhow::Result;

use super::output::Output;
use super::told;
use crate::operator::client::{Operator, unexpected};
use crate::operator::{LiveSession, Order, PastSession, Reply};
use crate::ui::reason::Reason;

pub(super) async fn run(operator: &Operator, id: String, output: &mut Output) -> Result<()> {
    let text = match operator.order(Order::Why { id }).await? {
        Reply::Live { session, refused } => live(&session, refused),
        Reply::Past(session) => past(&session),
        other => return Err(unexpected(&other)),
    };
    output.line(&text)?;
    output.flush()
}

fn live(session: &LiveSession, refused: bool) -> String {
    let named = told::named(session.id, session.user_name.as_deref());
    let state = if refused {
        "its requests are refused, because the user was disabled or their sessions were ended; \
         its own end is not recorded yet"
    } else {
        "still live"
    };
    let lines = [
        format!("{named}: {state}"),
        format!("  last seen  {}", told::exact(session.last_seen_at)),
        format!("  began      {}", told::exact(session.created_at)),
        from(session.client_address.as_deref(), session.user_agent.as_deref()),
        format!("  ends       {} if it is not used", told::exact(session.idle_deadline)),
        format!("  at latest  {}", told::exact(session.absolute_deadline)),
    ];
    lines.join("\n")
}

/// What became of a session, in a few lines.
pub(super) fn past(session: &PastSession) -> String {
    let named = told::named(session.id, session.user_name.as_deref());
    let reason = Reason::named(session.reason.as_str());
    let mut lines = vec![
        format!("{named}: {} ({})", reason.label, session.reason),
        format!("  {}", reason.explanation),
        format!("  ended      {}", told::exact(session.ended_at)),
    ];
    lines.extend(session.ended_by.as_ref().map(|by| format!("  by         {by}")));
    lines.extend([
        format!("  last seen  {}", told::exact(session.last_seen_at)),
        format!("  began      {}", told::exact(session.created_at)),
        from(session.client_address.as_deref(), session.user_agent.as_deref()),
    ]);
    lines.join("\n")
}

fn from(address: Option<&str>, user_agent: Option<&str>) -> String {
    let device = told::device(user_agent);
    match address {
        Some(address) => format!("  from       {device} at {address}"),
        None => format!("  from       {device}"),
    }
}

#[cfg(test)]
mod tests {
    use cloakroom::{EndReason, SessionId, Timestamp};

    use super::*;
    use crate::operator::Time;

    #[test]
    fn an_end_is_told_with_its_reason_its_time_and_who_ordered_it() {
        let then = Time(Timestamp::from_unix_millis(1_773_324_185_000));
        let session = PastSession {
            id: SessionId::from_bytes([7; 16]),
            user: None,
            user_name: Some("alice".to_owned()),
            created_at: then,
            last_seen_at: then,
            ended_at: then,
            reason: EndReason::Admin,
            ended_by: Some("operator".to_owned()),
            client_address: Some("192.0.2.1".to_owned()),
            user_agent: Some("curl/8".to_owned()),
        };
        let text = past(&session);
        for part in [
            "of alice: Ended by hand (admin)",
            "(12 March 2026, 14:03:05 UTC)",
            "by         operator",
            "from       curl at 192.0.2.1",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }
}
