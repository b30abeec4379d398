use std::time::Duration;

use axum::Json;
use axum::extract::State;
use cloakroom::{CAPABILITIES, Capability, Keeping, Support};
use serde::Serialize;
use utoipa::ToSchema;

use super::body::{MOST_BYTES, MOST_DEEP};
use super::holder::{AnyScope, Holder};
use super::problem::ApiError;
use super::query::MOST_ROWS;
use crate::api_keys::Scope;
use crate::app::SharedApp;

/// What this server does and promises.
#[derive(Serialize, ToSchema)]
pub(super) struct Capabilities {
    /// The server's version.
    version: &'static str,
    /// How sessions are kept.
    strategy: &'static str,
    /// Where they are kept: `memory`, `sqlite`, `postgres`, `redis` or `redis-backed`.
    kept_in: &'static str,
    /// What does not apply everywhere, and whether it does here.
    capabilities: Vec<Applies>,
    /// When an acknowledged end is refused everywhere: `immediate`, `within …` or `at expiry`.
    revocation_bound: String,
    /// What a crash can take of what was acknowledged: `lossless`, `up to … may be lost` or `lost
    /// on restart`.
    durability: String,
    /// Seconds.
    idle_timeout_seconds: u64,
    /// Seconds.
    absolute_timeout_seconds: u64,
    /// Seconds, of remembered logins.
    remember_idle_timeout_seconds: u64,
    /// Seconds, of remembered logins.
    remember_absolute_timeout_seconds: u64,
    /// Seconds after which a credential is due to be renewed.
    renew_after_seconds: u64,
    /// Seconds that an ended session stays in the history.
    history_seconds: u64,
    /// How large things may be.
    limits: Limits,
    /// What this API key may do.
    scopes: Vec<Scope>,
}

/// Something that does not apply everywhere.
#[derive(Serialize, ToSchema)]
pub(super) struct Applies {
    /// Its stable name.
    name: &'static str,
    /// What it means.
    meaning: &'static str,
    /// `yes`, `if` or `no`.
    applies: &'static str,
    /// Under which condition, or why not; null with `yes`.
    #[schema(required)]
    because: Option<&'static str>,
}

impl Applies {
    fn of(capability: &Capability, keeping: Keeping) -> Self {
        let (applies, because) = match capability.of(keeping) {
            Support::Yes => ("yes", None),
            Support::If(condition) => ("if", Some(condition)),
            Support::No(why) => ("no", Some(why)),
        };
        Self { name: capability.name, meaning: capability.meaning, applies, because }
    }
}

/// How large things may be.
#[derive(Serialize, ToSchema)]
pub(super) struct Limits {
    /// Bytes of a body.
    body_bytes: usize,
    /// Levels of nesting of a body.
    body_depth: usize,
    /// Rows of a page.
    page_rows: u32,
    /// Keys of one session's data.
    data_keys: usize,
    /// Bytes of one session's data, keys and JSON text.
    data_bytes: usize,
    /// Sessions of one user at once; null when there is no limit.
    #[schema(required)]
    sessions_per_user: Option<u32>,
}

/// What this server does and promises, and what this API key may do.
#[utoipa::path(
    operation_id = "read_capabilities", get, path = "/v1/capabilities", tag = "capabilities", security(("api_key" = [])),
    responses((status = 200, description = "What it does", body = Capabilities))
)]
pub(super) async fn show(
    State(app): State<SharedApp>,
    holder: Holder<AnyScope>,
) -> Result<Json<Capabilities>, ApiError> {
    let sessions = app.cloakroom.sessions();
    let (policy, keeping) = (sessions.policy(), app.config.keeping());
    let seconds = |duration: Duration| duration.as_secs();
    Ok(Json(Capabilities {
        version: env!("CARGO_PKG_VERSION"),
        strategy: app.config.server.strategy.as_str(),
        kept_in: keeping.as_str(),
        capabilities: CAPABILITIES.iter().map(|each| Applies::of(each, keeping)).collect(),
        revocation_bound: sessions.revocation_bound().to_string(),
        durability: sessions.durability().to_string(),
        idle_timeout_seconds: seconds(policy.lifetime.idle),
        absolute_timeout_seconds: seconds(policy.lifetime.absolute),
        remember_idle_timeout_seconds: seconds(policy.remember.idle),
        remember_absolute_timeout_seconds: seconds(policy.remember.absolute),
        renew_after_seconds: seconds(policy.renew_after),
        history_seconds: seconds(policy.history),
        limits: Limits {
            body_bytes: MOST_BYTES,
            body_depth: MOST_DEEP,
            page_rows: MOST_ROWS,
            data_keys: policy.data.keys,
            data_bytes: policy.data.bytes,
            sessions_per_user: policy.limit.map(|limit| limit.most),
        },
        scopes: holder.key.scopes,
    }))
}
