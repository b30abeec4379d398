//! Who makes a request: a live session whose user is there, enabled and not ended since.

use cloakroom::{Error, Live, Session, StoreError};

use crate::app::App;
use crate::users::UserRow;

/// A person who is signed in.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The session.
    pub live: Live,
    /// The user, as the database has them now.
    pub user: UserRow,
}

/// Who is signed in on this session; `None` for visitors, and for users who were disabled or
/// whose sessions were ended, from the moment that was committed (law 11).
///
/// Costs one read of the session and one of the user.
///
/// # Errors
/// A fault of the store, or credentials of several sessions.
pub async fn identify(app: &App, session: &Session) -> Result<Option<Identity>, Error> {
    match session.live().await? {
        Some(live) => Ok(admitted(app, live).await?),
        None => Ok(None),
    }
}

async fn admitted(app: &App, live: Live) -> Result<Option<Identity>, StoreError> {
    let Some(id) = live.user() else { return Ok(None) };
    let user = app.users.by_id(id).await?;
    let admitted = user.filter(|user| user.admits(live.id(), live.record.epoch));
    Ok(admitted.map(|user| Identity { live, user }))
}
