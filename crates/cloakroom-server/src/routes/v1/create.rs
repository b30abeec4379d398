use std::net::IpAddr;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use cloakroom::{Carry, ClientInfo, Issued, Login, SessionId, User, UserId, check_key};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::{KnownFormat, Schema, SchemaFormat, Type};
use utoipa::openapi::{ObjectBuilder, OneOfBuilder};

use super::body::Body;
use super::credential::{Credential, cookie_max_age};
use super::data_schema::DataKey;
use super::holder::{Holder, SessionsWrite};
use super::object::Object;
use super::problem::{ApiError, superseded};
use super::session::Session;
use super::users::ordinary;
use super::whole::Whole;
use crate::app::{App, SharedApp};
use crate::reservations::Creation;
use crate::users::{MOST_GROUPS, UserRow};

const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Set when an earlier try had made the session.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// A session to create for a user whom the application has authenticated itself.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSession {
    /// Who is logged in.
    #[schema(value_type = NewSessionUser)]
    user: Object<NewSessionUser>,
    /// Where the login came from, for lists and the history.
    #[serde(default)]
    #[schema(value_type = NewClient)]
    client: Object<NewClient>,
    /// Uses the longer timeouts, and a cookie that outlives the browser.
    #[serde(default)]
    remember: bool,
    /// The user's epoch, read before the password was checked: if all sessions of the user are
    /// ended in between, the login is refused.
    #[schema(value_type = Option<u64>, minimum = 0, maximum = 9223372036854775807_i64)]
    as_of_epoch: Option<Whole>,
    /// The credential that the same client presented, if any: its session ends in the same commit.
    replaces: Option<Credential>,
    /// Which data of the replaced session goes over. That of another user's never does.
    #[serde(default)]
    carry: Carried,
}

/// Who is logged in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSessionUser {
    /// The application's own id: 1 to 128 visible ASCII characters without commas.
    #[schema(value_type = String, min_length = 1, max_length = 128, pattern = "^(?!\\.{1,2}$)[!-+\\--~]{1,128}$")]
    id: UserId,
    /// The name that lists show; the id unless given.
    #[schema(min_length = 1, max_length = 128, pattern = "^[!-+\\--~]{1,128}$")]
    name: Option<String>,
    /// The groups held now; not for users that this server keeps itself.
    #[schema(max_items = 256)]
    groups: Option<Vec<Group>>,
}

/// 1 to 128 visible ASCII characters without commas.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 128, pattern = "^[!-+\\--~]{1,128}$")]
pub(super) struct Group(String);

/// Where a login came from.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewClient {
    /// The client's IP address.
    #[schema(schema_with = address)]
    address: Option<IpAddr>,
    /// The client's user agent; 512 bytes of it are kept.
    user_agent: Option<String>,
}

fn address() -> Schema {
    let text = |format| ObjectBuilder::new().schema_type(Type::String).format(Some(format));
    OneOfBuilder::new()
        .item(text(SchemaFormat::KnownFormat(KnownFormat::Ipv4)))
        .item(text(SchemaFormat::KnownFormat(KnownFormat::Ipv6)))
        .item(ObjectBuilder::new().schema_type(Type::Null))
        .description(Some("The client's IP address."))
        .into()
}

/// `nothing`, `everything`, or a list of keys.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(try_from = "serde_json::Value")]
#[schema(value_type = CarriedForms)]
pub(super) struct Carried(Carry);

/// Which data goes over.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only the document is made from it")]
pub(super) enum CarriedForms {
    Word(CarriedWord),
    Keys(Vec<DataKey>),
}

/// None or all of it.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "only the document is made from it")]
pub(super) enum CarriedWord {
    Nothing,
    Everything,
}

impl TryFrom<serde_json::Value> for Carried {
    type Error = &'static str;

    fn try_from(value: serde_json::Value) -> Result<Self, Self::Error> {
        let wrong = "carry must be \"nothing\", \"everything\" or a list of keys";
        if let Some(word) = value.as_str() {
            return match word {
                "nothing" => Ok(Self(Carry::Nothing)),
                "everything" => Ok(Self(Carry::Everything)),
                _ => Err(wrong),
            };
        }
        let keys: Vec<String> = serde_json::from_value(value).map_err(|_| wrong)?;
        let fit = keys.iter().all(|key| check_key(key).is_ok());
        if fit { Ok(Self(Carry::Keys(keys))) } else { Err(wrong) }
    }
}

/// A session just created.
#[derive(Serialize, ToSchema)]
pub(super) struct Created {
    /// The credential. It is shown this once: hand it to the client, for instance as a cookie with
    /// the prefix `__Host-`, and keep it nowhere else.
    #[schema(example = "clk_…")]
    token: String,
    /// The session.
    session: Session,
    /// Seconds that the cookie of a remembered login lives; left out for one that ends with the
    /// browser.
    #[serde(skip_serializing_if = "Option::is_none")]
    cookie_max_age: Option<u64>,
    /// Sessions that the limit of concurrent sessions ended; not told again by a replay.
    #[schema(value_type = Vec<String>)]
    ended: Vec<SessionId>,
}

