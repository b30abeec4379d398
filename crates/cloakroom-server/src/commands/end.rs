use anyhow::Result;

use super::output::Output;
use super::told;
use super::why;
use crate::cli::End;
use crate::operator::client::{Operator, unexpected};
use crate::operator::{Order, Reply};

pub(super) async fn run(operator: &Operator, end: End, output: &mut Output) -> Result<()> {
    match operator.order(order(end)).await? {
        Reply::Ended { count, whose } => output.line(&ended(count, whose.as_deref()))?,
        // The state that was asked for is reached, so this is no failure.
        Reply::Past(session) => {
            output.line(&format!("it had ended already:\n{}", why::past(&session)))?;
        }
        other => return Err(unexpected(&other)),
    }
    output.flush()
}

fn order(end: End) -> Order {
    match (end.session, end.user, end.user_id) {
        (Some(id), _, _) => Order::EndSession { id },
        (None, Some(name), _) => Order::EndUser { name },
        (None, None, Some(id)) => Order::EndUserId { id },
        (None, None, None) => Order::EndEveryone,
    }
}

fn ended(count: u64, whose: Option<&str>) -> String {
    let sessions = told::counted(count, "session");
    match (count, whose) {
        (0, Some(name)) => format!("{name} was not logged in; nothing to end"),
        (0, None) => "nobody was logged in; nothing to end".to_owned(),
        (_, Some(name)) => format!("ended {sessions} of {name}"),
        (_, None) => format!("ended {sessions}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outcome_is_told_in_a_line() {
        assert_eq!(ended(3, Some("alice")), "ended 3 sessions of alice");
        assert_eq!(ended(1, None), "ended 1 session");
        assert_eq!(ended(0, Some("alice")), "alice was not logged in; nothing to end");
    }

    #[test]
    fn with_neither_session_nor_user_it_is_everyone() {
        let end = End { session: None, user: None, user_id: None, everyone: true };
        assert_eq!(order(end), Order::EndEveryone);
    }
}
