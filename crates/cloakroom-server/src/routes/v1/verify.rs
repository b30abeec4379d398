use cloakroom::Chain;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use cloakroom::Live;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Body;
use super::credential::{Credential, Good, cookie_max_age};
use super::holder::{Holder, SessionsRead};
use super::problem::ApiError;
use super::session::Session;
use super::whole::Whole;
use crate::app::{App, SharedApp};

/// Most tokens of one batch.
const MOST_TOKENS: usize = 100;
/// The longest that a request may have taken to be read: ten minutes.
const LONGEST_AGO_MS: u64 = 600_000;

/// A credential to verify.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Verification {
    /// What the client presented.
    token: Credential,
    /// Whether a successor of the credential may be made when it is due. Say true only where the
    /// answer can set the client's cookie.
    #[serde(default)]
    renew: bool,
    /// How long ago, in milliseconds, the request arrived that presented it. One that took long to
    /// be read, an upload for instance, is then not taken for theft because another tab renewed the
    /// credential meanwhile.
    #[schema(value_type = Option<u64>, minimum = 0, maximum = 600_000)]
    arrived_ms_ago: Option<Whole>,
}

/// What a credential is worth now.
#[derive(Serialize, ToSchema)]
pub(super) struct Verified {
    /// Whether it belongs to a live session.
    active: bool,
    /// The session; left out when it is not active.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<Session>,
    /// The credential to set in the place of the presented one, when `renew` was asked for and it
    /// is due. It may be ignored: the presented one stays good and the next answer has the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "clk_…")]
    successor: Option<String>,
    /// Seconds that the cookie of a remembered login lives; left out for one that ends with the
    /// browser.
    #[serde(skip_serializing_if = "Option::is_none")]
    cookie_max_age: Option<u64>,
}

impl Verified {
    const INACTIVE: Self =
        Self { active: false, session: None, successor: None, cookie_max_age: None };

    fn of(app: &App, good: &Good) -> Self {
        let record = &good.live.record;
        Self {
            active: true,
            session: Some(Session::of(record, good.known.as_ref())),
            successor: None,
            cookie_max_age: cookie_max_age(app, record),
        }
    }
}

/// Verify a credential. It counts as a use of the session.
///
/// The answer never says why a credential is not active. Cost: three reads of the local database.
#[utoipa::path(
    operation_id = "verify_session", post, path = "/v1/sessions/verify", tag = "sessions", security(("api_key" = ["sessions:read"])),
    request_body = Verification,
    responses((status = 200, description = "What it is worth now", body = Verified))
)]
pub(super) async fn verify(
    State(app): State<SharedApp>,
    _: Holder<SessionsRead>,
    Body { value: asked, .. }: Body<Verification>,
) -> Result<Json<Verified>, ApiError> {
    let ago = asked.arrived_ms_ago.map_or(0, |Whole(millis)| millis);
    if ago > LONGEST_AGO_MS {
        return Err(ApiError::invalid_body(format!("arrived_ms_ago is at most {LONGEST_AGO_MS}.")));
    }
    let arrived_at = app.cloakroom.sessions().now().before(Duration::from_millis(ago));
    let Some(good) = asked.token.verify_arrived(&app, arrived_at).await? else {
        return Ok(Json(Verified::INACTIVE));
    };
    let mut verified = Verified::of(&app, &good);
    if asked.renew {
        verified.successor = successor(&app, &good.live).await;
    }
    Ok(Json(verified))
}

async fn successor(app: &App, live: &Live) -> Option<String> {
    match app.cloakroom.sessions().renew(live).await {
        Ok(token) => token.map(|token| token.reveal().to_owned()),
        // The presented one is still good, and the next verification tries again.
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "a credential could not be renewed yet");
            None
        }
    }
}

/// Credentials to verify.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Batch {
    /// 1 to 100 of them.
    #[schema(min_items = 1, max_items = 100)]
    tokens: Vec<Credential>,
}

/// What each credential is worth now.
#[derive(Serialize, ToSchema)]
pub(super) struct BatchVerified {
    /// In the order of the tokens.
    results: Vec<Verified>,
}

/// Verify up to 100 credentials, each by itself.
#[utoipa::path(
    operation_id = "verify_sessions", post, path = "/v1/sessions/verify-batch", tag = "sessions",
    security(("api_key" = ["sessions:read"])), request_body = Batch,
    responses((status = 200, description = "What each is worth now", body = BatchVerified))
)]
pub(super) async fn verify_batch(
    State(app): State<SharedApp>,
    _: Holder<SessionsRead>,
    Body { value: Batch { tokens }, .. }: Body<Batch>,
) -> Result<Json<BatchVerified>, ApiError> {
    if !(1..=MOST_TOKENS).contains(&tokens.len()) {
        return Err(ApiError::invalid_body(format!("tokens must be 1 to {MOST_TOKENS} of them.")));
    }
    let mut results = Vec::with_capacity(tokens.len());
    for token in &tokens {
        let good = token.verify(&app).await?;
        results.push(good.map_or(Verified::INACTIVE, |good| Verified::of(&app, &good)));
    }
    Ok(Json(BatchVerified { results }))
}
