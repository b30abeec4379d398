use axum::extract::{Query, State};
use axum::response::Html;
use cloakroom::{EndedSession, HistoryQuery, SessionId, StoreError, Timestamp, UserId};

use super::admin::{ROWS, Search, person};
use super::render;
use super::viewer::Admin;
use crate::app::{App, SharedApp};
use crate::middleware::PageError;
use crate::ui::admin::{EndedPage, EndedRow};
use crate::ui::device::Device;
use crate::ui::layout::Nav;
use crate::ui::moment::Moment;
use crate::ui::paging::Paging;
use crate::ui::reason::Reason;

pub(super) async fn show(
    State(app): State<SharedApp>,
    Admin(viewer): Admin,
    Query(search): Query<Search>,
) -> Result<Html<String>, PageError> {
    let sessions = app.cloakroom.sessions();
    let (found, next) = find(&app, &search).await?;
    let page = EndedPage {
        layout: viewer.layout(&app, Some(Nav::Ended), search.done.as_deref()),
        sessions: rows(&app, &found, sessions.now()).await?,
        search: search.q,
        paging: Paging { after: search.after, next },
        kept_days: sessions.policy().history.as_secs() / 86_400,
    };
    render(&page)
}

/// By session id, or by exact login name.
async fn find(
    app: &App,
    search: &Search,
) -> Result<(Vec<EndedSession>, Option<String>), StoreError> {
    let store = app.cloakroom.sessions().store();
    let asked = search.q.trim().to_ascii_lowercase();
    if let Ok(id) = asked.parse::<SessionId>() {
        return Ok((store.ended(id).await?.into_iter().collect(), None));
    }
    let query = HistoryQuery {
        name: (!asked.is_empty()).then_some(asked),
        after: search.after.as_deref().and_then(|after| after.parse().ok()),
        limit: ROWS,
    };
    let page = store.history(query).await?;
    Ok((page.items, page.next.map(|next| next.to_string())))
}

async fn rows(
    app: &App,
    found: &[EndedSession],
    now: Timestamp,
) -> Result<Vec<EndedRow>, StoreError> {
    let ids: Vec<UserId> = found.iter().filter_map(|session| session.user.clone()).collect();
    let names = app.users.display_names(&ids).await?;
    let moment = |at: Timestamp| Moment::new(at.unix_millis(), now.unix_millis());
    let row = |session: &EndedSession| EndedRow {
        id: session.id.to_string(),
        person: person(session.user.as_ref(), session.user_name.as_deref(), &names),
        device: Device::of(session.user_agent.as_deref().unwrap_or_default()),
        address: session.client_address.clone(),
        signed_in: moment(session.created_at),
        ended: moment(session.ended_at),
        reason: Reason::named(session.reason.as_str()),
        by: session.ended_by.clone().filter(|by| Some(by) != session.user_name.as_ref()),
    };
    Ok(found.iter().map(row).collect())
}
