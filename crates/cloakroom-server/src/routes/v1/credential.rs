use std::fmt;
use std::sync::Arc;

use cloakroom::{Live, Record, StoreError, Timestamp, Verdict};
use serde::Deserialize;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use crate::app::App;
use crate::users::UserRow;

/// A session token that an application passes on. `Debug` shows only the name of the type.
#[derive(Deserialize, ToSchema)]
#[serde(from = "String")]
#[schema(value_type = String, example = "clk_…")]
pub(super) struct Credential(Zeroizing<String>);

impl From<String> for Credential {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Credential")
    }
}

/// A session that is good now, and its user if this server keeps them.
pub(super) struct Good {
    pub(super) live: Live,
    pub(super) known: Option<UserRow>,
}

impl Credential {
    /// The session it belongs to; `None`, and no word why, when it is good for nothing.
    pub(super) async fn verify(&self, app: &App) -> Result<Option<Good>, StoreError> {
        self.verify_arrived(app, app.cloakroom.sessions().now()).await
    }

    /// As [`Credential::verify`], of a request that the application got at `arrived_at`.
    pub(super) async fn verify_arrived(
        &self,
        app: &App,
        arrived_at: Timestamp,
    ) -> Result<Option<Good>, StoreError> {
        match app.cloakroom.sessions().verify_arrived(&self.0, arrived_at).await? {
            Verdict::Valid(live) => {
                let known = admitted(app, &live.record).await?;
                Ok(known.map(|known| Good { live, known }))
            }
            Verdict::Absent | Verdict::Rejected(_) => Ok(None),
        }
    }
}

/// Seconds that the cookie of a remembered login lives.
pub(super) fn cookie_max_age(app: &App, record: &Record) -> Option<u64> {
    let left = || record.absolute_deadline.since(app.cloakroom.sessions().now()).as_secs();
    record.remembered.then(left)
}

/// The user of a live session, if this server keeps them; `None` when they were disabled or their
/// sessions ended since (law 11).
pub(super) async fn admitted(
    app: &App,
    record: &Arc<Record>,
) -> Result<Option<Option<UserRow>>, StoreError> {
    let Some(id) = &record.user else { return Ok(Some(None)) };
    Ok(match app.users.by_id(id).await? {
        Some(user) if !user.admits(record.id, record.epoch) => None,
        known => Some(known),
    })
}
