use axum::extract::{Path, Query, State};
use axum::response::{Html, Redirect};
use cloakroom::{SessionId, Summary, Timestamp};
use serde::Deserialize;

use super::render;
use super::viewer::{Viewer, done};
use crate::app::SharedApp;
use crate::middleware::PageError;
use crate::ui::account::{AccountPage, DeviceRow, Profile};
use crate::ui::device::Device;
use crate::ui::error::ErrorKind;
use crate::ui::layout::Nav;
use crate::ui::moment::Moment;
use crate::ui::notice::Notice;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Done {
    done: Option<String>,
}

pub(super) async fn show(
    State(app): State<SharedApp>,
    viewer: Viewer,
    Query(last): Query<Done>,
) -> Result<Html<String>, PageError> {
    let (own, now) = (viewer.session.own_sessions().await?, app.cloakroom.sessions().now());
    let current = viewer.identity.live.id();
    let mut devices: Vec<_> = own.iter().map(|session| row(session, current, now)).collect();
    devices.sort_by_key(|device| !device.current);
    let user = &viewer.identity.user;
    let page = AccountPage {
        layout: viewer.layout(&app, Some(Nav::Devices), last.done.as_deref()),
        profile: Profile {
            name: user.name.clone(),
            display_name: user.display_name.clone(),
            email: user.email.clone(),
            groups: user.groups.clone(),
        },
        devices,
    };
    render(&page)
}

pub(super) async fn end(
    State(app): State<SharedApp>,
    viewer: Viewer,
    Path(id): Path<String>,
) -> Result<Redirect, PageError> {
    viewer.check_recent(&app, "account")?;
    let id: SessionId = id.parse().map_err(|_| ErrorKind::NotFound)?;
    let ended = viewer.session.end_own(id).await?;
    Ok(done(&app, "account", if ended { Notice::SessionEnded } else { Notice::SessionGone }))
}

pub(super) async fn end_others(
    State(app): State<SharedApp>,
    viewer: Viewer,
) -> Result<Redirect, PageError> {
    viewer.check_recent(&app, "account")?;
    viewer.session.end_others().await?;
    Ok(done(&app, "account", Notice::OthersEnded))
}

fn row(session: &Summary, current: SessionId, now: Timestamp) -> DeviceRow {
    let moment = |at: Timestamp| Moment::new(at.unix_millis(), now.unix_millis());
    let is_current = session.id == current;
    DeviceRow {
        id: session.id.to_string(),
        device: Device::of(session.user_agent.as_deref().unwrap_or_default()),
        address: session.client_address.clone(),
        first_seen: moment(session.created_at),
        last_seen: moment(if is_current { now } else { session.last_seen_at }),
        remembered: session.remembered,
        current: is_current,
    }
}
