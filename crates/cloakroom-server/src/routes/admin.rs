use axum::Form;
use axum::extract::{Path, Query, State};
use axum::response::{Html, Redirect};
use cloakroom::{
    CAPABILITIES, Capability, EndReason, NameMatch, Page, RevocationBound, SessionId, SessionStore,
    StoreError, Summary, Support, Timestamp, UserId,
};
use serde::Deserialize;

use super::render;
use super::viewer::{Admin, done};
use crate::app::{App, SharedApp};
use crate::middleware::PageError;
use crate::ui::admin::{AdminPage, Counts, Exception, Person, SessionRow, Strategy};
use crate::ui::device::Device;
use crate::ui::error::ErrorKind;
use crate::ui::layout::Nav;
use crate::ui::moment::Moment;
use crate::ui::notice::Notice;
use crate::ui::paging::Paging;

/// Rows per page of a list.
pub(super) const ROWS: u32 = 50;

/// Pages without a live session that a reader need not see.
const MOST_SKIPPED: usize = 20;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Search {
    pub(super) q: String,
    pub(super) after: Option<String>,
    pub(super) done: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Place {
    q: String,
    after: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Confirmed {
    confirm: String,
}

pub(super) async fn show(
    State(app): State<SharedApp>,
    Admin(viewer): Admin,
    Query(search): Query<Search>,
) -> Result<Html<String>, PageError> {
    let (sessions, now) = (app.cloakroom.sessions(), app.cloakroom.sessions().now());
    let query = cloakroom::Query {
        name: name_match(&search.q),
        after: search.after.as_deref().and_then(|after| after.parse().ok()),
        limit: ROWS,
        now,
    };
    let found = page(sessions.store(), query).await?;
    let counts = sessions.store().counts(now).await?;
    let page = AdminPage {
        layout: viewer.layout(&app, Some(Nav::Sessions), search.done.as_deref()),
        strategy: strategy(&app),
        counts: Counts {
            signed_in: counts.sessions,
            anonymous: counts.anonymous,
            counted: Moment::new(counts.as_of.unix_millis(), now.unix_millis()),
        },
        sessions: rows(&app, &found.items, viewer.identity.live.id(), now).await?,
        search: search.q,
        paging: Paging { after: search.after, next: found.next.map(|next| next.to_string()) },
    };
    render(&page)
}

pub(super) async fn end(
    State(app): State<SharedApp>,
    Admin(viewer): Admin,
    Path(id): Path<String>,
    Form(place): Form<Place>,
) -> Result<Redirect, PageError> {
    let back = back(&place);
    viewer.check_recent(&app, &back)?;
    let id: SessionId = id.parse().map_err(|_| ErrorKind::NotFound)?;
    let by = &viewer.identity.user.name;
    let ended = app.cloakroom.sessions().end(id, EndReason::Admin, Some(by)).await?;
    Ok(done(&app, &back, if ended { Notice::SessionEnded } else { Notice::SessionGone }))
}

pub(super) async fn end_user(
    State(app): State<SharedApp>,
    Admin(viewer): Admin,
    Path(id): Path<String>,
    Form(place): Form<Place>,
) -> Result<Redirect, PageError> {
    let back = back(&place);
    viewer.check_recent(&app, &back)?;
    let id = UserId::new(id).map_err(|_| ErrorKind::NotFound)?;
    let by = &viewer.identity.user.name;
    app.cloakroom.sessions().end_user(&id, EndReason::Admin, Some(by)).await?;
    Ok(done(&app, &back, Notice::UserEnded))
}

pub(super) async fn end_everyone(
    State(app): State<SharedApp>,
    Admin(viewer): Admin,
    Form(form): Form<Confirmed>,
) -> Result<Redirect, PageError> {
    viewer.check_recent(&app, "admin")?;
    if form.confirm != "everyone" {
        return Ok(done(&app, "admin", Notice::NotConfirmed));
    }
    let by = &viewer.identity.user.name;
    app.cloakroom.sessions().end_everyone(EndReason::Admin, Some(by)).await?;
    Ok(done(&app, "login", Notice::EveryoneEnded))
}

/// A page, and not an empty one where only expired sessions that wait to be swept lie before the
/// first live one.
async fn page(store: &dyn SessionStore, mut query: cloakroom::Query) -> Result<Page, StoreError> {
    let mut page = store.sessions(query.clone()).await?;
    for _ in 0..MOST_SKIPPED {
        if !page.items.is_empty() || page.next.is_none() {
            break;
        }
        // Others have their turn between the looks, of which each takes a while.
        tokio::task::yield_now().await;
        query.after = page.next;
        page = store.sessions(query.clone()).await?;
    }
    Ok(page)
}

/// `anna` finds exactly anna, `ann*` all names that begin so.
fn name_match(search: &str) -> Option<NameMatch> {
    let search = search.trim().to_ascii_lowercase();
    match search.strip_suffix('*') {
        _ if search.is_empty() => None,
        Some(prefix) => Some(NameMatch::Prefix(prefix.to_owned())),
        None => Some(NameMatch::Exact(search)),
    }
}

fn back(place: &Place) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in [("q", &place.q), ("after", &place.after)] {
        if !value.is_empty() {
            query.append_pair(name, value);
        }
    }
    let query = query.finish();
    if query.is_empty() { "admin".to_owned() } else { format!("admin?{query}") }
}

fn strategy(app: &App) -> Strategy {
    let sessions = app.cloakroom.sessions();
    Strategy {
        name: app.config.keeping().title().to_owned(),
        bound: match sessions.revocation_bound() {
            RevocationBound::Immediate => "immediately".to_owned(),
            bound => bound.to_string(),
        },
        durability: sessions.durability().to_string(),
        exceptions: CAPABILITIES.iter().filter_map(|each| exception(each, app)).collect(),
    }
}

fn exception(capability: &Capability, app: &App) -> Option<Exception> {
    let (never, because) = match capability.of(app.config.keeping()) {
        Support::Yes => return None,
        Support::If(condition) => (false, condition),
        Support::No(why) => (true, why),
    };
    // Names of settings are set in code elsewhere.
    let because = because.replace('`', "");
    Some(Exception { meaning: capability.meaning.trim_end_matches('.'), never, because })
}

async fn rows(
    app: &App,
    found: &[Summary],
    current: SessionId,
    now: Timestamp,
) -> Result<Vec<SessionRow>, StoreError> {
    let ids: Vec<UserId> = found.iter().filter_map(|session| session.user.clone()).collect();
    let names = app.users.display_names(&ids).await?;
    let moment = |at: Timestamp| Moment::new(at.unix_millis(), now.unix_millis());
    let row = |session: &Summary| SessionRow {
        id: session.id.to_string(),
        person: person(session.user.as_ref(), session.user_name.as_deref(), &names),
        device: Device::of(session.user_agent.as_deref().unwrap_or_default()),
        address: session.client_address.clone(),
        signed_in: moment(session.created_at),
        last_seen: moment(session.last_seen_at),
        current: session.id == current,
    };
    Ok(found.iter().map(row).collect())
}

/// Whose session it is, with the name that people see.
pub(super) fn person(
    user: Option<&UserId>,
    name: Option<&str>,
    shown: &std::collections::HashMap<UserId, String>,
) -> Option<Person> {
    let (user, name) = (user?, name.unwrap_or_default());
    Some(Person {
        key: user.to_string(),
        name: name.to_owned(),
        display_name: shown.get(user).cloned().unwrap_or_else(|| name.to_owned()),
    })
}