/// Create a session for a user whom the application has authenticated itself.
///
/// With an `Idempotency-Key` a retry is safe: the credential is derived from the key, so a retry
/// with the same body gets the same one, for 24 hours. Cost: one synced commit, two with a key.
#[utoipa::path(
    operation_id = "create_session", post, path = "/v1/sessions", tag = "sessions", security(("api_key" = ["sessions:write"])),
    request_body = NewSession,
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255,
        pattern = "^[!-~]{1,255}$",
        description = "Makes a retry safe: 1 to 255 visible ASCII characters, a fresh random text for each login")),
    responses(
        (status = 201, description = "Created, or created before by the same key", body = Created),
        (status = 403, description = "`user-disabled`, `administrator`, `insufficient-scope`", body = super::problem::ProblemDetails),
        (status = 409, description = "`session-limit`, `epoch-superseded`, `credential-superseded`", body = super::problem::ProblemDetails),
        (status = 410, description = "`session-ended`: the session that this key made has ended", body = super::problem::ProblemDetails),
    )
)]
pub(super) async fn create(
    State(app): State<SharedApp>,
    holder: Holder<SessionsWrite>,
    IdempotencyKey(key): IdempotencyKey,
    body: Body<NewSession>,
) -> Result<Response, ApiError> {
    let Body { value: new, raw } = body;
    let (Object(who), Object(client)) = (new.user, new.client);
    let (known, epoch) = app.begin_login(&who.id).await?;
    let id = who.id.clone();
    let user = user(who, known.as_ref())?;
    let epoch = as_of(epoch, known.as_ref(), new.as_of_epoch)?;
    let login = Login::new(user).remember(new.remember).carry(new.carry.0).as_of(epoch);
    let client = ClientInfo {
        address: client.address.map(|address| address.to_canonical().to_string()),
        user_agent: client.user_agent,
    };
    let over = match &new.replaces {
        Some(credential) => credential.verify(&app).await?.map(|good| good.live),
        None => None,
    };
    let sessions = app.cloakroom.sessions();
    let issued = match key {
        None => sessions.log_in(login, client, over.as_ref()).await?,
        Some(key) => {
            let creation = Creation { caller: &holder.key.id, key: &key, body: &raw };
            let once = app.reservations.reserve(creation, &id, sessions.now()).await?;
            let once = once.ok_or_else(key_reused)?;
            sessions.log_in_once(login, client, over.as_ref(), once).await?
        }
    };
    Ok(created(&app, issued, known.as_ref()))
}

fn created(app: &App, issued: Issued, known: Option<&UserRow>) -> Response {
    let repeated = issued.repeated;
    let created = Created {
        token: issued.token.reveal().to_owned(),
        session: Session::of(&issued.live.record, known),
        cookie_max_age: cookie_max_age(app, &issued.live.record),
        ended: issued.ended,
    };
    let mut response = (StatusCode::CREATED, Json(created)).into_response();
    if repeated {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

fn user(new: NewSessionUser, known: Option<&UserRow>) -> Result<User, ApiError> {
    let user = User::new(new.id.as_str())?;
    let Some(known) = known else {
        let groups = new.groups.unwrap_or_default();
        if groups.len() > MOST_GROUPS {
            return Err(ApiError::invalid_body(format!("There are at most {MOST_GROUPS} groups.")));
        }
        let name = new.name.unwrap_or_else(|| new.id.to_string());
        return Ok(user.name(name)?.groups(groups.into_iter().map(|Group(group)| group))?);
    };
    ordinary(known)?;
    if known.disabled {
        let detail = "This user is disabled; `cloakroom user enable` lets them in again.";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "user-disabled", detail));
    }
    if new.groups.is_some() || new.name.is_some_and(|name| name != known.name) {
        let detail = "This server keeps the name and groups of this user: leave them out here.";
        return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "user-kept-here", detail));
    }
    Ok(user.name(known.name.as_str())?.groups(known.groups.clone())?)
}

/// The epoch that the login is as of: never above the present one, or a later end of all the
/// user's sessions would not reach it.
fn as_of(epoch: u64, known: Option<&UserRow>, given: Option<Whole>) -> Result<u64, ApiError> {
    let own = known.map_or(0, |known| known.epoch);
    let as_of = given.map_or(epoch, |Whole(given)| given.min(epoch));
    if as_of < own { Err(superseded()) } else { Ok(as_of) }
}

fn key_reused() -> ApiError {
    let detail =
        "This Idempotency-Key was used with another body; make a fresh one for each login.";
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", detail)
}

/// What the application sent to make a retry safe.
pub(super) struct IdempotencyKey(Option<String>);

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let mut values = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(value) = values.next() else { return Ok(Self(None)) };
        let visible = value.as_bytes().iter().all(u8::is_ascii_graphic);
        let one = values.next().is_none() && visible && (1..=255).contains(&value.len());
        match value.to_str() {
            Ok(key) if one => Ok(Self(Some(key.to_owned()))),
            _ => Err(ApiError::new(
                StatusCode::BAD_REQUEST,
                "invalid-idempotency-key",
                "An Idempotency-Key is one header of 1 to 255 visible ASCII characters.",
            )),
        }
    }
}
